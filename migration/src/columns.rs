//! The types of columns, so that each type is the same in every migration.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// Returns an automatically incremented 64-bit primary key. Its values are never reused.
pub fn id() -> ColumnDef {
    let mut column = ColumnDef::new("id");
    column.big_integer().not_null().auto_increment().primary_key();
    column
}

/// Returns a column for an instant in Unix microseconds.
pub fn instant(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.big_integer().not_null();
    column
}

/// Returns a column for an instant in Unix microseconds, or NULL.
pub fn instant_or_null(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.big_integer().null();
    column
}

/// Returns a column for an instant in Unix microseconds that is sorted or compared, with 0 for "never": NULLs sort differently
/// on the two databases.
pub fn instant_or_zero(name: &'static str) -> ColumnDef {
    let mut column = instant(name);
    column.default(0);
    column
}

/// Returns a text column.
pub fn text(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.text().not_null();
    column
}

/// Returns a text column that may be NULL.
pub fn text_or_null(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.text().null();
    column
}

/// Returns a text column that is compared or sorted byte by byte, which is SQLite's default.
pub fn key(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    let mut column = text(name);
    if manager.get_database_backend() == DbBackend::Postgres {
        column.extra(r#"COLLATE "C""#);
    }
    column
}

/// Returns a column for a 32-bit integer.
pub fn number(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.integer().not_null();
    column
}

/// Returns a column for a 32-bit integer, or NULL.
pub fn number_or_null(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.integer().null();
    column
}

/// Returns a foreign key to the account in `user_id`.
pub fn user_foreign_key(
    table: &'static str,
    name: &'static str,
    on_delete: ForeignKeyAction,
) -> ForeignKeyCreateStatement {
    let mut key = ForeignKey::create();
    key.name(name).from(table, "user_id").to("users", "id").on_delete(on_delete);
    key
}
