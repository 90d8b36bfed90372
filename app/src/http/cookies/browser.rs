//! The cookies that make the portal recognise a browser: after registration, after a verified password, for known browsers,
//! for authorization requests and for forms that are sent twice.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::http::cookies::{CookieJar, CookieName};
use backend::auth::known_browsers::{KNOWN_BROWSER_LIFETIME, KnownBrowser};
use backend::auth::link_use::FormSecret;
use backend::auth::rate_limit::is_same_client;
use domain::status::UserId;
use domain::time::Timestamp;

/// The time for which a correct password permits a request for another verification email, and an answer to a question.
const PASSWORD_VERIFIED_LIFETIME: Duration = Duration::from_mins(10);
/// The time for which a browser is known to have registered an account: as long as an unconfirmed registration is kept.
const REGISTRATION_LIFETIME: Duration = Duration::from_hours(168);
/// The time for which a browser may stay at Microsoft: as long as the authorization request is valid.
const AUTHORIZATION_LIFETIME: Duration = Duration::from_mins(10);
/// The time for which the cookie of a form's page is valid: a page may stay open for a while before its form is sent.
const FORM_LIFETIME: Duration = Duration::from_hours(24);
/// The time for which the URL of a form's page shows that the browser keeps no cookies: it is loaded immediately.
const COOKIELESS_LIFETIME: Duration = Duration::from_mins(1);
/// The name for which the proof is sealed. No cookie has it.
const COOKIELESS: &str = "cookieless";
/// The maximum number of accounts that know one browser.
const MAX_KNOWN: usize = 4;

/// A user and a time.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct UserAt {
    user_id: UserId,
    at: Timestamp,
}

/// The user whose correct password was entered, and a time.
#[derive(Serialize, Deserialize)]
struct VerifiedUserAt {
    user: VerifiedUser,
    at: Timestamp,
}

/// The user whose correct password was entered in a browser, or who has signed in with Microsoft in it, although it did not sign
/// them in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedUser {
    /// The user.
    pub user_id: UserId,
    /// True if the user can request another verification email.
    pub can_confirm: bool,
}

/// A secret and a time.
#[derive(Serialize, Deserialize)]
struct SecretAt {
    secret: String,
    at: Timestamp,
}

/// A client IP and a time.
#[derive(Serialize, Deserialize)]
struct ClientAt {
    client_ip: IpAddr,
    at: Timestamp,
}

/// The secret of a form's page and a time.
#[derive(Serialize, Deserialize)]
struct FormSecretAt {
    secret: FormSecret,
    at: Timestamp,
}

/// The accounts that have signed in from this browser, the most recent first. A row in the database decides whether an account
/// still knows the browser.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct KnownBrowsers(Vec<(KnownBrowser, Timestamp)>);

impl KnownBrowsers {
    /// Returns true if no account knows this browser.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the entries of all accounts.
    pub fn browsers(&self) -> Vec<KnownBrowser> {
        self.0.iter().map(|(known, _)| known.clone()).collect()
    }

    fn with(&self, known: KnownBrowser, now: Timestamp) -> Self {
        let others = self.0.iter().filter(|(other, _)| other.user_id() != known.user_id()).cloned();
        Self(std::iter::once((known.clone(), now)).chain(others).take(MAX_KNOWN).collect())
    }
}

impl CookieJar {
    /// Returns the cookie for the registration of `user_id` in this browser.
    pub fn registration(&self, user_id: UserId, now: Timestamp) -> Option<HeaderValue> {
        self.seal(CookieName::Registered, &UserAt { user_id, at: now }, REGISTRATION_LIFETIME)
    }

    /// Returns the same cookie for a shared computer, where it expires when the browser is closed.
    pub fn transient_registration(&self, user_id: UserId, now: Timestamp) -> Option<HeaderValue> {
        self.seal_into(&UserAt { user_id, at: now }, |value| {
            self.build_transient(CookieName::Registered, value)
        })
    }

    /// Reads the user who registered in this browser.
    pub fn read_registration(&self, headers: &HeaderMap, now: Timestamp) -> Option<UserId> {
        let stored: UserAt = self.open(headers, CookieName::Registered)?;
        (now.since(stored.at) < REGISTRATION_LIFETIME).then_some(stored.user_id)
    }

    /// Returns the header that removes this cookie.
    pub fn remove_registration(&self) -> Option<HeaderValue> {
        self.remove(CookieName::Registered)
    }

