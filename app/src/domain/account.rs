//! An account's states, roles and the decisions that move it.
//!
//! Guarantees: [`Account::decide`] is the only way from one state to another that an administrator has; it takes the
//! present instant, changes nothing itself and says in a [`Problem`] why a decision is refused. That there is always
//! an active administrator is held where the accounts are counted: in the database's transaction.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::answer::Problem;
use super::time::Timestamp;

/// How long after a rejection it can be taken back; then the row is gone.
pub const REJECTION_KEPT: Duration = Duration::from_secs(30 * 86_400);
/// How long a registration whose address was never confirmed waits before it is purged.
pub const UNCONFIRMED_KEPT: Duration = Duration::from_secs(7 * 86_400);

/// The number that stands for a person. Never used twice.
pub type UserId = i32;

/// Where an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Registered; waits for an administrator.
    Pending,
    /// An administrator asked something and waits for the answer.
    Held,
    /// May sign in.
    Active,
    /// Declined.
    Rejected,
    /// Was active; shut out until reactivated.
    Deactivated,
    /// Registered with an address that somebody else has confirmed: keeps the name, is shown to nobody.
    Shadow,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Held, Self::Active, Self::Rejected, Self::Deactivated, Self::Shadow];

    /// The name in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Held => "held",
            Self::Active => "active",
            Self::Rejected => "rejected",
            Self::Deactivated => "deactivated",
            Self::Shadow => "shadow",
        }
    }

    /// Reads the name in the database.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// What an active account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Uses the portal.
    Member,
    /// Runs it, too.
    Admin,
}

impl Role {
    /// The name in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }

    /// Reads the name in the database.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Member, Self::Admin].into_iter().find(|role| role.as_str() == name)
    }
}

/// What an administrator can decide about somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Lets somebody in who waits; reactivates who was deactivated.
    Approve,
    /// Declines somebody who waits.
    Reject,
    /// Puts a rejected person back into the queue.
    Reconsider,
    /// Shuts an active person out.
    Deactivate,
    /// Lets a deactivated person in again.
    Reactivate,
    /// Makes an active person an administrator.
    MakeAdmin,
    /// Makes an administrator a member.
    RemoveAdmin,
}

impl Decision {
    /// Every decision.
    pub const ALL: [Self; 7] = [
        Self::Approve,
        Self::Reject,
        Self::Reconsider,
        Self::Deactivate,
        Self::Reactivate,
        Self::MakeAdmin,
        Self::RemoveAdmin,
    ];

    /// The name in addresses, e.g. `/admin/make-admin/7`.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Reconsider => "reconsider",
            Self::Deactivate => "deactivate",
            Self::Reactivate => "reactivate",
            Self::MakeAdmin => "make-admin",
            Self::RemoveAdmin => "remove-admin",
        }
    }

    /// Reads the name in addresses.
    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|decision| decision.slug() == slug)
    }
}

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
        let refused = Err(Problem::OtherState(self.status));
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
