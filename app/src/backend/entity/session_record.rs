//! Session records, where there is no Redis.

use sea_orm::entity::prelude::*;

/// One row of `session_records`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session_records")]
pub struct Model {
    /// The hashed id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The record, as JSON.
    pub data: String,
    /// When it may be removed.
    pub expires_at: i64,
}

/// How it hangs together with other tables.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
