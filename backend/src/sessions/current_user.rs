//! The signed-in user of a request.

use std::time::Duration;

use crate::Actor;
use crate::sessions::{AuthMethod, SessionKind};
use domain::status::{Role, UserId};
use domain::time::Timestamp;

/// The time for which a sign-in counts as re-authentication if there is no password to ask for.
const RECENT_AUTHENTICATION: Duration = Duration::from_mins(10);

/// A signed-in user and the session of the request.
#[derive(Clone, Debug)]
pub struct CurrentUser {
    /// The id of the user.
    pub user_id: UserId,
    /// The username.
    pub username: String,
    /// The email address as typed.
    pub email: String,
    /// The canonical email address, by which email addresses are compared.
    pub email_canonical: String,
    /// The time at which the email address was confirmed.
    pub email_confirmed_at: Option<Timestamp>,
    /// The role.
    pub role: Role,
    /// The time of the registration.
    pub registered: Timestamp,
    /// The time of the last sign-in.
    pub last_sign_in: Timestamp,
    /// True if the account has a password.
    pub has_password: bool,
    /// The credential version of the user and of the session.
    pub credential_version: i32,
    /// The public id of the session.
    pub public_id: String,
    /// The kind of the session.
    pub kind: SessionKind,
    /// The authentication method that opened the session.
    pub auth_method: AuthMethod,
    /// The time of the last authentication in this session.
    pub authenticated_at: Timestamp,
    /// True if the computer is shared.
    pub shared: bool,
    /// The time of the last request, to the minute.
    pub last_seen: Timestamp,
    /// The time at which the session ends if it is not used again.
    pub ends_at: Timestamp,
}

impl CurrentUser {
    /// Returns the key by which re-authentication is counted: the account for an ordinary session. A restricted session is counted
    /// by itself, so that no one with another session can keep the owner from choosing a new password.
    pub fn rate_limit_key(&self) -> String {
        match self.kind {
            SessionKind::Ordinary => self.user_id.to_string(),
            SessionKind::Restricted => self.public_id.clone(),
        }
    }

    /// Returns true if the user is an administrator.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Returns true if a sensitive action requires the current password. A user without a password, or with a session from an
    /// operator's link, needs a recent authentication instead: see [`CurrentUser::is_recently_authenticated`].
    pub fn requires_password(&self) -> bool {
        self.kind == SessionKind::Ordinary
            && self.has_password
            && self.auth_method != AuthMethod::OperatorLink
    }

    /// Returns true if the last authentication is recent enough to replace the password.
    pub fn is_recently_authenticated(&self, now: Timestamp) -> bool {
        now.since(self.authenticated_at) <= RECENT_AUTHENTICATION
    }

    /// Returns the user as the actor of an action from `client_ip`.
    pub fn actor(&self, client_ip: String) -> Actor {
        Actor { id: Some(self.user_id), name: self.username.clone(), client_ip }
    }
}
