//! An account's states, roles and the decisions that move it.
//!
//! Guarantees: [`Account::decide`] is the only way from one state to another that an administrator has; it takes the
//! present instant, changes nothing itself and says in a [`Problem`] why a decision is refused. That there is always
//! an active administrator is held where the accounts are counted: in the database's transaction.

use std::time::Duration;

use super::problem::Problem;
use super::status::{Decision, Role, Status, UserId};
use super::time::Timestamp;

/// How long after a rejection it can be taken back; then the row is gone.
pub const REJECTION_KEPT: Duration = Duration::from_hours(720);
/// How long a registration whose address was never confirmed waits before it is purged.
pub const UNCONFIRMED_KEPT: Duration = Duration::from_hours(168);

/// What a decision needs to know about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whom it is about.
    pub id: UserId,
    /// Where they stand.
    pub status: Status,
    /// Their role.
    pub role: Role,
    /// Whether their address is confirmed.
    pub confirmed: bool,
    /// Since when they have this status.
    pub status_since: Timestamp,
    /// Whether the account is due for deletion, because its owner asked for it.
    pub deletion_due: bool,
}

/// What a decision does to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The status from now on.
    pub status: Status,
    /// The role from now on.
    pub role: Role,
}

impl Account {
    /// Judges a decision by `actor` at `now`: the change, or why not.
    /// `confirmed_only` is the setting `REQUIRE_CONFIRMED_ADDRESS`.
    pub fn decide(
        &self,
        decision: Decision,
        actor: UserId,
        confirmed_only: bool,
        now: Timestamp,
    ) -> Result<Change, Problem> {
        use Decision as D;
        use Status as S;
        let keep = Change { status: self.status, role: self.role };
        let refused = Err(Problem::OtherState(self.status.public()));
        match (decision, self.status) {
            (_, S::Shadow) => Err(Problem::NoSuchPerson),
            (D::Deactivate | D::RemoveAdmin, _) if self.id == actor => Err(Problem::NotYourself),
            (D::Approve, S::Pending | S::Held) if confirmed_only && !self.confirmed => {
                Err(Problem::AddressUnconfirmed)
            }
            (D::Approve, S::Pending | S::Held | S::Deactivated) | (D::Reactivate, S::Deactivated) => {
                Ok(Change { status: S::Active, ..keep })
            }
            (D::Reject, S::Pending | S::Held) => Ok(Change { status: S::Rejected, ..keep }),
            (D::Reconsider, S::Rejected) if now.since(self.status_since) <= REJECTION_KEPT => {
                Ok(Change { status: S::Pending, ..keep })
            }
            (D::Deactivate, S::Active) => Ok(Change { status: S::Deactivated, ..keep }),
            // Then its owner cannot keep it any more.
            (D::Deactivate, S::Deactivated) if self.deletion_due => Ok(keep),
            (D::MakeAdmin, S::Active) => match (self.role, self.confirmed) {
                (Role::Admin, _) => Err(Problem::AlreadyAdmin),
                (_, false) => Err(Problem::AddressUnconfirmed),
                _ => Ok(Change { role: Role::Admin, ..keep }),
            },
            (D::RemoveAdmin, _) if self.role == Role::Member => Err(Problem::NotAdmin),
            (D::RemoveAdmin, S::Active | S::Deactivated) => Ok(Change { role: Role::Member, ..keep }),
            _ => refused,
        }
    }

    /// The decisions that can be taken here and now, in the order in which they are offered.
    #[must_use]
    pub fn offers(&self, actor: UserId, confirmed_only: bool, now: Timestamp) -> Vec<Decision> {
        Decision::ALL
            .into_iter()
            .filter(|decision| !(*decision == Decision::Approve && self.status == Status::Deactivated))
            .filter(|decision| self.decide(*decision, actor, confirmed_only, now).is_ok())
            .collect()
    }

    /// Whether `change` could leave the portal without an administrator who can sign in.
    #[must_use]
    pub fn loses_admin(&self, change: Change) -> bool {
        let is = self.status == Status::Active && self.role == Role::Admin;
        is && !(change.status == Status::Active && change.role == Role::Admin)
    }
}
