//! The rules for administrators' actions on accounts.
//!
//! # Guarantees
//!
//! - Administrators change statuses and roles only as [`AccountState::decide`] allows.
//! - [`AccountState::decide`] changes nothing itself, takes the time as an argument, and explains a refusal with an [`ErrorCode`].
//!
//! The rule that an active administrator always exists is checked in the database transaction, where administrators are
//! counted.

use std::time::Duration;

use crate::errors::ErrorCode;
use crate::status::{AdminAction, Role, Status, UserId};
use crate::time::Timestamp;

/// The time for which a rejected registration is kept and can be moved back to pending. Then it is deleted.
pub const REJECTION_RETENTION: Duration = Duration::from_hours(720);
/// The time for which a pending registration with an unconfirmed email address is kept.
pub const UNCONFIRMED_RETENTION: Duration = Duration::from_hours(168);
/// The time for which a registration on hold with an unconfirmed email address is kept, from the question.
pub const HELD_RETENTION: Duration = Duration::from_hours(720);
/// The time after an approval for which answers, questions and the IP address of a registration are kept.
pub const REGISTRATION_DATA_RETENTION: Duration = Duration::from_hours(2_160);

/// The time for which a pending registration is assigned to an administrator.
pub const ASSIGNMENT_PERIOD: Duration = Duration::from_mins(15);

/// The facts about a user on which the rules depend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// The id of the user.
    pub id: UserId,
    /// The status.
    pub status: Status,
    /// The role.
    pub role: Role,
    /// True if the email address is confirmed.
    pub confirmed: bool,
    /// The time of the last change of status.
    pub status_since: Timestamp,
    /// True if the account is due for deletion at its owner's request.
    pub deletion_due: bool,
}

/// The effect of an action on an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The new status.
    pub status: Status,
    /// The new role.
    pub role: Role,
}

impl AccountState {
    /// Returns the change that `action` by the administrator `actor` makes at `now`, or the reason why it is not allowed.
    /// `confirmed_only` is the setting `REQUIRE_CONFIRMED_ADDRESS`.
    pub fn decide(
        &self,
        action: AdminAction,
        actor: UserId,
        confirmed_only: bool,
        now: Timestamp,
    ) -> Result<Change, ErrorCode> {
        use AdminAction as A;
        use Status as S;
        let keep = Change { status: self.status, role: self.role };
        let wrong_status = Err(ErrorCode::WrongStatus(self.status.public()));
        match (action, self.status) {
            (_, S::Shadow) => Err(ErrorCode::UserNotFound),
            (A::Deactivate | A::RemoveAdmin, _) if self.id == actor => Err(ErrorCode::OwnAccount),
            (A::Approve, S::Pending | S::Held) if confirmed_only && !self.confirmed => {
                Err(ErrorCode::EmailUnconfirmed)
            }
            (A::Approve, S::Pending | S::Held | S::Deactivated) | (A::Reactivate, S::Deactivated) => {
                Ok(Change { status: S::Active, ..keep })
            }
            (A::Ask, S::Pending) => Ok(Change { status: S::Held, ..keep }),
            (A::Reject, S::Pending | S::Held) => Ok(Change { status: S::Rejected, ..keep }),
            (A::Reconsider, S::Rejected) if now.since(self.status_since) <= REJECTION_RETENTION => {
                Ok(Change { status: S::Pending, ..keep })
            }
            (A::Deactivate, S::Active) => Ok(Change { status: S::Deactivated, ..keep }),
            // The status stays, but the owner can no longer cancel the deletion.
            (A::Deactivate, S::Deactivated) if self.deletion_due => Ok(keep),
            (A::MakeAdmin, S::Active) => match (self.role, self.confirmed) {
                (Role::Admin, _) => Err(ErrorCode::AlreadyAdmin),
                (_, false) => Err(ErrorCode::EmailUnconfirmed),
                _ => Ok(Change { role: Role::Admin, ..keep }),
            },
            (A::RemoveAdmin, _) if self.role == Role::Member => Err(ErrorCode::NotAdmin),
            (A::RemoveAdmin, S::Active | S::Deactivated) => Ok(Change { role: Role::Member, ..keep }),
            _ => wrong_status,
        }
    }

    /// Returns the actions that are allowed at `now`, in the order in which pages list them.
    #[must_use]
    pub fn allowed_actions(&self, actor: UserId, confirmed_only: bool, now: Timestamp) -> Vec<AdminAction> {
        AdminAction::ALL
            .into_iter()
            .filter(|action| !(*action == AdminAction::Approve && self.status == Status::Deactivated))
            .filter(|action| self.decide(*action, actor, confirmed_only, now).is_ok())
            .collect()
    }

    /// Returns true if `change` removes an administrator who can sign in.
    #[must_use]
    pub fn loses_admin(&self, change: Change) -> bool {
        let is_active_admin = self.status == Status::Active && self.role == Role::Admin;
        is_active_admin && !(change.status == Status::Active && change.role == Role::Admin)
    }
}
