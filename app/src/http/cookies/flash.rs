//! The cookies that carry something to the next page: flash messages, input that must survive a sign-in, and the note that a
//! message has been shown.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::http::cookies::{CookieJar, CookieName, header};
use backend::infra::random;
use domain::decision::{BatchReport, LastChange};
use domain::errors::{Field, FormErrors};
use domain::flash_message::FlashMessage;
use domain::status::UserId;
use domain::time::Timestamp;

/// The lifetime of messages and of input.
const LIFETIME: Duration = Duration::from_mins(10);

/// The lifetime of the flash of a tab, whose page is loaded immediately.
const TAB_LIFETIME: Duration = Duration::from_mins(1);

/// The maximum number of flashes of tabs that a browser keeps.
const MAX_TABS: usize = 4;

/// The id of one tab's flash. The URL of the tab contains the id, so each tab shows only its own refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlashId(String);

impl FlashId {
    /// The query parameter with the id.
    const PARAMETER: &str = "refused=";
    /// The beginning of the cookie's name.
    const COOKIE_PREFIX: &str = "flash-";

    /// Generates an id.
    pub fn generate() -> Self {
        Self(random::public_id())
    }

    /// Reads the id in a query.
    pub fn find(query: &str) -> Option<Self> {
        let id = query.split('&').find_map(|pair| pair.strip_prefix(Self::PARAMETER))?;
        random::is_public_id(id).then(|| Self(id.to_owned()))
    }

    /// Returns the URL of `page` (path and query) with this id, and without another one.
    pub fn add_to(&self, page: &str) -> String {
        let (path, query) = page.split_once('?').unwrap_or((page, ""));
        let others = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with(Self::PARAMETER));
        let id = format!("{}{}", Self::PARAMETER, self.0);
        let pairs: Vec<&str> = others.chain([id.as_str()]).collect();
        format!("{path}?{}", pairs.join("&"))
    }

    /// Returns the id in the name of a cookie, without the prefix of the host, or `None` if it is not the flash of a tab.
    pub(super) fn from_cookie_name(name: &[u8]) -> Option<Self> {
        let id = std::str::from_utf8(name.strip_prefix(Self::COOKIE_PREFIX.as_bytes())?).ok()?;
        random::is_public_id(id).then(|| Self(id.to_owned()))
    }

    fn cookie_name(&self) -> String {
        format!("{}{}", Self::COOKIE_PREFIX, self.0)
    }
}

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
    /// The last change of the affected user.
    #[serde(default)]
    pub last_change: Option<LastChange>,
    /// The results of an action on several users.
    #[serde(default)]
    pub report: Option<BatchReport>,
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

/// The note that the browser has been told of the end of a session, whose cookie it keeps.
#[derive(Serialize, Deserialize)]
struct ReportedEnd {
    /// The hash of the session id.
    session: String,
    /// The time of creation.
    at: Timestamp,
}

impl CookieJar {
    /// Returns the cookie which records that the browser has been told of the end of a session. `session` is the hash of its id.
    pub fn reported_end(&self, session: &str, lifetime: Duration, now: Timestamp) -> Option<HeaderValue> {
        self.seal(CookieName::ReportedEnd, &ReportedEnd { session: session.to_owned(), at: now }, lifetime)
    }

    /// Returns true if the browser has been told of the end of this session.
    pub fn is_end_reported(
        &self,
        headers: &HeaderMap,
        session: &str,
        lifetime: Duration,
        now: Timestamp,
    ) -> bool {
        let reported: Option<ReportedEnd> = self.open(headers, CookieName::ReportedEnd);
        reported.is_some_and(|reported| reported.session == session && now.since(reported.at) < lifetime)
    }

    /// Returns the flash cookie.
    pub fn flash(&self, flash: &Flash) -> Option<HeaderValue> {
        let without_input = || Flash { input: Vec::new(), ..flash.clone() };
        let without_people = || {
            let report = flash.report.clone().map(BatchReport::without_people);
            Flash { report, ..without_input() }
        };
        // Anything that is too long for a cookie is left out.
        self.seal(CookieName::Flash, flash, LIFETIME)
            .or_else(|| self.seal(CookieName::Flash, &without_input(), LIFETIME))
            .or_else(|| self.seal(CookieName::Flash, &without_people(), LIFETIME))
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

    /// Returns the flash cookie of one tab.
    pub fn flash_of_tab(&self, flash: &Flash, id: &FlashId) -> Option<HeaderValue> {
        let without_input = || Flash { input: Vec::new(), ..flash.clone() };
        let name = id.cookie_name();
        self.seal(&name, flash, TAB_LIFETIME).or_else(|| self.seal(&name, &without_input(), TAB_LIFETIME))
    }

    /// Reads the flash cookie of one tab for the page `path`.
    pub fn read_flash_of_tab(
        &self,
        headers: &HeaderMap,
        path: &str,
        id: &FlashId,
        now: Timestamp,
    ) -> Option<Flash> {
        let flash: Flash = self.open(headers, id.cookie_name())?;
        (flash.path == path && now.since(flash.at) < TAB_LIFETIME).then_some(flash)
    }

    /// Returns the headers that remove the oldest flashes of tabs, if another one would be more than [`MAX_TABS`]. They expire soon,
    /// but many forms that are refused within a minute would make the Cookie header too long for the server.
    pub fn make_room_for_tab(&self, headers: &HeaderMap) -> Vec<HeaderValue> {
        let ids = header::names(headers).filter_map(|name| FlashId::from_cookie_name(self.bare_name(name)?));
        let mut ids: Vec<FlashId> = ids.collect();
        let surplus = (ids.len() + 1).saturating_sub(MAX_TABS);
        if surplus > 0 {
            let created_at = |id: &FlashId| self.open(headers, id.cookie_name()).map(|flash: Flash| flash.at);
            ids.sort_by_cached_key(created_at);
        }
        ids.iter().take(surplus).filter_map(|id| self.remove_flash_of_tab(id)).collect()
    }

    /// Returns the header that removes the flash cookie of one tab.
    pub fn remove_flash_of_tab(&self, id: &FlashId) -> Option<HeaderValue> {
        self.remove(id.cookie_name())
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
