//! What the operator set, in the form in which the portal uses it. Read and checked by the server's `config`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

use super::blocklist::Blocklist;
use crate::domain::time::{Limit, Timestamp, utc_date};

/// Whether this is somebody's own machine or the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// A developer's machine: works with nothing configured.
    Dev,
    /// Real people: nothing is guessed.
    Prod,
}

/// Where mail goes.
#[derive(Clone, Debug)]
pub enum MailTransport {
    /// One `.eml` a message in this folder.
    File(PathBuf),
    /// A mail server, as a URL with its credentials.
    Smtp(SecretString),
    /// Microsoft Graph at this address, as the application of the [`MicrosoftSettings`].
    Graph(Url),
}

/// The organisation's application at Microsoft.
#[derive(Clone, Debug)]
pub struct MicrosoftSettings {
    /// The application's number, a GUID.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// TENANT_ID: a GUID, or `organizations` and the like.
    pub tenant: String,
    /// Where the tenant signs people in, like `https://login.microsoftonline.com/{tenant}`.
    pub authority: Url,
    /// What is asked for, beside who somebody is.
    pub scope: Vec<String>,
    /// Where people's profiles are.
    pub endpoint: Url,
    /// The path to which Microsoft sends people back.
    pub redirect_path: String,
    /// The tenants whose people may come, as GUIDs.
    pub tenants: Vec<String>,
    /// Whether somebody who comes for the first time is let in at once.
    pub lets_in: bool,
    /// The day on which the secret ends, if the operator has said so.
    pub secret_ends: Option<Timestamp>,
}

/// How long before its end somebody is told: time enough to make a new secret, and to be away for a while.
const SECRET_NOTICE: Duration = Duration::from_hours(28 * 24);

/// What there is to say about a secret that ends then; `None` while there is time.
pub fn secret_warning(ends: Timestamp, now: Timestamp) -> Option<String> {
    let day = utc_date(ends);
    if ends <= now {
        return Some(format!(
            "The secret of the application at Microsoft (CLIENT_SECRET) ended on {day}: nobody signs in with Microsoft, and no \
             mail leaves through it. Make a new one in Entra, set CLIENT_SECRET and CLIENT_SECRET_EXPIRES, and start the \
             portal again."
        ));
    }
    (ends.since(now) <= SECRET_NOTICE).then(|| {
        format!(
            "The secret of the application at Microsoft (CLIENT_SECRET) ends on {day}. Make a new one in Entra before, set \
             CLIENT_SECRET and CLIENT_SECRET_EXPIRES, and start the portal again."
        )
    })
}

impl MicrosoftSettings {
    /// The organisation's own tenant, where TENANT_ID names one.
    pub fn home(&self) -> Option<String> {
        self.tenants.iter().find(|tenant| tenant.eq_ignore_ascii_case(&self.tenant)).cloned()
    }

    /// What there is to say about the end of the secret.
    pub fn secret_warning(&self, now: Timestamp) -> Option<String> {
        secret_warning(self.secret_ends?, now)
    }
}

/// Everything that can be set and that use cases, pages or middleware need.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Development or production.
    pub environment: Environment,
    /// Where the portal lives, without a path: every link is built from it.
    pub public_url: Url,
    /// The organisation's name for the portal.
    pub portal_name: String,
    /// Whom to ask for help: an address or a URL.
    pub portal_help: Option<String>,
    /// Whether the operator chose a colour; the stylesheet that carries it is served by the portal.
    pub portal_accent: Option<String>,
    /// The file with the organisation's mark (SVG or PNG).
    pub portal_logo: Option<PathBuf>,
    /// Whose forwarding headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// Who gets the notices; empty: every active administrator.
    pub admin_emails: Vec<String>,
    /// Whom mail is from.
    pub sender_email: String,
    /// How mail leaves.
    pub mail_transport: MailTransport,
    /// How many mails leave in which time.
    pub mail_rate: Limit,
    /// Shortest password, in characters.
    pub password_min_length: usize,
    /// Passwords that nobody may choose, beside those that would be guessed early.
    pub password_blocklist: Blocklist,
    /// Whether approval waits for the confirmed address.
    pub require_confirmed_address: bool,
    /// How long a mailed sign-in link is good.
    pub sign_in_link_lifetime: Duration,
    /// How long an unused session lives.
    pub session_idle: Duration,
    /// How long any session lives.
    pub session_lifetime: Duration,
    /// Failures of sign-in for one source.
    pub limit_sign_in: Limit,
    /// Registrations for one source; and, counted apart, confirmations.
    pub limit_register: Limit,
    /// A request for a temporary password waits for a while, by chance up to this long.
    pub reset_delay: Duration,
    /// Requests for a temporary password for one source.
    pub limit_reset: Limit,
    /// Signing in with Microsoft, where it is set up.
    pub microsoft: Option<MicrosoftSettings>,
}

impl Settings {
    /// Whether people reach the portal by https.
    pub fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// Whether somebody who comes from Microsoft for the first time is let in at once.
    pub fn microsoft_lets_in(&self) -> bool {
        self.microsoft.as_ref().is_some_and(|microsoft| microsoft.lets_in)
    }

    /// An absolute link to `path`, which begins with `/`.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_str().trim_end_matches('/'))
    }

    /// The name of a cookie of ours: bound to this very host where that is possible (https).
    pub fn cookie_name(&self, name: &str) -> String {
        if self.is_https() { format!("__Host-{name}") } else { name.to_owned() }
    }

    /// Whether forwarding headers from this peer count.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.trusted_proxies.iter().any(|net| net.contains(&peer))
    }
}
