//! The cookies of the portal.
//!
//! # Guarantees
//!
//! - Every cookie except the session id and the theme is sealed (AES-256-GCM, axum-extra's private jar) with a key that seals
//!   nothing else.
//! - Cookies of other applications are ignored, whatever bytes they contain.
//! - A sealed cookie contains the time of its creation and is ignored after its lifetime, even if the browser still sends it.

mod browser;
mod flash;
mod header;
mod theme;

use std::fmt::{self, Display};
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

pub use crate::http::cookies::browser::{KnownBrowsers, VerifiedUser};
pub use crate::http::cookies::flash::{Flash, FlashId, SavedInput};
pub use crate::http::cookies::theme::Theme;

/// The name of the session cookie, which the session layer reads.
pub const SESSION: &str = "session";

/// The name of a cookie, without the prefix that binds it to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CookieName {
    Session,
    Theme,
    Flash,
    SavedInput,
    Registered,
    PasswordVerified,
    KnownBrowsers,
    Authorization,
    FormSecret,
    ReportedEnd,
}

impl CookieName {
    /// All names. A request keeps only the cookies with these names.
    const ALL: [Self; 10] = [
        Self::Session,
        Self::Theme,
        Self::Flash,
        Self::SavedInput,
        Self::Registered,
        Self::PasswordVerified,
        Self::KnownBrowsers,
        Self::Authorization,
        Self::FormSecret,
        Self::ReportedEnd,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Session => SESSION,
            Self::Theme => "theme",
            Self::Flash => "flash",
            Self::SavedInput => "typed",
            Self::Registered => "registered",
            Self::PasswordVerified => "proved",
            Self::KnownBrowsers => "known",
            Self::Authorization => "microsoft",
            Self::FormSecret => "form",
            Self::ReportedEnd => "ended",
        }
    }
}

impl Display for CookieName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The beginning of a name that binds a cookie to the host (RFC 6265bis, 4.1.3).
const HOST_PREFIX: &str = "__Host-";

/// The maximum length of a value in bytes: browsers store at most 4,096 bytes per cookie, and sealing adds a third and 40 bytes.
const MAX_VALUE: usize = 2_200;
/// The maximum number of cookies with the same name that are read. There is one, unless another site of the domain sets more.
const MAX_SAME_NAME: usize = 4;

/// Creates and reads the cookies of one portal.
pub struct CookieJar {
    keys: Vec<Key>,
    secure: bool,
}

impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

    /// Removes the cookies of other applications on the domain from a request. Bytes that are not ASCII would otherwise keep the
    /// session layer from reading any cookie.
    pub fn retain_own_cookies(&self, headers: &mut HeaderMap) {
        header::retain(headers, |name| {
            self.bare_name(name).is_some_and(|bare| {
                CookieName::ALL.iter().any(|own| own.as_str().as_bytes() == bare)
                    || FlashId::from_cookie_name(bare).is_some()
            })
        });
    }

    /// Returns the name of a cookie without the prefix of the host, or `None` if it should have the prefix.
    fn bare_name<'a>(&self, name: &'a [u8]) -> Option<&'a [u8]> {
        if self.secure { name.strip_prefix(HOST_PREFIX.as_bytes()) } else { Some(name) }
    }

    /// Reads the session id as the session layer does: the last of several.
    pub fn read_session<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        header::values(headers, &self.name(CookieName::Session)).last()
    }

    /// Returns the cookie of a new session. On a shared computer it expires when the browser is closed.
    pub fn session(&self, session: NewSession, now: Timestamp) -> Option<HeaderValue> {
        let id = session.id.to_string();
        let cookie = if session.shared {
            self.build_transient(CookieName::Session, id)
        } else {
            self.build(CookieName::Session, id, session.expires_at.since(now))
        };
        HeaderValue::from_str(&cookie.to_string()).ok()
    }

    /// Returns the header that removes the session cookie.
    pub fn remove_session(&self) -> Option<HeaderValue> {
        self.remove(CookieName::Session)
    }

    /// Returns true if the request has a cookie of the portal, so that the browser keeps cookies.
    pub fn has_any(&self, headers: &HeaderMap) -> bool {
        CookieName::ALL.into_iter().any(|name| header::values(headers, &self.name(name)).next().is_some())
    }

    fn name(&self, name: impl Display) -> String {
        format!("{}{name}", if self.secure { HOST_PREFIX } else { "" })
    }

    fn build(&self, name: impl Display, value: String, lifetime: Duration) -> Cookie<'static> {
        let mut cookie = self.build_transient(name, value);
        cookie.set_max_age(time::Duration::seconds(i64::try_from(lifetime.as_secs()).unwrap_or(0)));
        cookie
    }

    /// Builds a cookie that expires when the browser is closed.
    fn build_transient(&self, name: impl Display, value: String) -> Cookie<'static> {
        Cookie::build((self.name(name), value))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.secure)
            .build()
    }

    fn remove(&self, name: impl Display) -> Option<HeaderValue> {
        let cookie = self.build(name, String::new(), Duration::ZERO);
        HeaderValue::from_str(&cookie.to_string()).ok()
    }

    /// Seals a value. Returns `None` if it is too long or cannot be written: then there is no cookie.
    fn seal(&self, name: impl Display, value: &impl Serialize, lifetime: Duration) -> Option<HeaderValue> {
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

    fn open<T: DeserializeOwned>(&self, headers: &HeaderMap, name: impl Display) -> Option<T> {
        let name = self.name(name);
        header::values(headers, &name).take(MAX_SAME_NAME).find_map(|value| {
            // A jar decrypts every cookie that it is given, so it is given only one.
            let alone = HeaderValue::from_str(&format!("{name}={value}")).ok()?;
            let alone = HeaderMap::from_iter([(COOKIE, alone)]);
            self.keys.iter().find_map(|key| {
                let cookie = PrivateCookieJar::from_headers(&alone, key.clone()).get(&name)?;
                serde_json::from_str(cookie.value()).ok()
            })
        })
    }
}
