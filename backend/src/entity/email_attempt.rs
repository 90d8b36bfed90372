//! The times of recent attempts to send an email: `email_attempts`.

use sea_orm::entity::prelude::*;

use domain::time::Timestamp;

/// One row of `email_attempts`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "email_attempts")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The time at which the attempt started.
    pub attempted_at: Timestamp,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
