//! Sessions: opening, recognising and ending them.
//!
//! Guarantees: signed in is who has both a session record and a row in `user_sessions` of the same id, with the user's
//! present epoch, an active user, and time left. The row is read with the user in one SELECT on each request, so
//! ending a session, deactivating or demoting somebody counts from their very next request. Anonymous visitors have no
//! session at all.

mod at_once;
mod end;
mod find;
mod open;

use std::time::Duration;

use super::Actor;
use super::audit::Action;
use super::known_browsers::KnownBrowser;
use crate::domain::status::{Role, UserId};
use crate::domain::time::Timestamp;

pub use end::{
    delete_sessions_of, end_sessions, hold_person, refuse_during_recovery, remove_ended_records,
    require_session, revoke_other_sessions, revoke_session, sign_out,
};
pub use find::{Presented, find_time_left, find_viewer, is_alive, seconds_until, select_viewer, whose};
pub use open::{
    BrowserSession, NewSession, Opening, PreparedSession, insert_session, insert_sign_in, note_sign_in,
    open_session, open_session_proved_at, prepare_session,
};

/// What a session record holds: the name of its row.
const HANDLE: &str = "handle";
/// Whose it is, for what was typed when it ended.
const USER: &str = "user";
/// How long a sign-in proves who somebody is where there is no password to ask for.
const PROOF_LIFETIME: Duration = Duration::from_mins(10);

/// Most sessions of one person; past them the longest unused ends. More browsers than anybody has, and a page can list them.
const MOST_SESSIONS: u64 = 50;

/// What a session is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everything.
    Ordinary,
    /// Choosing a new password, and signing out.
    Restricted,
}

impl Kind {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Restricted => "restricted",
        }
    }

    /// Reads the name in the database. Whatever is not known is worth least.
    pub fn parse(name: &str) -> Self {
        if name == Self::Ordinary.as_str() { Self::Ordinary } else { Self::Restricted }
    }
}

/// How a session was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenedBy {
    /// With the password.
    Password,
    /// With the link from the approval mail.
    SignInLink,
    /// With a link that the operator printed.
    OperatorLink,
    /// With a temporary password.
    TemporaryPassword,
    /// With the link that takes a change of address back.
    UndoLink,
    /// With the link that keeps an account that is due for deletion.
    KeepLink,
    /// As the first administrator.
    Setup,
    /// With a Microsoft account.
    Microsoft,
}

impl OpenedBy {
    const ALL: [Self; 8] = [
        Self::Password,
        Self::SignInLink,
        Self::OperatorLink,
        Self::TemporaryPassword,
        Self::UndoLink,
        Self::KeepLink,
        Self::Setup,
        Self::Microsoft,
    ];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::SignInLink => "sign_in_link",
            Self::OperatorLink => "operator_link",
            Self::TemporaryPassword => "temporary_password",
            Self::UndoLink => "undo_link",
            Self::KeepLink => "keep_link",
            Self::Setup => "setup",
            Self::Microsoft => "microsoft",
        }
    }

    fn parse(name: &str) -> Self {
        Self::ALL.into_iter().find(|by| by.as_str() == name).unwrap_or(Self::Password)
    }

    fn kind(self) -> Kind {
        match self {
            Self::TemporaryPassword | Self::UndoLink | Self::KeepLink => Kind::Restricted,
            Self::Password | Self::SignInLink | Self::OperatorLink | Self::Setup | Self::Microsoft => {
                Kind::Ordinary
            }
        }
    }

    fn action(self) -> Action {
        match self {
            Self::Password => Action::SignIn,
            Self::SignInLink | Self::OperatorLink | Self::Setup => Action::SignInLink,
            Self::TemporaryPassword | Self::UndoLink | Self::KeepLink => Action::SignInTemporary,
            Self::Microsoft => Action::SignInMicrosoft,
        }
    }
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// Their number.
    pub user_id: UserId,
    /// Their name.
    pub username: String,
    /// Their address.
    pub email: String,
    /// What decides whether two addresses are the same.
    pub email_canonical: String,
    /// When the address was confirmed.
    pub email_confirmed_at: Option<Timestamp>,
    /// Their role.
    pub role: Role,
    /// When they registered.
    pub registered: Timestamp,
    /// When they last signed in.
    pub last_sign_in: Timestamp,
    /// Whether they have a password.
    pub has_password: bool,
    /// Their epoch, which is the session's too.
    pub epoch: i32,
    /// The session's public name.
    pub handle: String,
    /// What the session is good for.
    pub kind: Kind,
    /// How it was opened.
    pub opened_by: OpenedBy,
    /// When they proved who they are, in this session.
    pub proved_at: Timestamp,
    /// Whether the computer is shared.
    pub shared: bool,
    /// When it was last seen, to the minute: now, mostly.
    pub last_seen: Timestamp,
    /// When the session ends if it is not used any more.
    pub ends_at: Timestamp,
}

impl Viewer {
    /// What proving again who they are is counted under: the account, whichever of its sessions it is. One of a temporary
    /// password counts for itself, so that nobody who has another session keeps the owner from choosing a password.
    pub fn counted_as(&self) -> String {
        match self.kind {
            Kind::Ordinary => self.user_id.to_string(),
            Kind::Restricted => self.handle.clone(),
        }
    }

    /// Whether they may run the portal.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Whether the present password has to be given before something weighty. Who has none, and who came by the
    /// operator's link, has proved otherwise who they are; ask [`Viewer::proved_lately`] about them.
    pub fn must_give_password(&self) -> bool {
        self.kind == Kind::Ordinary && self.has_password && self.opened_by != OpenedBy::OperatorLink
    }

    /// Whether the sign-in is fresh enough to stand for the password.
    pub fn proved_lately(&self, now: Timestamp) -> bool {
        now.since(self.proved_at) <= PROOF_LIFETIME
    }

    /// Them as whoever acts from `source`.
    pub fn actor(&self, source: String) -> Actor {
        Actor { id: Some(self.user_id), name: self.username.clone(), source }
    }
}

/// What is known of the browser that opens a session.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    /// Its User-Agent.
    pub agent: String,
    /// The network address it comes from.
    pub address: String,
    /// The accounts that it is known to, by its sealed cookie.
    pub known: Vec<KnownBrowser>,
}
