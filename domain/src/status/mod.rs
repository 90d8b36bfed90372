//! The status, the role and the id of an account, and the actions of administrators on accounts.
//!
//! # Guarantees
//!
//! - Each value has one name in the database and in URLs, and no other text is read as it.

pub mod transitions;

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The id of an account. It is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "sea-orm", derive(sea_orm::DeriveValueType))]
#[serde(transparent)]
pub struct UserId(pub i32);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for UserId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// The status of an account. It cannot be serialised, so that no shadow leaves the backend: see [`PublicStatus`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "sea-orm",
    derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum),
    sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")
)]
pub enum Status {
    /// Registered, and waiting for approval.
    Pending,
    /// Waiting for the answer to an administrator's question.
    Held,
    /// May sign in.
    Active,
    /// Rejected by an administrator.
    Rejected,
    /// Was active, and may not sign in until it is reactivated.
    Deactivated,
    /// Registered with an email address that another account has confirmed. It keeps the username and is never shown.
    Shadow,
}

impl Role {
    /// Returns the name in the database and in forms.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }

    /// Parses the name in forms.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Member, Self::Admin].into_iter().find(|role| role.as_str() == name)
    }
}

impl Status {
    /// All statuses.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Held, Self::Active, Self::Rejected, Self::Deactivated, Self::Shadow];

    /// Returns the name in the database.
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

    /// Returns the status that people may know: a shadow looks pending.
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

/// The status that pages and responses show. It has no shadow, because that would reveal that another account has confirmed
/// the email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PublicStatus {
    /// Waiting for approval.
    Pending,
    /// Waiting for the answer to an administrator's question.
    Held,
    /// May sign in.
    Active,
    /// Rejected by an administrator.
    Rejected,
    /// Cannot sign in until an administrator reactivates it.
    Deactivated,
}

/// The role of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sea-orm",
    derive(sea_orm::EnumIter, sea_orm::DeriveActiveEnum),
    sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May use the portal.
    Member,
    /// May also administer it.
    Admin,
}

/// An action of an administrator on a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminAction {
    /// Approves a pending registration. On a deactivated account it does the same as [`Self::Reactivate`].
    Approve,
    /// Rejects a pending registration.
    Reject,
    /// Moves a rejected registration back to pending.
    Reconsider,
    /// Deactivates an active account.
    Deactivate,
    /// Reactivates a deactivated account.
    Reactivate,
    /// Gives an active user the administrator role.
    MakeAdmin,
    /// Removes the administrator role.
    RemoveAdmin,
    /// Asks the applicant of a pending registration a question. The registration is on hold until they answer.
    Ask,
}

impl AdminAction {
    /// All actions, in the order in which menus list them. Destructive actions are not first.
    pub const ALL: [Self; 8] = [
        Self::Approve,
        Self::Ask,
        Self::Reject,
        Self::Reconsider,
        Self::Reactivate,
        Self::MakeAdmin,
        Self::RemoveAdmin,
        Self::Deactivate,
    ];

    /// Returns true if the action takes something from the user. Such buttons are red.
    #[must_use]
    pub fn is_destructive(self) -> bool {
        matches!(self, Self::Reject | Self::Deactivate | Self::RemoveAdmin)
    }

    /// Returns the name in URLs, for example the `make-admin` of `/admin/make-admin/7`.
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
            Self::Ask => "ask",
        }
    }

    /// Returns true if the action can be undone for a short time.
    #[must_use]
    pub fn is_undoable(self) -> bool {
        !matches!(self, Self::Reconsider | Self::MakeAdmin | Self::RemoveAdmin)
    }

    /// Returns the status to which the action leads, or `None` if it changes the role.
    #[must_use]
    pub fn status_after(self) -> Option<Status> {
        match self {
            Self::Approve | Self::Reactivate => Some(Status::Active),
            Self::Reject => Some(Status::Rejected),
            Self::Reconsider => Some(Status::Pending),
            Self::Deactivate => Some(Status::Deactivated),
            Self::Ask => Some(Status::Held),
            Self::MakeAdmin | Self::RemoveAdmin => None,
        }
    }

    /// Parses the name in URLs.
    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.slug() == slug)
    }
}
