//! `/dev/mail`: the mails that the `file` transport wrote, for developers.
//!
//! Guarantees: the route exists in DEV alone, and answers only a loopback peer that asks for a loopback host without
//! any forwarding header: a development server behind a tunnel or proxy shows nothing.

use std::net::SocketAddr;
use std::path::{Path as FilePath, PathBuf};

use app::backend::settings::MailTransport;
use app::pages::dev_mail::{MailView, render};
use axum::Router;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use mail_parser::MessageParser;

use crate::portal::Portal;

/// Most mails that are listed.
const MOST: usize = 100;

/// The routes.
pub fn routes(_: &Portal) -> Router<Portal> {
    Router::new()
        .route("/dev/mail", get(list))
        .route("/dev/mail/{name}", get(show))
        .route_layer(from_fn(loopback_only))
}

async fn loopback_only(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let near = peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback());
    if near && is_local(request.headers()) {
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

fn folder(portal: &Portal) -> Option<PathBuf> {
    match &portal.backend.settings.mail_transport {
        MailTransport::File(folder) => Some(folder.clone()),
        MailTransport::Smtp(_) | MailTransport::Graph(_) => None,
    }
}

async fn list(State(portal): State<Portal>) -> Response {
    let Some(folder) = folder(&portal) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let read = tokio::task::spawn_blocking(move || read_mails(&folder)).await;
    let mails = read.unwrap_or_default();
    Html(render(&mails, &portal.backend.settings, &portal.shell)).into_response()
}

/// The newest first.
fn read_mails(folder: &FilePath) -> Vec<MailView> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = files.filter_map(|file| file.file_name().into_string().ok()).collect();
    names.retain(|name| is_mail_name(name));
    names.sort_unstable_by(|a, b| b.cmp(a));
    names.truncate(MOST);
    names.into_iter().filter_map(|name| read_mail(folder, name)).collect()
}

fn read_mail(folder: &FilePath, name: String) -> Option<MailView> {
    let content = std::fs::read(folder.join(&name)).ok()?;
    let mail = MessageParser::default().parse(&content)?;
    let to = mail.to().and_then(|to| to.first()).and_then(|to| to.address()).unwrap_or_default().to_owned();
    Some(MailView {
        subject: mail.subject().unwrap_or_default().to_owned(),
        text: mail.body_text(0).unwrap_or_default().into_owned(),
        to,
        name,
    })
}

fn is_mail_name(name: &str) -> bool {
    let plain = name.strip_suffix(".eml").unwrap_or_default();
    !plain.is_empty() && plain.bytes().all(|b| b.is_ascii_digit() || b == b'-')
}

/// The HTML part, as a mail program would show it: with styles of its own and without scripts.
async fn show(State(portal): State<Portal>, Path(name): Path<String>) -> Response {
    let (Some(folder), true) = (folder(&portal), is_mail_name(&name)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Ok(content) = tokio::fs::read(folder.join(&name)).await else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let html = MessageParser::default()
        .parse(&content)
        .and_then(|mail| mail.body_html(0).map(std::borrow::Cow::into_owned))
        .unwrap_or_default();
    // Sandboxed: no scripts, no forms, no origin of ours; mails have inline styles.
    let policy = "sandbox allow-popups allow-top-navigation-by-user-activation; default-src 'none'; \
                  style-src 'unsafe-inline'; frame-ancestors 'none'";
    ([(CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_names_that_the_transport_gives_are_read() {
        assert!(is_mail_name("00000007-1.eml"));
        for bad in ["", ".eml", "../secret_key", "00000007-1.eml.part", "a.eml"] {
            assert!(!is_mail_name(bad), "{bad}");
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
