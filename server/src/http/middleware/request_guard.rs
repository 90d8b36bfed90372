//! The requests that are refused before any other code reads them.
//!
//! # Guarantees
//!
//! - A request with several Host headers gets 400 (RFC 9112, 3.2), because a proxy may have checked another one.
//! - A path that two parsers could read differently gets 404, so that it reaches neither routing nor authorization.
//! - In production a request for another Host gets 421 (Misdirected Request, RFC 9110, 15.5.20), except for health checks, which
//!   often use the IP address, and the files that the error page loads.
//! - A form from another origin gets 403.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app_state::AppState;
use backend::settings::{Environment, Settings};

/// The maximum length of a path segment in bytes: the longest file name of common file systems.
const MAX_SEGMENT_BYTES: usize = 255;

/// Refuses requests with several hosts, an ambiguous path, another host, or a form from another origin, in this order.
pub async fn guard_request(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let settings = &state.backend.settings;
    if request.headers().get_all(HOST).iter().count() > 1 {
        return StatusCode::BAD_REQUEST.into_response();
    }
    if !is_unambiguous_path(request.uri().path()) {
        return StatusCode::NOT_FOUND.into_response();
    }
    if !has_expected_host(&request, settings) {
        return StatusCode::MISDIRECTED_REQUEST.into_response();
    }
    if is_cross_origin_form(&request, settings) {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

/// Returns true if the router and the page read a path in the same way.
///
/// The router matches the path as it was sent, while the router of Leptos reads it as browsers do (`\\` is `/`, `..` and
/// `%2e%2e` go up), so `/confirm/..\\admin` would be one page here and another one there. The portal's paths need only letters,
/// digits and `- . _ ~`. A segment that begins with a dot is refused too, except for `/.well-known`: such a file is in the
/// folder by mistake.
fn is_unambiguous_path(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    path.strip_prefix('/').is_some_and(|path| {
        path.split('/').enumerate().all(|(position, part)| {
            let hidden = part.starts_with('.') && !(position == 0 && part == ".well-known");
            part.bytes().all(plain) && !hidden && part.len() <= MAX_SEGMENT_BYTES
        })
    }) && !path.contains("//")
}

/// Returns true if a request names the host of PUBLIC_URL, or does not have to.
fn has_expected_host(request: &Request, settings: &Settings) -> bool {
    let exempt = settings.environment == Environment::Dev || is_exempt_path(request.uri().path());
    let authority = request.uri().authority().map(Authority::as_str);
    let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    exempt || is_public_host(authority.or(header).unwrap_or_default(), &settings.public_url)
}

/// Returns true for health checks, and for the files that an error page loads.
fn is_exempt_path(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/accent.css" | "/logo" | "/favicon.svg")
        || path.starts_with("/pkg/")
        || path.starts_with("/fonts/")
}

/// Returns true if a form names another origin than PUBLIC_URL, including the scheme: the check for cross-site requests compares
/// only hosts if a browser sends no Sec-Fetch-Site.
fn is_cross_origin_form(request: &Request, settings: &Settings) -> bool {
    if request.method().is_safe() || !settings.is_https() {
        return false;
    }
    let expected = settings.public_url.origin().ascii_serialization();
    request.headers().get_all(ORIGIN).iter().any(|origin| origin.as_bytes() != expected.as_bytes())
}

/// Returns true if `host` is the host and port of `public_url`. The default port of the scheme may be left out.
fn is_public_host(host: &str, public_url: &url::Url) -> bool {
    let host = host.to_ascii_lowercase();
    let name = public_url.host_str().unwrap_or_default();
    let port = public_url.port_or_known_default().unwrap_or(0);
    let full = format!("{name}:{port}");
    host == full || (public_url.port().is_none() && host == name)
}

#[cfg(test)]
mod tests {
    use super::{is_public_host, is_unambiguous_path};

    #[test]
    fn only_the_host_of_the_public_url_is_accepted() {
        let public_url = url::Url::parse("https://accounts.example.com").expect("a URL");
        for host in ["accounts.example.com", "Accounts.Example.com:443"] {
            assert!(is_public_host(host, &public_url), "{host}");
        }
        for host in ["", "evil.example", "accounts.example.com:8443", "accounts.example.com.evil.example"] {
            assert!(!is_public_host(host, &public_url), "{host}");
        }
    }

    #[test]
    fn the_paths_of_the_portal_are_accepted() {
        for path in
            ["/", "/admin/users/7", "/confirm/AwY-DiV_b", "/pkg/vestibule.-2G.wasm", "/.well-known/x", "/a/"]
        {
            assert!(is_unambiguous_path(path), "{path}");
        }
    }

    #[test]
    fn a_path_that_can_be_read_in_two_ways_is_refused() {
        let long = format!("/{}", "a".repeat(256));
        for path in [
            "",
            "*",
            "//admin",
            "/confirm/..\\admin",
            "/confirm/../admin",
            "/confirm/%2e%2e/admin",
            "/a/./b",
            "/%61dmin",
            "/a%2fb",
            "/a;b",
            "/\u{e4}",
            "/a b",
            "/.git/HEAD",
            "/.env",
            "/pkg/.hidden",
            "/a/.well-known",
            &long,
        ] {
            assert!(!is_unambiguous_path(path), "{path}");
        }
    }
}
