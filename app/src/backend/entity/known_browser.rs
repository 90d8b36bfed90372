//! Browsers in which someone has signed in before.

use sea_orm::entity::prelude::*;

/// One row of `known_browsers`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "known_browsers")]
pub struct Model {
    /// The SHA-256 of the random id in the browser's cookie.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id_hash: String,
    /// The account that it is known to.
    pub user_id: i32,
    /// Failed sign-ins since the last successful one.
    pub failures: i32,
    /// When it last signed someone in.
    pub last_used_at: i64,
}

/// The relations to other tables (none).
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
