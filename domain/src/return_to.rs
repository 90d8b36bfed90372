//! The page to which a user returns after sign-in.
//!
//! # Guarantees
//!
//! - A [`ReturnTo`] begins with `/` and has no `//` in its path and no `\`, because browsers read both as another host.
//! - It has no control character.
//! - It is neither the sign-out page nor a page whose URL contains a secret.

use serde::{Deserialize, Serialize};

/// The maximum length in bytes.
const MAX_LENGTH: usize = 512;

/// A page of this portal: path and query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReturnTo(String);

/// Paths in lower case that are never returned to, because they end a session, contain a secret or are not pages.
const EXCLUDED_PATHS: &[&str] = &[
    "/logout",
    "/auto-login/",
    "/confirm/",
    "/confirm-address/",
    "/answer/",
    "/undo/",
    "/keep/",
    "/setup/",
    "/do/",
    "/pkg/",
    "/auth/",
    "/signin",
    "/getatoken",
    "/ms-login",
    "/ms-logout",
    "/session",
    "/healthz",
    "/readyz",
];

impl ReturnTo {
    /// Parses the untrusted parameter `next`. Returns `None` if it is not an allowed page of this portal.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let has_valid_characters =
            text.len() <= MAX_LENGTH && !text.chars().any(|c| c.is_control() || c == '\\');
        let path = text.split(['?', '#']).next().unwrap_or_default();
        let is_local = path.starts_with('/') && !path.contains("//");
        // Browsers normalise dot segments and escaped characters, which could turn the path into an excluded one.
        let is_normalised =
            !path.split('/').any(|part| part == "." || part == "..") && !path.contains(['%', ' ']);
        // In another case, the path would be redirected to the excluded one.
        let lower_case = path.to_ascii_lowercase();
        let is_allowed = !EXCLUDED_PATHS
            .iter()
            .any(|excluded| lower_case == excluded.trim_end_matches('/') || lower_case.starts_with(excluded));
        (is_local && has_valid_characters && is_normalised && is_allowed).then(|| Self(text.to_owned()))
    }

    /// Returns the path and query, valid in a `Location` header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
