//! The context of a request: the session, the client and the cookies, as the middleware has read them.

use std::net::IpAddr;
use std::sync::Arc;

use crate::http::cookies::{Flash, KnownBrowsers, SavedInput, Theme, VerifiedUser};
use backend::accounts::applicant::Applicant;
use backend::accounts::profile::ProfileData;
use backend::auth::link::LinkProof;
use backend::auth::link_use::FormSecret;
use backend::sessions::{Browser, BrowserSession, CurrentUser};
use domain::errors::ErrorCode;
use domain::password::Password;
use domain::status::UserId;

/// The context of a request.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The user who is signed in.
    pub current_user: Option<Arc<CurrentUser>>,
    /// The user of a restricted session, who can only choose a new password. Everything else treats them as a visitor.
    pub restricted_user: Option<Arc<CurrentUser>>,
    /// The current user's account, for pages that show it.
    pub account: Option<Arc<ProfileData>>,
    /// The user whose session in this browser has ended.
    pub ended_session_user: Option<UserId>,
    /// The session of this browser; empty for visitors.
    pub session: BrowserSession,
    /// The client IP, as trusted proxies report it.
    pub client_ip: IpAddr,
    /// True if a proxy that is not trusted has sent a forwarding header: then all its clients share one IP address.
    pub untrusted_proxy: bool,
    /// The User-Agent header.
    pub user_agent: String,
    /// The user who registered in this browser.
    pub registered_here: Option<UserId>,
    /// The user whose correct password was entered in this browser, although it did not sign them in.
    pub password_verified: Option<VerifiedUser>,
    /// The accounts that know this browser.
    pub known_browsers: KnownBrowsers,
    /// The flash message for this page.
    pub flash: Option<Arc<Flash>>,
    /// The input that was saved on this page when its session ended.
    pub saved_input: Option<Arc<SavedInput>>,
    /// The secret that binds authorization requests to this browser.
    pub authorization_secret: Option<String>,
    /// The secret of this browser from the cookie that the page of a form has set.
    pub form_secret: Option<FormSecret>,
    /// True if the request has a cookie of the portal.
    pub keeps_cookies: bool,
    /// The theme of this browser.
    pub theme: Theme,
}

impl RequestContext {
    /// Returns true if only the client and the theme are known, so that a page looks the same to all such requests.
    pub fn is_anonymous(&self) -> bool {
        // Every field is named, so that a new field does not compile until it is considered here.
        let Self {
            current_user,
            restricted_user,
            account,
            ended_session_user,
            session: _,
            client_ip: _,
            untrusted_proxy: _,
            user_agent: _,
            registered_here,
            password_verified,
            known_browsers,
            flash,
            saved_input,
            authorization_secret: _,
            form_secret: _,
            keeps_cookies: _,
            theme: _,
        } = self;
        current_user.is_none()
            && restricted_user.is_none()
            && account.is_none()
            && ended_session_user.is_none()
            && registered_here.is_none()
            && password_verified.is_none()
            && known_browsers.is_empty()
            && flash.is_none()
            && saved_input.is_none()
    }

    /// Returns the browser as a session stores it.
    pub fn browser(&self) -> Browser {
        Browser {
            user_agent: self.user_agent.clone(),
            client_ip: self.client_ip.to_string(),
            known: self.known_browsers.browsers(),
        }
    }

    /// Returns the applicant whose registration this browser may show: the one whose password was entered last, or the one who
    /// registered here.
    pub fn applicant(&self) -> Option<UserId> {
        self.password_verified.map(|verified| verified.user_id).or(self.registered_here)
    }

    /// Returns the applicant of the link with this token or, without a token, the one whose registration this browser may show.
    pub fn applicant_of<'a>(&self, token: &'a str) -> Result<Applicant<'a>, ErrorCode> {
        match self.applicant() {
            _ if !token.is_empty() => Ok(Applicant::Link(token)),
            Some(user_id) => Ok(Applicant::Browser(user_id)),
            None if self.current_user.is_some() => Err(ErrorCode::OtherUserSignedIn),
            None => Err(ErrorCode::SignedOut),
        }
    }

    /// Returns the evidence that the visitor may use a link.
    pub fn proof<'a>(&'a self, password: &'a Password) -> LinkProof<'a> {
        LinkProof {
            registered_here: self.registered_here,
            password_verified: self.password_verified.map(|verified| verified.user_id),
            current_user: self.current_user.as_deref(),
            password,
            client_ip: self.client_ip,
            form_secret: self.form_secret.as_ref(),
        }
    }
}
