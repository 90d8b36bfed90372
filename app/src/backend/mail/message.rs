//! What mails say, before it is put into words.
//!
//! Guarantees: secrets in a message never print.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::status::{PublicStatus, UserId};
use crate::domain::time::Timestamp;

/// The kind of a mail, as the database and the desk name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Confirm your address.
    ConfirmAddress,
    /// You already have an account.
    AlreadyRegistered,
    /// Somebody waits.
    Notice,
    /// The owner of an account's email address did not register.
    AddressDisowned,
    /// You were approved.
    Approved,
    /// You were reactivated.
    Reactivated,
    /// A temporary password.
    TemporaryPassword,
    /// Why there is no temporary password.
    NoTemporaryPassword,
    /// Your password was changed.
    PasswordChanged,
    /// Confirm your new address.
    ChangeAddress,
    /// Your address was changed, to the old one.
    AddressChanged,
    /// A Microsoft account was linked or unlinked.
    MicrosoftChanged,
    /// Your account will be deleted.
    AccountDeletion,
    /// The operator looks whether mail arrives.
    Test,
}

impl Kind {
    const ALL: [Self; 14] = [
        Self::ConfirmAddress,
        Self::AlreadyRegistered,
        Self::Notice,
        Self::AddressDisowned,
        Self::Approved,
        Self::Reactivated,
        Self::TemporaryPassword,
        Self::NoTemporaryPassword,
        Self::PasswordChanged,
        Self::ChangeAddress,
        Self::AddressChanged,
        Self::MicrosoftChanged,
        Self::AccountDeletion,
        Self::Test,
    ];

