//! What the operator set, in the form in which the portal uses it. Read and checked by the server's `config`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

use crate::domain::time::Limit;

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
}

impl Settings {
    /// Whether people reach the portal by https.
    pub fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
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
