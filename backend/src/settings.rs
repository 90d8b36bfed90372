//! The settings in the form that the portal uses. The server's `config` module reads and checks them.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

use crate::auth::password::blocklist::Blocklist;
use domain::time::{Limit, Timestamp, utc_date};

/// The environment that the portal runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Development: works without any setting.
    Dev,
    /// Production: has no default for a setting that must be right.
    Prod,
}

/// The transport of emails.
#[derive(Clone, Debug)]
pub enum EmailTransport {
    /// One `.eml` file per email in this folder.
    File(PathBuf),
    /// A mail server, as a URL with credentials.
    Smtp(SecretString),
    /// Microsoft Graph at this URL, with the application of the [`MicrosoftSettings`].
    Graph(Url),
}

/// The settings of the organisation's application at Microsoft.
#[derive(Clone, Debug)]
pub struct MicrosoftSettings {
    /// The client ID, a GUID.
    pub client_id: String,
    /// The client secret.
    pub client_secret: SecretString,
    /// TENANT_ID: a GUID, or a name such as `organizations`.
    pub tenant: String,
    /// The URL at which the tenant signs users in, for example `https://login.microsoftonline.com/{tenant}`.
    pub authority: Url,
    /// The requested scopes besides those of OpenID Connect.
    pub scope: Vec<String>,
    /// The URL of the user's profile.
    pub endpoint: Url,
    /// The path to which Microsoft redirects users.
    pub redirect_path: String,
    /// The tenants whose users may sign in, as GUIDs.
    pub tenants: Vec<String>,
    /// True if a new user from Microsoft is active immediately, false if pending.
    pub new_users_active: bool,
    /// The expiry time of the client secret, if it is set.
    pub secret_expires_at: Option<Timestamp>,
}

/// The time before the expiry of the client secret at which the warning begins: enough to create a new secret, and to be away for
/// a while.
const SECRET_WARNING_PERIOD: Duration = Duration::from_hours(28 * 24);

/// Returns the warning about a client secret that has expired or expires soon.
pub fn secret_warning(expires_at: Timestamp, now: Timestamp) -> Option<String> {
    let day = utc_date(expires_at);
    if expires_at <= now {
        return Some(format!(
            "The Microsoft client secret (CLIENT_SECRET) expired on {day}. Sign-in with Microsoft and email through Microsoft \
             Graph no longer work. Create a new secret in Entra, set CLIENT_SECRET and CLIENT_SECRET_EXPIRES, then restart \
             the portal."
        ));
    }
    (expires_at.since(now) <= SECRET_WARNING_PERIOD).then(|| {
        format!(
            "The Microsoft client secret (CLIENT_SECRET) expires on {day}. Before that, create a new secret in Entra, set \
             CLIENT_SECRET and CLIENT_SECRET_EXPIRES, then restart the portal."
        )
    })
}

impl MicrosoftSettings {
    /// Returns the organisation's own tenant, if TENANT_ID names one.
    pub fn home_tenant(&self) -> Option<String> {
        self.tenants.iter().find(|tenant| tenant.eq_ignore_ascii_case(&self.tenant)).cloned()
    }

    /// Returns the warning about the client secret, if its expiry time is set.
    pub fn secret_warning(&self, now: Timestamp) -> Option<String> {
        secret_warning(self.secret_expires_at?, now)
    }
}

/// The settings that use cases, pages and middleware need.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The environment.
    pub environment: Environment,
    /// The URL of the portal, without a path. Every link is built from it.
    pub public_url: Url,
    /// The name of the portal.
    pub portal_name: String,
    /// The contact for help: an email address or a URL.
    pub portal_help: Option<String>,
    /// The accent colour. The portal serves the stylesheet with it.
    pub portal_accent: Option<String>,
    /// The file with the organisation's logo (SVG or PNG).
    pub portal_logo: Option<PathBuf>,
    /// The proxies whose X-Forwarded-For header is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// The email addresses that get notifications. If empty, every active administrator does.
    pub admin_emails: Vec<String>,
    /// The sender of emails.
    pub sender_email: String,
    /// The transport of emails.
    pub email_transport: EmailTransport,
    /// The maximum number of attempts to send an email per period.
    pub email_rate: Limit,
    /// The minimum length of a password in characters.
    pub password_min_length: usize,
    /// The blocked passwords, in addition to those that are too easy to guess.
    pub password_blocklist: Blocklist,
    /// True if a registration can be approved only with a confirmed email address.
    pub require_confirmed_email: bool,
    /// The question that people answer when they register.
    pub register_question: Option<String>,
    /// The time in which a decision of an administrator can be undone, and after which its email is sent. Zero for none.
    pub undo_window: Duration,
    /// The time after which administrators are reminded of a registration that no one has decided on. Zero for never.
    pub remind_after: Duration,
    /// The lifetime of an emailed sign-in link.
    pub sign_in_link_lifetime: Duration,
    /// The time after which an unused session ends.
    pub session_idle: Duration,
    /// The maximum lifetime of a session.
    pub session_lifetime: Duration,
    /// The limit of failed sign-ins per client.
    pub limit_sign_in: Limit,
    /// The limit of registrations per client and, counted separately, of uses of emailed links.
    pub limit_register: Limit,
    /// The maximum random delay of a request for a temporary password.
    pub reset_delay: Duration,
    /// The limit of requests for a temporary password per client.
    pub limit_reset: Limit,
    /// The settings of Microsoft sign-in, if it is set up.
    pub microsoft: Option<MicrosoftSettings>,
}

impl Settings {
    /// Returns true if the portal is served over https.
    pub fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// Returns true if a new user from Microsoft is active immediately.
    pub fn microsoft_new_users_active(&self) -> bool {
        self.microsoft.as_ref().is_some_and(|microsoft| microsoft.new_users_active)
    }

    /// Returns the absolute URL of `path`, which begins with `/`.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_str().trim_end_matches('/'))
    }

    /// Returns the full name of a cookie. Over https its prefix binds it to the host.
    pub fn cookie_name(&self, name: &str) -> String {
        if self.is_https() { format!("__Host-{name}") } else { name.to_owned() }
    }

    /// Returns true if the peer is a trusted proxy.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.trusted_proxies.iter().any(|net| net.contains(&peer))
    }
}
