//! The cookies that carry something to the next page: flash messages, and input that must survive a sign-in.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::http::cookies::{CookieJar, CookieName};
use domain::errors::{Field, FormErrors};
use domain::flash_message::FlashMessage;
use domain::status::UserId;
use domain::time::Timestamp;

/// The lifetime of both cookies.
const LIFETIME: Duration = Duration::from_mins(10);

/// The message, errors and input that the next page shows once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// The path of the page that shows the flash.
    pub path: String,
    /// A message.
    pub message: Option<FlashMessage>,
    /// Errors.
    pub errors: Option<FormErrors>,
    /// The input of the refused form.
    pub input: Vec<(Field, String)>,
    /// The username of the affected user.
    pub affected_username: Option<String>,
    /// The time of creation.
    pub at: Timestamp,
}

/// Input on a page whose session had ended, saved until the user has signed in again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedInput {
    /// The path of the page.
    pub path: String,
    /// The input.
    pub input: Vec<(Field, String)>,
    /// The user whose session had ended.
    pub user_id: UserId,
    /// The time of creation.
    pub at: Timestamp,
}

impl CookieJar {
    /// Returns the flash cookie.
    pub fn flash(&self, flash: &Flash) -> Option<HeaderValue> {
        let without_input = || Flash { input: Vec::new(), ..flash.clone() };
        // Input that is too long for a cookie is left out.
        self.seal(CookieName::Flash, flash, LIFETIME)
            .or_else(|| self.seal(CookieName::Flash, &without_input(), LIFETIME))
    }

    /// Reads the flash cookie for the page `path`.
    pub fn read_flash(&self, headers: &HeaderMap, path: &str, now: Timestamp) -> Option<Flash> {
        let flash: Flash = self.open(headers, CookieName::Flash)?;
        (flash.path == path && now.since(flash.at) < LIFETIME).then_some(flash)
    }

    /// Returns the header that removes the flash cookie.
    pub fn remove_flash(&self) -> Option<HeaderValue> {
        self.remove(CookieName::Flash)
    }

    /// Returns the cookie of saved input.
    pub fn saved_input(&self, saved: &SavedInput) -> Option<HeaderValue> {
        self.seal(CookieName::SavedInput, saved, LIFETIME)
    }

    /// Reads the input that `user_id` had typed on the page `path`.
    pub fn read_saved_input(
        &self,
        headers: &HeaderMap,
        path: &str,
        user_id: UserId,
        now: Timestamp,
    ) -> Option<SavedInput> {
        let saved: SavedInput = self.open(headers, CookieName::SavedInput)?;
        (saved.path == path && saved.user_id == user_id && now.since(saved.at) < LIFETIME).then_some(saved)
    }

    /// Returns the header that removes the cookie of saved input.
    pub fn remove_saved_input(&self) -> Option<HeaderValue> {
        self.remove(CookieName::SavedInput)
    }
}
