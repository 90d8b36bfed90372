//! Where a visitor goes after signing in.
//!
//! Guarantees: a [`NextPage`] is a page of this portal. It begins with `/`, has neither `//` in its path nor `\` anywhere
//! (browsers read both as another host) and no control character, and is neither sign-out nor a page that carries a secret.

use serde::{Deserialize, Serialize};

/// Longest address that is kept, in bytes.
const MAX_LENGTH: usize = 512;

/// A page of this portal: path and query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NextPage(String);

/// Pages that nobody is led to: they end a session, hold a secret or are no pages.
const NEVER: &[&str] = &[
    "/logout",
    "/auto-login/",
    "/confirm/",
    "/confirm-address/",
    "/undo/",
    "/keep/",
    "/setup/",
    "/do/",
    "/pkg/",
    "/auth/",
    "/signin",
    "/getAToken",
    "/ms-login",
    "/ms-logout",
    "/session",
    "/healthz",
    "/readyz",
];

impl NextPage {
    /// Reads a `next` from outside. `None` where it is missing or leads anywhere it must not.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.len() <= MAX_LENGTH && !text.chars().any(|c| c.is_control() || c == '\\');
        let path = text.split(['?', '#']).next().unwrap_or_default();
        let here = path.starts_with('/') && !path.contains("//");
        // A dot segment or an escaped slash could become one of the forbidden pages once a browser has read it.
        let tame = !path.split('/').any(|part| part == "." || part == "..") && !path.contains(['%', ' ']);
        let allowed =
            !NEVER.iter().any(|never| path == never.trim_end_matches('/') || path.starts_with(never));
        (here && plain && tame && allowed).then(|| Self(text.to_owned()))
    }

    /// The address, fit for a `Location` header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
