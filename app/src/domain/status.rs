//! The words for where an account stands, what it may do and what can be decided about it.
//!
//! Guarantees: each has one name in the database and in addresses, and nothing else reads as it.

use serde::{Deserialize, Serialize};

/// The number that stands for a person. Never used twice.
pub type UserId = i32;

/// Where an account stands. It cannot be serialized, so that no shadow leaves the backend: see [`PublicStatus`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

    /// Returns the status as it is told: a shadow as pending.
    #[must_use]
    pub fn public(self) -> PublicStatus {
        match self {
            Self::Pending | Self::Shadow => PublicStatus::Pending,
            Self::Held => PublicStatus::Held,
            Self::Active => PublicStatus::Active,
            Self::Rejected => PublicStatus::Rejected,
            Self::Deactivated => PublicStatus::Deactivated,
        }
    }
}

/// A status as pages and answers tell it. There is no shadow, because that would tell that another account has confirmed
/// the email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PublicStatus {
    /// Waits for an administrator.
    Pending,
    /// An administrator asked something and waits for the answer.
    Held,
    /// May sign in.
    Active,
    /// Declined.
    Rejected,
    /// Cannot sign in until an administrator reactivates it.
    Deactivated,
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
    /// Every decision, in the order in which they are offered: the first thing in a menu is nothing that hurts.
    pub const ALL: [Self; 7] = [
        Self::Approve,
        Self::Reject,
        Self::Reconsider,
        Self::Reactivate,
        Self::MakeAdmin,
        Self::RemoveAdmin,
        Self::Deactivate,
    ];

    /// Whether it takes something from somebody: such buttons are red.
    #[must_use]
    pub fn takes(self) -> bool {
        matches!(self, Self::Reject | Self::Deactivate | Self::RemoveAdmin)
    }

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