    /// The kinds that tell an owner what was done to their account. They are sent even if the account has been deleted, so that
    /// no one can delete a warning.
    pub const SECURITY: [Self; 4] =
        [Self::PasswordChanged, Self::AddressChanged, Self::MicrosoftChanged, Self::AccountDeletion];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfirmAddress => "confirm_address",
            Self::AlreadyRegistered => "already_registered",
            Self::Notice => "notice",
            Self::AddressDisowned => "address_disowned",
            Self::Approved => "approved",
            Self::Reactivated => "reactivated",
            Self::TemporaryPassword => "temporary_password",
            Self::NoTemporaryPassword => "no_temporary_password",
            Self::PasswordChanged => "password_changed",
            Self::ChangeAddress => "change_address",
            Self::AddressChanged => "address_changed",
            Self::MicrosoftChanged => "microsoft_changed",
            Self::AccountDeletion => "account_deletion",
            Self::Test => "test",
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
            Self::AddressDisowned => "Email address disputed",
            Self::Approved => "Approval",
            Self::Reactivated => "Reactivation",
            Self::TemporaryPassword => "Temporary password",
            Self::NoTemporaryPassword => "Why there is no temporary password",
            Self::PasswordChanged => "Password changed",
            Self::ChangeAddress => "Confirm new address",
            Self::AddressChanged => "Address changed",
            Self::MicrosoftChanged => "Microsoft account changed",
            Self::AccountDeletion => "Account deletion",
            Self::Test => "Test",
        }
    }

    /// Smaller goes first: people who wait before notices.
    pub fn priority(self) -> i32 {
        match self {
            Self::TemporaryPassword => 5,
            Self::AddressDisowned
            | Self::Approved
            | Self::Reactivated
            | Self::PasswordChanged
            | Self::AddressChanged
            | Self::MicrosoftChanged
            | Self::AccountDeletion => 10,
            Self::ConfirmAddress
            | Self::AlreadyRegistered
            | Self::NoTemporaryPassword
            | Self::ChangeAddress => 20,
            Self::Notice | Self::Test => 30,
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
        /// When the account is deleted, if its owner asked for it.
        #[serde(default)]
        deletion_due: Option<Timestamp>,
    },
    /// Somebody waits to be let in.
    Notice {
        /// Who.
        people: Vec<Waiting>,
        /// The desk.
        desk: String,
    },
    /// The owner of an account's email address did not register: to administrators.
    AddressDisowned {
        /// Whose account it is.
        username: String,
        /// The email address.
        email: String,
        /// Where to look at the account.
        link: String,
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
    /// You were let in, and sign in with Microsoft.
    ApprovedMicrosoft {
        /// Who.
        username: String,
        /// Where to sign in.
        link: String,
    },
    /// You were let in again.
    Reactivated {
        /// Who.
        username: String,
        /// Where to sign in.
        link: String,
        /// Whether this cancelled a deletion.
        #[serde(default)]
        was_due: bool,
    },
    /// A temporary password.
    TemporaryPassword {
        /// Whose.
        username: String,
        /// The secret, in groups.
        password: String,
        /// Where to sign in with it.
        link: String,
        /// How long it is good.
        lifetime: Duration,
    },
    /// Somebody asked for a temporary password, and the account can't have one.
    NoTemporaryPassword {
        /// Whose.
        username: String,
        /// Why: its status, or that it has no password.
        status: PublicStatus,
        /// Where to sign in.
        link: String,
        /// When the account is deleted, if its owner asked for it.
        #[serde(default)]
        deletion_due: Option<Timestamp>,
    },
    /// Someone asked for a temporary password, and no account has confirmed the email address. It names no account,
    /// because a mistyped email address belongs to someone else.
    NoConfirmedAddress {
        /// Where to sign in.
        link: String,
    },
    /// Your password was changed.
    PasswordChanged {
        /// Whose.
        username: String,
        /// Where to ask for a temporary one.
        link: String,
    },
    /// Confirm your new address.
    ChangeAddress {
        /// Whose.
        username: String,
        /// Where to confirm.
        link: String,
        /// How long the link is good.
        lifetime: Duration,
    },
    /// Your address was changed: to the old one.
    AddressChanged {
        /// Whose.
        username: String,
        /// Where to take it back.
        link: String,
        /// How long the link is good.
        lifetime: Duration,
    },
    /// The same, to an address that has not been the account's for long and gets no way back.
    AddressChangedAgain {
        /// Whose.
        username: String,
        /// Where to sign in.
        link: String,
    },
    /// Your account will be deleted.
    AccountDeletion {
        /// The username.
        username: String,
        /// The time at which the account is deleted.
        due: Timestamp,
        /// The link that keeps the account.
        link: String,
        /// Whether the link also undoes a change of email address.
        undoes_change: bool,
        /// Whether the account has a password, which is replaced then.
        has_password: bool,
        /// Whether a Microsoft account is linked, which is unlinked then if there is a password.
        has_identity: bool,
    },
    /// The operator looks whether mail arrives.
    Test {
        /// The portal.
        link: String,
    },
    /// A Microsoft account was linked.
    MicrosoftLinked {
        /// Whose account here.
        username: String,
        /// Where to look at it.
        link: String,
    },
    /// It was unlinked.
    MicrosoftUnlinked {
        /// Whose account here.
        username: String,
        /// Where to look at it.
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
            Self::AddressDisowned { .. } => Kind::AddressDisowned,
            Self::Approved { .. } | Self::ApprovedMicrosoft { .. } => Kind::Approved,
            Self::Reactivated { .. } => Kind::Reactivated,
            Self::TemporaryPassword { .. } => Kind::TemporaryPassword,
            Self::NoTemporaryPassword { .. } | Self::NoConfirmedAddress { .. } => Kind::NoTemporaryPassword,
            Self::PasswordChanged { .. } => Kind::PasswordChanged,
            Self::ChangeAddress { .. } => Kind::ChangeAddress,
            Self::AccountDeletion { .. } => Kind::AccountDeletion,
            Self::Test { .. } => Kind::Test,
            Self::MicrosoftLinked { .. } | Self::MicrosoftUnlinked { .. } => Kind::MicrosoftChanged,
            Self::AddressChanged { .. } | Self::AddressChangedAgain { .. } => Kind::AddressChanged,
        }
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({})", self.kind().as_str())
    }
}
