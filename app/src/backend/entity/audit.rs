//! What was done to accounts.

use sea_orm::entity::prelude::*;

/// One row of `audit`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit")]
pub struct Model {
    /// The number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// When.
    pub at: i64,
    /// What, e.g. `user.approve`.
    pub action: String,
    /// Who; nobody for visitors and the program itself.
    pub actor_id: Option<i32>,
    /// Their name then.
    pub actor_name: String,
    /// Whom it was done to.
    pub subject_id: Option<i32>,
    /// Their name then.
    pub subject_name: String,
    /// The network address it came from.
    pub source: String,
}

/// How it hangs together with other tables.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
