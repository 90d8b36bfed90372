//! `/dev/mail`: the emails that the `file` transport wrote, for developers.
//!
//! # Guarantees
//!
//! - The route exists only in DEV.
//! - Only a loopback peer that requests a loopback host without any forwarding header gets an answer: a development server
//!   behind a tunnel or proxy shows nothing.

use std::net::SocketAddr;
use std::path::{Path as FilePath, PathBuf};

use axum::Router;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use mail_parser::MessageParser;

use crate::app_state::AppState;
use app::pages::dev_mail::{DevEmail, render};
use backend::settings::EmailTransport;

/// The maximum number of emails in the list.
const MAX_EMAILS: usize = 100;

/// Returns the routes.
pub fn routes(_: &AppState) -> Router<AppState> {
    Router::new()
        .route("/dev/mail", get(list))
        .route("/dev/mail/{name}", get(show))
        .route_layer(from_fn(loopback_only))
}

async fn loopback_only(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let is_loopback = peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback());
    if is_loopback && is_local(request.headers()) {
        return next.run(request).await;
    }
    StatusCode::NOT_FOUND.into_response()
}

fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !host.ends_with(']') => (name, port),
        _ => (host, ""),
    };
    let local =
        matches!(name, "localhost" | "127.0.0.1" | "[::1]") && port.bytes().all(|b| b.is_ascii_digit());
    let forwarded = headers.keys().any(|name| {
        let name = name.as_str();
        name == "forwarded"
            || name.starts_with("x-forwarded")
            || name.starts_with("cf-")
            || matches!(name, "via" | "x-real-ip" | "x-client-ip" | "true-client-ip")
    });
    local && !forwarded
}

fn folder(state: &AppState) -> Option<PathBuf> {
    match &state.backend.settings.email_transport {
        EmailTransport::File(folder) => Some(folder.clone()),
        EmailTransport::Smtp(_) | EmailTransport::Graph(_) => None,
    }
}

async fn list(State(state): State<AppState>) -> Response {
    let Some(folder) = folder(&state) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let read = tokio::task::spawn_blocking(move || read_emails(&folder)).await;
    let emails = read.unwrap_or_default();
    Html(render(&emails, &state.backend.settings, &state.shell)).into_response()
}

/// Returns the emails in the folder, the newest first.
fn read_emails(folder: &FilePath) -> Vec<DevEmail> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = files.filter_map(|file| file.file_name().into_string().ok()).collect();
    names.retain(|name| is_email_file_name(name));
    names.sort_unstable_by(|a, b| b.cmp(a));
    names.truncate(MAX_EMAILS);
    names.into_iter().filter_map(|name| read_email(folder, name)).collect()
}

fn read_email(folder: &FilePath, name: String) -> Option<DevEmail> {
    let content = std::fs::read(folder.join(&name)).ok()?;
    let email = MessageParser::default().parse(&content)?;
    let to = email.to().and_then(|to| to.first()).and_then(|to| to.address()).unwrap_or_default().to_owned();
    Some(DevEmail {
        subject: email.subject().unwrap_or_default().to_owned(),
        text: email.body_text(0).unwrap_or_default().into_owned(),
        to,
        name,
    })
}

fn is_email_file_name(name: &str) -> bool {
    let plain = name.strip_suffix(".eml").unwrap_or_default();
    !plain.is_empty() && plain.bytes().all(|b| b.is_ascii_digit() || b == b'-')
}

/// Shows the HTML part of an email as an email client does: with inline styles and without scripts.
async fn show(State(state): State<AppState>, Path(name): Path<String>) -> Response {
    let (Some(folder), true) = (folder(&state), is_email_file_name(&name)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Ok(content) = tokio::fs::read(folder.join(&name)).await else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let html = MessageParser::default()
        .parse(&content)
        .and_then(|email| email.body_html(0).map(std::borrow::Cow::into_owned))
        .unwrap_or_default();
    // The sandbox allows no scripts and no forms, and gives the page an origin of its own. Emails have inline styles.
    let policy = "sandbox allow-popups allow-top-navigation-by-user-activation; default-src 'none'; \
                  style-src 'unsafe-inline'; frame-ancestors 'none'";
    ([(CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_file_names_of_the_transport_are_read() {
        assert!(is_email_file_name("00000007-1.eml"));
        for bad in ["", ".eml", "../secret_key", "00000007-1.eml.part", "a.eml"] {
            assert!(!is_email_file_name(bad), "{bad}");
        }
    }

    #[test]
    fn forwarded_requests_are_not_local() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("127.0.0.1:3000"));
        assert!(is_local(&headers));
        headers.insert("x-forwarded-host", HeaderValue::from_static("localhost"));
        assert!(!is_local(&headers));
        let mut other = HeaderMap::new();
        other.insert(HOST, HeaderValue::from_static("tunnel.example.com"));
        assert!(!is_local(&other));
    }
}
