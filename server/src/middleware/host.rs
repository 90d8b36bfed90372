//! Only for the host of PUBLIC_URL, in production.
//!
//! Guarantees: a request for another Host gets 421 (Misdirected Request, RFC 9110, 15.5.20), so that a forged Host
//! reaches no page; health checks are excepted, since they often come by address.

use app::backend::settings::{Environment, Settings};
use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;

/// Whether the request is for us.
pub fn is_for_us(request: &Request, settings: &Settings) -> bool {
    let exempt =
        settings.environment == Environment::Dev || matches!(request.uri().path(), "/healthz" | "/readyz");
    let authority = request.uri().authority().map(Authority::as_str);
    let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    exempt || is_ours(authority.or(header).unwrap_or_default(), &settings.public_url)
}

/// Whether this is a form that names another origin than ours, the scheme included: the check for cross-site requests
/// compares hosts alone where a browser does not say where it comes from.
pub fn comes_from_elsewhere(request: &Request, settings: &Settings) -> bool {
    if request.method().is_safe() || !settings.is_https() {
        return false;
    }
    let ours = settings.public_url.origin().ascii_serialization();
    request.headers().get(ORIGIN).is_some_and(|origin| origin.as_bytes() != ours.as_bytes())
}

/// Host and port, with the scheme's default port left out or not.
fn is_ours(host: &str, ours: &url::Url) -> bool {
    let host = host.to_ascii_lowercase();
    let name = ours.host_str().unwrap_or_default();
    let port = ours.port_or_known_default().unwrap_or(0);
    let full = format!("{name}:{port}");
    host == full || (ours.port().is_none() && host == name)
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn only_our_own_host_is_ours() {
        let ours = url::Url::parse("https://accounts.example.com").expect("a URL");
        for host in ["accounts.example.com", "Accounts.Example.com:443"] {
            assert!(is_ours(host, &ours), "{host}");
        }
        for host in ["", "evil.example", "accounts.example.com:8443", "accounts.example.com.evil.example"] {
            assert!(!is_ours(host, &ours), "{host}");
        }
    }
}
