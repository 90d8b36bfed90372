//! Requests for a temporary password, which the worker processes: `password_reset_requests`.

use sea_orm::entity::prelude::*;

use domain::time::Timestamp;

/// One row of `password_reset_requests`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "password_reset_requests")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The requested email address in canonical form, whether or not it has an account.
    pub email_canonical: String,
    /// The time of the request.
    pub created_at: Timestamp,
    /// The earliest time of the next attempt.
    pub due_at: Timestamp,
    /// The number of failed attempts.
    pub attempts: i32,
    /// The time of the last failed attempt, once no further attempt follows.
    pub failed_at: Option<Timestamp>,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
