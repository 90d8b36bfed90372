//! The cookies of the portal.
//!
//! # Guarantees
//!
//! - Every cookie except the session id and the theme is sealed (AES-256-GCM, axum-extra's private jar) with a key that seals
//!   nothing else.
//! - A sealed cookie contains the time of its creation and is ignored after its lifetime, even if the browser still sends it.

mod browser;
mod flash;
mod theme;

use std::time::Duration;

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::IntoResponse;
use axum_extra::extract::cookie::{Cookie, Key, PrivateCookieJar, SameSite};
use serde::Serialize;
use serde::de::DeserializeOwned;

use backend::Backend;
use backend::sessions::NewSession;
use domain::time::Timestamp;

pub use crate::http::cookies::browser::KnownBrowsers;
pub use crate::http::cookies::flash::{Flash, SavedInput};
pub use crate::http::cookies::theme::Theme;

/// The name of the session cookie, which the session layer reads.
pub const SESSION: &str = "session";

/// The maximum length of a value in bytes: browsers store at most 4,096 bytes per cookie, and sealing adds a third and 40 bytes.
const MAX_VALUE: usize = 2_200;
/// The maximum number of cookies with the same name that are read. There is one, unless another site of the domain sets more.
const MAX_SAME_NAME: usize = 4;

/// Returns each `name=value` with this name in the request's cookies.
fn cookies_named<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok());
    texts
        .flat_map(|text| text.split(';').map(str::trim))
        .filter(move |pair| pair.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')))
}

/// Creates and reads the cookies of one portal.
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
    /// Creates the jar of a portal.
    pub fn new(backend: &Backend) -> Self {
        Self {
            keys: backend.keys.cookies().iter().map(|key| Key::from(key)).collect(),
            secure: backend.settings.is_https(),
        }
    }

    /// Returns the cookie of a new session. On a shared computer it expires when the browser is closed.
    pub fn session(&self, session: NewSession, now: Timestamp) -> Option<HeaderValue> {
        let id = session.id.to_string();
        let cookie = if session.shared {
            self.build_transient(SESSION, id)
        } else {
            self.build(SESSION, id, session.expires_at.since(now))
        };
        HeaderValue::from_str(&cookie.to_string()).ok()
    }

    /// Returns the header that removes the session cookie.
    pub fn remove_session(&self) -> Option<HeaderValue> {
        self.remove(SESSION)
    }

    fn name(&self, name: &str) -> String {
        if self.secure { format!("__Host-{name}") } else { name.to_owned() }
    }

    fn build(&self, name: &str, value: String, lifetime: Duration) -> Cookie<'static> {
        let mut cookie = self.build_transient(name, value);
        cookie.set_max_age(time::Duration::seconds(i64::try_from(lifetime.as_secs()).unwrap_or(0)));
        cookie
    }

    /// Builds a cookie that expires when the browser is closed.
    fn build_transient(&self, name: &str, value: String) -> Cookie<'static> {
        Cookie::build((self.name(name), value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.secure)
            .build()
    }

    fn remove(&self, name: &str) -> Option<HeaderValue> {
        let cookie = self.build(name, String::new(), Duration::ZERO);
        HeaderValue::from_str(&cookie.to_string()).ok()
    }

    /// Seals a value. Returns `None` if it is too long or cannot be written: then there is no cookie.
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
        // The characters of Base64 are allowed in a cookie (RFC 6265, 4.1.1). If they stayed escaped, the same content
        // would vary in length at random, and lengths could not be compared.
        HeaderValue::from_str(&header.replace("%2F", "/").replace("%3D", "=")).ok()
    }

    fn open<T: DeserializeOwned>(&self, headers: &HeaderMap, name: &str) -> Option<T> {
        let name = self.name(name);
        cookies_named(headers, &name).take(MAX_SAME_NAME).find_map(|cookie| {
            // A jar decrypts every cookie that it is given, so it is given only one.
            let alone = HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(cookie).ok()?)]);
            self.keys.iter().find_map(|key| {
                let cookie = PrivateCookieJar::from_headers(&alone, key.clone()).get(&name)?;
                serde_json::from_str(cookie.value()).ok()
            })
        })
    }
}
