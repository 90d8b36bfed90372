//! Sessions: creating, authenticating and revoking them.
//!
//! # Guarantees
//!
//! - A user is signed in only with a session record and its row in `user_sessions`, neither of them expired.
//! - A session is valid only while the account is active and has the credential version of the session.
//! - Each request reads the row and the user in one SELECT. A revoked session, a deactivation or a changed role takes effect with
//!   the next request.
//! - Visitors have no session.

mod authenticate;
mod create;
mod current_user;
mod redis_records;
mod revoke;
mod sign_in;
pub mod store;
pub mod user_agent;

use crate::audit::Action;
use crate::auth::known_browsers::KnownBrowser;

pub use crate::entity::user_session::{AuthMethod, SessionKind};
pub use crate::sessions::authenticate::{
    SessionCookie, find_current_user, find_time_left, is_alive, seconds_until, select_current_user,
    session_owner,
};
pub use crate::sessions::create::{
    BrowserSession, NewSession, PendingSession, SessionRequest, delete_ended_record, insert_session,
    prepare_session,
};
pub(crate) use crate::sessions::create::{prepare_replacement, replace_session};
pub use crate::sessions::current_user::CurrentUser;
pub use crate::sessions::revoke::{
    delete_user_sessions, end_sessions, lock_user_row, refuse_during_recovery, remove_ended_records,
    require_session, revoke_other_sessions, revoke_session, sign_out,
};

pub use crate::sessions::sign_in::{SignedInBrowser, insert_sign_in, open_session, record_sign_in};

/// The key of the public id in a session record.
const PUBLIC_ID: &str = "handle";
/// The key of the user id in a session record, for input that was saved when the session ended.
const USER: &str = "user";
/// The maximum number of ordinary sessions of one user: more than anyone uses, and few enough for one page. Beyond it, the least
/// recently used session ends.
const MAX_SESSIONS: u64 = 50;

impl AuthMethod {
    /// Returns the kind of session that the method opens.
    fn session_kind(self) -> SessionKind {
        match self {
            Self::TemporaryPassword | Self::UndoLink | Self::KeepLink => SessionKind::Restricted,
            Self::Password | Self::SignInLink | Self::OperatorLink | Self::Setup | Self::Microsoft => {
                SessionKind::Ordinary
            }
        }
    }

    /// Returns the audit action of a sign-in with the method.
    fn action(self) -> Action {
        match self {
            Self::Password => Action::SignIn,
            Self::SignInLink | Self::OperatorLink | Self::Setup => Action::SignInLink,
            Self::TemporaryPassword | Self::UndoLink | Self::KeepLink => Action::SignInTemporary,
            Self::Microsoft => Action::SignInMicrosoft,
        }
    }
}

/// The browser that opens a session.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    /// The User-Agent header.
    pub user_agent: String,
    /// The client IP.
    pub client_ip: String,
    /// The accounts that know the browser, from its sealed cookie.
    pub known: Vec<KnownBrowser>,
}
