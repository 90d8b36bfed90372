//! Who is calling: source, session, cookies.
//!
//! Guarantees: X-Forwarded-For counts only from trusted proxies and is read from the right; a session that is over is
//! removed from the browser; a flash is taken out once, on the page it belongs to, and never by a prefetch.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use app::api::http::{Caller, SESSION};
use app::backend::Backend;
use app::backend::error::Failure;
use app::backend::queries::profile::{Account, find_viewer_with_account};
use app::backend::sessions::{BrowserSession, Kind, Viewer, find_viewer, whose};
use app::backend::settings::Settings;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{ACCEPT, LOCATION, SET_COOKIE, USER_AGENT};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_sessions::Session;

use crate::portal::Portal;

/// The page that people come to most. What it shows is found together with who they are: one SELECT instead of two, each
/// of which is four conversations with PostgreSQL (docs/benchmarks.md).
const PROFILE: &str = "/profile";

/// Whether this browser had a session that is over now.
#[derive(Clone, Copy, Debug)]
pub struct HadSession(pub bool);

/// Finds out who is calling.
pub async fn find_caller(State(portal): State<Portal>, mut request: Request, next: Next) -> Response {
    if let Some(clean) = without_forged_errors(&request) {
        return (StatusCode::FOUND, [(LOCATION, clean)]).into_response();
    }
    let Some(session) = request.extensions().get::<Session>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    // Looking for a record that is gone forgets that there was an id.
    let came_with_id = session.id().is_some();
    let (viewer, account) = match look_up(&portal.backend, &session, request.uri().path()).await {
        Ok(found) => found.unzip(),
        Err(failure) => {
            tracing::error!(cause = %failure, "could not find out who is calling");
            return (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "5")]).into_response();
        }
    };
    let (viewer, restricted) = match viewer {
        Some(viewer) if viewer.kind == Kind::Restricted => (None, Some(Arc::new(viewer))),
        viewer => (viewer.map(Arc::new), None),
    };
    let account = account.flatten().filter(|_| viewer.is_some()).map(Arc::new);
    let had_session = viewer.is_none() && restricted.is_none() && came_with_id;
    let ended = if had_session { whose(&session).await } else { None };
    if had_session && let Err(error) = session.flush().await {
        tracing::warn!(cause = %error, "could not remove an ended session's record");
    }
    let (now, headers) = (portal.backend.now(), request.headers());
    let flash = if wants_flash(&request) {
        portal.cookies.take_flash(headers, request.uri().path(), now)
    } else {
        None
    };
    let taken = flash.is_some();
    let typed = viewer
        .as_ref()
        .filter(|_| wants_flash(&request))
        .and_then(|viewer| portal.cookies.take_typed(headers, request.uri().path(), viewer.user_id, now));
    let typed_taken = typed.is_some();
    let caller = Caller {
        viewer,
        restricted,
        account,
        ended,
        session: BrowserSession::of(session),
        source: source_of(&request, &portal),
        proxy_ignored: portal.proxy_noted.load(Ordering::Relaxed),
        agent: text_of(headers, &USER_AGENT),
        registered_here: portal.cookies.read_registration(headers, now),
        proved: portal.cookies.read_proof(headers, now),
        known_here: portal.cookies.read_known(headers, now),
        flash: flash.map(Arc::new),
        typed: typed.map(Arc::new),
        trip: portal.cookies.read_trip(headers, now),
        theme: portal.cookies.read_theme(headers),
    };
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(HadSession(had_session));
    let mut response = next.run(request).await;
    let removals = [taken.then(|| portal.cookies.no_flash()), typed_taken.then(|| portal.cookies.no_typed())];
    for removal in removals.into_iter().flatten().flatten() {
        response.headers_mut().append(SET_COOKIE, removal);
    }
    response
}

/// Who is signed in, if anybody; for the page that shows it, with their account.
async fn look_up(
    backend: &Backend,
    session: &Session,
    path: &str,
) -> Result<Option<(Viewer, Option<Account>)>, Failure> {
    if path == PROFILE {
        let found = find_viewer_with_account(backend, session).await?;
        return Ok(found.map(|(viewer, account)| (viewer, Some(account))));
    }
    Ok(find_viewer(backend, session).await?.map(|viewer| (viewer, None)))
}

