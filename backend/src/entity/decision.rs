//! Decisions of administrators about accounts, with what is needed to undo them: `decisions`.

use sea_orm::entity::prelude::*;

use super::open_enum::{ColumnText, OpenEnum};
use domain::status::{AdminAction, Role, Status, UserId};
use domain::time::Timestamp;

impl ColumnText for AdminAction {
    const ALL: &'static [Self] = &Self::ALL;

    fn as_str(self) -> &'static str {
        self.slug()
    }
}

/// One row of `decisions`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "decisions")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The id of the account.
    pub user_id: UserId,
    /// The action.
    pub action: OpenEnum<AdminAction>,
    /// The id of the administrator who decided.
    pub decided_by: UserId,
    /// The time of the decision.
    pub decided_at: Timestamp,
    /// The status before.
    pub status_before: Status,
    /// The time of the last change of status before.
    pub status_since_before: Timestamp,
    /// The id of the administrator who had set the status before.
    pub status_by_before: Option<UserId>,
    /// The role before.
    pub role_before: Role,
    /// The time at which the account was due for deletion before.
    pub deletion_due_before: Option<Timestamp>,
    /// The credential version after the decision.
    pub credential_version_after: i32,
    /// The reason that the applicant was told.
    pub reason: Option<String>,
    /// The note for administrators.
    pub note: Option<String>,
    /// The id of the email that the decision sends.
    pub email_id: Option<i64>,
    /// The end of the time in which the decision can be undone; zero if it cannot be undone.
    pub undo_until: Timestamp,
    /// The id that the decisions of one batch share.
    pub batch: Option<String>,
    /// The time at which the decision was undone.
    pub undone_at: Option<Timestamp>,
    /// The id of the administrator who undid the decision.
    pub undone_by: Option<UserId>,
    /// The blocked identities of the account before the decision: `email=none identity=unlinked@1800000000000000`, without hashes. An identity that
    /// the decision did not touch is left out.
    pub blocked_before: Option<String>,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
