//! Reasons that administrators have saved: `saved_reasons`.

use sea_orm::entity::prelude::*;

use super::open_enum::OpenEnum;
use domain::status::AdminAction;
use domain::time::Timestamp;

/// One row of `saved_reasons`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "saved_reasons")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The action that the reason is for.
    pub action: OpenEnum<AdminAction>,
    /// The title, which only administrators see.
    pub title: String,
    /// The text.
    pub text: String,
    /// True if the applicant is not told.
    pub silent: bool,
    /// The time of the last change.
    pub changed_at: Timestamp,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