    /// Returns the cookie that records that the correct password of `user` was entered in this browser.
    pub fn password_verified(&self, user: VerifiedUser, now: Timestamp) -> Option<HeaderValue> {
        self.seal(CookieName::PasswordVerified, &VerifiedUserAt { user, at: now }, PASSWORD_VERIFIED_LIFETIME)
    }

    /// Returns the header that removes this cookie.
    pub fn remove_password_verified(&self) -> Option<HeaderValue> {
        self.remove(CookieName::PasswordVerified)
    }

    /// Reads the user whose correct password was entered in this browser.
    pub fn read_password_verified(&self, headers: &HeaderMap, now: Timestamp) -> Option<VerifiedUser> {
        let stored: VerifiedUserAt = self.open(headers, CookieName::PasswordVerified)?;
        (now.since(stored.at) < PASSWORD_VERIFIED_LIFETIME).then_some(stored.user)
    }

    /// Returns the cookie with a new entry in front of the existing ones.
    pub fn known_browsers(
        &self,
        existing: &KnownBrowsers,
        known: KnownBrowser,
        now: Timestamp,
    ) -> Option<HeaderValue> {
        self.seal(CookieName::KnownBrowsers, &existing.with(known, now), KNOWN_BROWSER_LIFETIME)
    }

    /// Reads the accounts that have signed in from this browser.
    pub fn read_known_browsers(&self, headers: &HeaderMap, now: Timestamp) -> KnownBrowsers {
        let mut known: KnownBrowsers = self.open(headers, CookieName::KnownBrowsers).unwrap_or_default();
        known.0.retain(|(_, at)| now.since(*at) < KNOWN_BROWSER_LIFETIME);
        known
    }

    /// Returns the cookie of the secret that binds authorization requests to this browser.
    pub fn authorization_secret(&self, secret: &str, now: Timestamp) -> Option<HeaderValue> {
        self.seal(
            CookieName::Authorization,
            &SecretAt { secret: secret.to_owned(), at: now },
            AUTHORIZATION_LIFETIME,
        )
    }

    /// Reads the secret that binds authorization requests to this browser.
    pub fn read_authorization_secret(&self, headers: &HeaderMap, now: Timestamp) -> Option<String> {
        let stored: SecretAt = self.open(headers, CookieName::Authorization)?;
        (now.since(stored.at) < AUTHORIZATION_LIFETIME).then_some(stored.secret)
    }

    /// Returns the cookie with a new secret for a browser that opens the page of a form. The browser removes it when it is closed.
    pub fn form_secret(&self, now: Timestamp) -> Option<HeaderValue> {
        let secret = FormSecretAt { secret: FormSecret::generate(), at: now };
        self.seal_into(&secret, |value| self.build_transient(CookieName::FormSecret, value))
    }

    /// Returns the header that removes this cookie.
    pub fn remove_form_secret(&self) -> Option<HeaderValue> {
        self.remove(CookieName::FormSecret)
    }

    /// Reads the secret of a browser that has opened the page of a form.
    pub fn read_form_secret(&self, headers: &HeaderMap, now: Timestamp) -> Option<FormSecret> {
        let stored: FormSecretAt = self.open(headers, CookieName::FormSecret)?;
        (now.since(stored.at) < FORM_LIFETIME).then_some(stored.secret)
    }

    /// Returns the proof that a form has been sent without cookies from this client IP, for the URL of its page.
    pub fn cookieless_proof(&self, client_ip: IpAddr, now: Timestamp) -> Option<String> {
        let sealed = self.seal(COOKIELESS, &ClientAt { client_ip, at: now }, COOKIELESS_LIFETIME)?;
        let (pair, _) = sealed.to_str().ok()?.split_once(';')?;
        pair.split_once('=').map(|(_, proof)| proof.to_owned())
    }

    /// Returns true for a proof that was made for this client IP within [`COOKIELESS_LIFETIME`].
    pub fn is_cookieless_proof(&self, proof: &str, client_ip: IpAddr, now: Timestamp) -> bool {
        let pair = HeaderValue::from_str(&format!("{}={proof}", self.name(COOKIELESS)));
        let headers: HeaderMap = pair.ok().map(|pair| (COOKIE, pair)).into_iter().collect();
        let made: Option<ClientAt> = self.open(&headers, COOKIELESS);
        made.is_some_and(|made| {
            is_same_client(made.client_ip, client_ip) && now.since(made.at) < COOKIELESS_LIFETIME
        })
    }
}
