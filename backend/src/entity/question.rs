//! Questions of administrators to applicants: `questions`.

use sea_orm::entity::prelude::*;

use domain::status::UserId;
use domain::time::Timestamp;

/// One row of `questions`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "questions")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The id of the applicant.
    pub user_id: UserId,
    /// The id of the administrator who asked.
    pub asked_by: Option<UserId>,
    /// The time at which the question was asked.
    pub asked_at: Timestamp,
    /// The question; `None` once it has been erased.
    pub question: Option<String>,
    /// The answer.
    pub answer: Option<String>,
    /// The time of the answer.
    pub answered_at: Option<Timestamp>,
    /// The time at which the administrator withdrew the question.
    pub withdrawn_at: Option<Timestamp>,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
