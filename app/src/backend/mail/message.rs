//! What mails say, before it is put into words.
//!
//! Guarantees: secrets in a message never print.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::status::UserId;

/// The kind of a mail, as the database and the desk name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Confirm your address.
    ConfirmAddress,
    /// You already have an account.
    AlreadyRegistered,
    /// Somebody waits.
    Notice,
    /// You were approved.
    Approved,
    /// You were reactivated.
    Reactivated,
}

impl Kind {
    const ALL: [Self; 5] =
        [Self::ConfirmAddress, Self::AlreadyRegistered, Self::Notice, Self::Approved, Self::Reactivated];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfirmAddress => "confirm_address",
            Self::AlreadyRegistered => "already_registered",
            Self::Notice => "notice",
            Self::Approved => "approved",
            Self::Reactivated => "reactivated",
        }
    }

    /// Reads the name in the database.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// What administrators read.
    pub fn words(self) -> &'static str {
        match self {
            Self::ConfirmAddress => "Confirm address",
            Self::AlreadyRegistered => "Already registered",
            Self::Notice => "Notice to administrators",
            Self::Approved => "Approval",
            Self::Reactivated => "Reactivation",
        }
    }

    /// Smaller goes first: people who wait before notices.
    pub fn priority(self) -> i32 {
        match self {
            Self::Approved | Self::Reactivated => 10,
            Self::ConfirmAddress | Self::AlreadyRegistered => 20,
            Self::Notice => 30,
        }
    }
}

/// Somebody who waits, as the notice tells of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The number.
    pub id: UserId,
    /// The name.
    pub username: String,
    /// The address.
    pub email: String,
    /// Whether the address is confirmed.
    pub confirmed: bool,
}

/// A mail's content.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Confirm your address.
    ConfirmAddress {
        /// Whose registration it is.
        username: String,
        /// Where to confirm.
        link: String,
        /// How long the link is good.
        lifetime: Duration,
    },
    /// Somebody registered with your address, and you already have an account.
    AlreadyRegistered {
        /// The name of the account that the owner has.
        username: String,
        /// Where to sign in.
        link: String,
    },
    /// Somebody waits to be let in.
    Notice {
        /// Who.
        people: Vec<Waiting>,
        /// The desk.
        desk: String,
    },
    /// You were let in.
    Approved {
        /// Who.
        username: String,
        /// Where to sign in, once.
        link: String,
        /// How long the link is good.
        lifetime: Duration,
        /// Whether the page will also ask for the password.
        asks_password: bool,
    },
    /// You were let in again.
    Reactivated {
        /// Who.
        username: String,
        /// Where to sign in.
        link: String,
    },
}

impl Message {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::ConfirmAddress { .. } => Kind::ConfirmAddress,
            Self::AlreadyRegistered { .. } => Kind::AlreadyRegistered,
            Self::Notice { .. } => Kind::Notice,
            Self::Approved { .. } => Kind::Approved,
            Self::Reactivated { .. } => Kind::Reactivated,
        }
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({})", self.kind().as_str())
    }
}
