//! Sessions that have ended and whose records are still to be removed: `ended_sessions`.

use sea_orm::entity::prelude::*;

/// One row of `ended_sessions`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ended_sessions")]
pub struct Model {
    /// The hash of the session id, as in `user_sessions`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id_hash: String,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
