//! Sessions that have ended, whose records are still to be removed.

use sea_orm::entity::prelude::*;

/// One row of `ended_sessions`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ended_sessions")]
pub struct Model {
    /// The hash of the session's id, as `user_sessions` had it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id_hash: String,
}

/// The relations to other tables (none).
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
