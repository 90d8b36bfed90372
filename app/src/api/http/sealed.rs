//! The portal's own cookies, beside the session's: what is shown once, who registered here, which theme.
//!
//! Guarantees: all but the theme are sealed (AES-256-GCM, axum-extra's private jar) under a key of their own, carry
//! the instant of their making, and are worth nothing after their time whatever the browser does.

use std::time::Duration;

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::IntoResponse;
use axum_extra::extract::cookie::{Cookie, Key, PrivateCookieJar, SameSite};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::backend::Backend;
use crate::backend::known_browsers::{KNOWN_LIFETIME, KnownBrowser};
use crate::backend::sessions::NewSession;
use crate::domain::answer::Notice;
use crate::domain::problem::{Field, Refusal};
use crate::domain::status::UserId;
use crate::domain::time::Timestamp;

/// How long something waits to be shown.
const FLASH_LIFETIME: Duration = Duration::from_mins(10);
/// How long the right password, given once, lets one ask for another mail.
const PROOF_LIFETIME: Duration = Duration::from_mins(10);
/// How long this browser is known to have registered somebody: as long as such an account waits unconfirmed.
const REGISTRATION_LIFETIME: Duration = Duration::from_hours(168);
/// How many people one browser is known for.
const MOST_KNOWN: usize = 4;
/// How long a browser may stay at Microsoft, as for the conversation itself.
const TRIP_LIFETIME: Duration = Duration::from_mins(10);
/// How long the theme is remembered.
const THEME_LIFETIME: Duration = Duration::from_hours(8_760);
/// Largest value that is kept, in bytes: browsers keep 4096 of a cookie, and sealing adds a third and 40.
const MAX_VALUE: usize = 2_200;

/// The cookie of the session's id, which the session layer reads.
pub const SESSION: &str = "session";
const FLASH: &str = "flash";
const REGISTERED: &str = "registered";
const PROVED: &str = "proved";
const THEME: &str = "theme";
const KNOWN: &str = "known";
const TYPED: &str = "typed";
const TRIP: &str = "microsoft";

/// What one page leaves to be shown on another, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// The page it belongs to.
    pub path: String,
    /// Good news.
    pub notice: Option<Notice>,
    /// Bad news.
    pub refusal: Option<Refusal>,
    /// What was typed.
    pub kept: Vec<(Field, String)>,
    /// Whom it is about.
    pub about: Option<String>,
    /// When it was left.
    pub at: Timestamp,
}

/// What was typed on a page whose session ended meanwhile: it waits there until somebody has signed in again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    /// The page.
    pub path: String,
    /// What was typed.
    pub kept: Vec<(Field, String)>,
    /// Whose session had ended.
    pub user_id: UserId,
    /// When.
    pub at: Timestamp,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// Reads its name; anything unknown is the system's choice.
    pub fn parse(name: &str) -> Self {
        match name {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// Somebody's number, and when it was written.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Stamped {
    user_id: UserId,
    at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct BrowserSecret {
    secret: String,
    at: Timestamp,
}

/// The accounts that have signed in in this browser, the latest first. A row in the database decides whether an account still knows
/// this browser.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct KnownPeople(Vec<(KnownBrowser, Timestamp)>);

impl KnownPeople {
    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What it is known as to each of them.
    pub fn browsers(&self) -> Vec<KnownBrowser> {
        self.0.iter().map(|(known, _)| known.clone()).collect()
    }

    /// The same with this one first.
    fn with(&self, known: KnownBrowser, now: Timestamp) -> Self {
        let others = self.0.iter().filter(|(other, _)| other.user_id() != known.user_id()).cloned();
        Self(std::iter::once((known.clone(), now)).chain(others).take(MOST_KNOWN).collect())
    }
}

/// Most cookies of one name that are read. There is one, unless another site of the same domain sets some of that name.
const MOST_NAMESAKES: usize = 4;

/// Returns each `name=value` with this name in the request's cookies.
fn cookies_named<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok());
    texts
        .flat_map(|text| text.split(';').map(str::trim))
        .filter(move |pair| pair.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')))
}

/// Makes and reads the cookies of one portal.
pub struct CookieJar {
    keys: Vec<Key>,
    secure: bool,
}

impl std::fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CookieJar")
    }
}

