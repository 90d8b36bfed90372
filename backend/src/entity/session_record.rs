//! Session records, if Redis is not configured: `session_records`.

use sea_orm::entity::prelude::*;

use domain::time::Timestamp;

/// One row of `session_records`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session_records")]
pub struct Model {
    /// The hash of the session id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The record as JSON.
    pub data: String,
    /// The time after which the record may be removed.
    pub expires_at: Timestamp,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
