//! Only for the host of PUBLIC_URL, in production.
//!
//! Guarantees: a request for another Host gets 421 (Misdirected Request, RFC 9110, 15.5.20), so that a forged Host
//! reaches no page; health checks are excepted, since they often come by address.

use app::backend::settings::Environment;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::portal::Portal;

/// Refuses other hosts.
pub async fn require_host(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let settings = &portal.backend.settings;
    let exempt =
        settings.environment == Environment::Dev || matches!(request.uri().path(), "/healthz" | "/readyz");
    let authority = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let header = request.headers().get(HOST).and_then(|host| host.to_str().ok()).map(ToOwned::to_owned);
    let host = authority.or(header).unwrap_or_default();
    if exempt || is_ours(&host, &settings.public_url) {
        return next.run(request).await;
    }
    StatusCode::MISDIRECTED_REQUEST.into_response()
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
