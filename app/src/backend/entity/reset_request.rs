//! Requests for a temporary password, which the worker looks into.

use sea_orm::entity::prelude::*;

/// One row of `reset_requests`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reset_requests")]
pub struct Model {
    /// The number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The address that was asked for, whoever has it.
    pub email_canonical: String,
    /// When it was asked for.
    pub created_at: i64,
    /// Not before.
    pub due_at: i64,
    /// How often it was tried in vain.
    pub attempts: i32,
    /// When it was tried in vain for the last time.
    pub failed_at: Option<i64>,
}

/// How it hangs together with other tables.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