/// Removes the session's cookie as it was set. The session layer's own removal is not Secure, and browsers refuse to change
/// a `__Host-` cookie by one that isn't (RFC 6265bis, 5.7): over https it would outlive its session.
pub async fn remove_session_cookie(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let set = format!("{}=", portal.backend.settings.cookie_name(SESSION));
    let removal = format!("{set};");
    let is_removal = |value: &HeaderValue| value.as_bytes().starts_with(removal.as_bytes());
    let is_set = |value: &HeaderValue| value.as_bytes().starts_with(set.as_bytes()) && !is_removal(value);
    let headers = response.headers_mut();
    if headers.get_all(SET_COOKIE).iter().any(is_removal)
        && let Some(ours) = portal.cookies.no_session()
    {
        let kept: Vec<HeaderValue> =
            headers.get_all(SET_COOKIE).iter().filter(|value| !is_removal(value)).cloned().collect();
        headers.remove(SET_COOKIE);
        // A session that was opened in the place of one that is over stays.
        let ours = (!kept.iter().any(is_set)).then_some(ours);
        for value in kept.into_iter().chain(ours) {
            headers.append(SET_COOKIE, value);
        }
    }
    response
}

/// `__err` and `__path` make a framework's page show words from the address; such an address is cleaned.
fn without_forged_errors(request: &Request) -> Option<HeaderValue> {
    let query = request.uri().query()?;
    let forged = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        matches!(name, "__err" | "__path")
    };
    if request.method() != Method::GET || !query.split('&').any(|pair| forged(&pair)) {
        return None;
    }
    let kept: Vec<&str> = query.split('&').filter(|pair| !forged(pair)).collect();
    // One slash: `//evil.example` would lead away.
    let path = format!("/{}", request.uri().path().trim_start_matches('/'));
    let clean = if kept.is_empty() { path } else { format!("{path}?{}", kept.join("&")) };
    HeaderValue::from_str(&clean).ok()
}

fn wants_flash(request: &Request) -> bool {
    let headers = request.headers();
    let prefetch = ["sec-purpose", "purpose"].iter().any(|name| {
        headers
            .get(*name)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.contains("prefetch"))
    });
    request.method() == Method::GET && !prefetch && text_of(headers, &ACCEPT).contains("text/html")
}

fn text_of(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// The visitor's address: the peer, or what trusted proxies say of it, read from the right.
fn source_of(request: &Request, portal: &Portal) -> IpAddr {
    let settings = &portal.backend.settings;
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(peer)| peer.ip().to_canonical());
    // Hop by hop from raw bytes: one odd byte of the visitor's must not hide what our proxy wrote.
    let said = request.headers().get_all("x-forwarded-for").iter();
    let hops: Vec<&[u8]> = said.flat_map(|value| value.as_bytes().split(|b| *b == b',')).collect();
    if !hops.is_empty() && !settings.trusts(peer) && !portal.proxy_noted.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            %peer,
            "X-Forwarded-For came from an address that is not in TRUSTED_PROXIES and is ignored; behind a proxy everybody \
             now counts as one source: set TRUSTED_PROXIES (said once)"
        );
    }
    walk(peer, &hops, settings)
}

fn walk(peer: IpAddr, hops: &[&[u8]], settings: &Settings) -> IpAddr {
    let mut source = peer;
    for hop in hops.iter().rev() {
        if !settings.trusts(source) {
            break;
        }
        let Some(address) = parse_hop(hop) else { break };
        source = address;
    }
    source
}

/// An address, with or without a port or brackets.
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim();
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse::<IpAddr>().or_else(|_| hop.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::parse_hop;

    #[test]
    fn hops_are_read_in_every_usual_form() {
        for hop in ["192.0.2.1", " 192.0.2.1 ", "192.0.2.1:443", "::ffff:192.0.2.1"] {
            assert_eq!(
                parse_hop(hop.as_bytes()).map(|ip| ip.to_string()).as_deref(),
                Some("192.0.2.1"),
                "{hop}"
            );
        }
        for hop in ["2001:db8::5", "[2001:db8::5]", "[2001:db8::5]:443"] {
            assert_eq!(
                parse_hop(hop.as_bytes()).map(|ip| ip.to_string()).as_deref(),
                Some("2001:db8::5"),
                "{hop}"
            );
        }
        for hop in [&b"unknown"[..], b"\xff", b"", b"192.0.2.1.example"] {
            assert_eq!(parse_hop(hop), None);
        }
    }
}