impl CookieJar {
    /// The jar of this portal.
    pub fn new(backend: &Backend) -> Self {
        Self {
            keys: backend.keys.cookies().iter().map(|key| Key::from(key)).collect(),
            secure: backend.settings.is_https(),
        }
    }

    fn name(&self, name: &str) -> String {
        if self.secure { format!("__Host-{name}") } else { name.to_owned() }
    }

    fn build(&self, name: &str, value: String, lifetime: Duration) -> Cookie<'static> {
        let mut cookie = self.build_passing(name, value);
        cookie.set_max_age(time::Duration::seconds(i64::try_from(lifetime.as_secs()).unwrap_or(0)));
        cookie
    }

    /// A cookie that ends with the browser.
    fn build_passing(&self, name: &str, value: String) -> Cookie<'static> {
        Cookie::build((self.name(name), value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.secure)
            .build()
    }

    /// `None` where the value is too large or cannot be written: then there is no cookie, and nothing else happens.
    fn seal(&self, name: &str, value: &impl Serialize, lifetime: Duration) -> Option<HeaderValue> {
        self.seal_into(value, |value| self.build(name, value, lifetime))
    }

    fn seal_into(
        &self,
        value: &impl Serialize,
        build: impl FnOnce(String) -> Cookie<'static>,
    ) -> Option<HeaderValue> {
        let value = serde_json::to_string(value).ok().filter(|value| value.len() <= MAX_VALUE)?;
        let jar = PrivateCookieJar::new(self.keys.first()?.clone()).add(build(value));
        let header = jar.into_response().headers().get(SET_COOKIE)?.to_str().ok()?.to_owned();
        // Base64's own characters are allowed in a cookie (RFC 6265, 4.1.1). Left escaped, the same content would be
        // longer or shorter by chance, and lengths could not be compared.
        HeaderValue::from_str(&header.replace("%2F", "/").replace("%3D", "=")).ok()
    }

    fn open<T: DeserializeOwned>(&self, headers: &HeaderMap, name: &str) -> Option<T> {
        let name = self.name(name);
        cookies_named(headers, &name).take(MOST_NAMESAKES).find_map(|cookie| {
            // Alone, because a jar decrypts every cookie that it is given.
            let alone = HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(cookie).ok()?)]);
            self.keys.iter().find_map(|key| {
                let cookie = PrivateCookieJar::from_headers(&alone, key.clone()).get(&name)?;
                serde_json::from_str(cookie.value()).ok()
            })
        })
    }

    fn stamped(&self, headers: &HeaderMap, name: &str, lifetime: Duration, now: Timestamp) -> Option<UserId> {
        let stamped: Stamped = self.open(headers, name)?;
        (now.since(stamped.at) < lifetime).then_some(stamped.user_id)
    }

    /// Leaves something to be shown once.
    pub fn flash(&self, flash: &Flash) -> Option<HeaderValue> {
        self.seal(FLASH, flash, FLASH_LIFETIME)
    }

    /// What was left for the page `path`.
    pub fn take_flash(&self, headers: &HeaderMap, path: &str, now: Timestamp) -> Option<Flash> {
        let flash: Flash = self.open(headers, FLASH)?;
        (flash.path == path && now.since(flash.at) < FLASH_LIFETIME).then_some(flash)
    }

    /// Keeps what was typed on a page until somebody has signed in again.
    pub fn typed(&self, typed: &Typed) -> Option<HeaderValue> {
        self.seal(TYPED, typed, FLASH_LIFETIME)
    }

    /// What `user_id` typed on the page `path`.
    pub fn take_typed(
        &self,
        headers: &HeaderMap,
        path: &str,
        user_id: UserId,
        now: Timestamp,
    ) -> Option<Typed> {
        let typed: Typed = self.open(headers, TYPED)?;
        (typed.path == path && typed.user_id == user_id && now.since(typed.at) < FLASH_LIFETIME)
            .then_some(typed)
    }

    /// Removes what was typed.
    pub fn no_typed(&self) -> Option<HeaderValue> {
        let cookie = self.build(TYPED, String::new(), Duration::ZERO);
        HeaderValue::from_str(&cookie.to_string()).ok()
    }

    /// Removes what was left.
    pub fn no_flash(&self) -> Option<HeaderValue> {
        let cookie = self.build(FLASH, String::new(), Duration::ZERO);
        HeaderValue::from_str(&cookie.to_string()).ok()
    }

    /// The cookie of a session that was opened just now. A shared computer's ends with the browser.
    pub fn session(&self, session: NewSession, now: Timestamp) -> Option<HeaderValue> {
        let id = session.id.to_string();
        let cookie = if session.shared {
            self.build_passing(SESSION, id)
        } else {
            self.build(SESSION, id, session.expires_at.since(now))
        };
        HeaderValue::from_str(&cookie.to_string()).ok()
    }

    /// Removes the session's cookie.
    pub fn no_session(&self) -> Option<HeaderValue> {
        let cookie = self.build(SESSION, String::new(), Duration::ZERO);
        HeaderValue::from_str(&cookie.to_string()).ok()
    }

    /// This browser registered `user_id`.
    pub fn registration(&self, user_id: UserId, now: Timestamp) -> Option<HeaderValue> {
        self.seal(REGISTERED, &Stamped { user_id, at: now }, REGISTRATION_LIFETIME)
    }

    /// The same on a shared computer: it ends with the browser.
    pub fn passing_registration(&self, user_id: UserId, now: Timestamp) -> Option<HeaderValue> {
        self.seal_into(&Stamped { user_id, at: now }, |value| self.build_passing(REGISTERED, value))
    }

    /// Who registered in this browser.
    pub fn read_registration(&self, headers: &HeaderMap, now: Timestamp) -> Option<UserId> {
        self.stamped(headers, REGISTERED, REGISTRATION_LIFETIME, now)
    }

    /// The right password of `user_id` was given here.
    pub fn proof(&self, user_id: UserId, now: Timestamp) -> Option<HeaderValue> {
        self.seal(PROVED, &Stamped { user_id, at: now }, PROOF_LIFETIME)
    }

    /// Whose right password was given here.
    pub fn read_proof(&self, headers: &HeaderMap, now: Timestamp) -> Option<UserId> {
        self.stamped(headers, PROVED, PROOF_LIFETIME, now)
    }

    /// This browser has signed somebody in, and others before.
    pub fn known(&self, before: &KnownPeople, known: KnownBrowser, now: Timestamp) -> Option<HeaderValue> {
        self.seal(KNOWN, &before.with(known, now), KNOWN_LIFETIME)
    }

    /// Whom this browser has signed in.
    pub fn read_known(&self, headers: &HeaderMap, now: Timestamp) -> KnownPeople {
        let mut known: KnownPeople = self.open(headers, KNOWN).unwrap_or_default();
        known.0.retain(|(_, at)| now.since(*at) < KNOWN_LIFETIME);
        known
    }

    /// This browser's secret in its conversations with Microsoft.
    pub fn trip(&self, secret: &str, now: Timestamp) -> Option<HeaderValue> {
        self.seal(TRIP, &BrowserSecret { secret: secret.to_owned(), at: now }, TRIP_LIFETIME)
    }

    /// The same, of a browser that may be in one.
    pub fn read_trip(&self, headers: &HeaderMap, now: Timestamp) -> Option<String> {
        let kept: BrowserSecret = self.open(headers, TRIP)?;
        (now.since(kept.at) < TRIP_LIFETIME).then_some(kept.secret)
    }

    /// Remembers a theme; it is no secret.
    pub fn theme(&self, theme: Theme) -> Option<HeaderValue> {
        let lifetime = if theme == Theme::System { Duration::ZERO } else { THEME_LIFETIME };
        HeaderValue::from_str(&self.build(THEME, theme.as_str().to_owned(), lifetime).to_string()).ok()
    }

    /// The theme this browser asks for.
    pub fn read_theme(&self, headers: &HeaderMap) -> Theme {
        let name = self.name(THEME);
        let theme = cookies_named(headers, &name).next().and_then(|pair| pair.split_once('='));
        theme.map_or(Theme::System, |(_, value)| Theme::parse(value))
    }
}
