//! Authentication: from the session and cookies of a request to its [`RequestContext`].
//!
//! # Guarantees
//!
//! - Only an action that ends the session of its request removes the session cookie. Otherwise, a late response of an
//!   ended session could remove the cookie of the next session.
//! - A browser is told once that its session has ended, although it keeps the cookie of the session.
//! - A flash message is removed when its own page is requested, and never by a prefetch.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Request, State};
use axum::http::header::{LOCATION, RETRY_AFTER, SET_COOKIE, USER_AGENT};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_sessions::Session;

use crate::app_state::AppState;
use crate::http::middleware::client_ip::client_ip;
use crate::http::prefetch::is_prefetch;
use app::http::{FlashId, REFERENCE, RequestContext, SESSION, asks_for_json};
use app::pages::{UserData, has_visitor_form, user_data};
use backend::Backend;
use backend::accounts::profile::{ProfileData, find_current_user_with_account};
use backend::error::InternalError;
use backend::infra::random;
use backend::sessions::store::hash_hex;
use backend::sessions::{
    BrowserSession, CurrentUser, SessionKind, delete_ended_record, find_current_user, session_owner,
};
use domain::errors::error_reference;

/// The header with which a script says that it shows the flash message of the page at this path.
const SHOWS_FLASH: &str = "x-shows-flash";

/// The hash of the session id that the browser sent, if the session has ended and the browser has not been told so yet.
#[derive(Clone, Debug)]
pub struct EndedSession(pub Option<String>);

/// Authenticates a request and adds its [`RequestContext`].
pub async fn authenticate(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    if let Some(clean_url) = without_error_parameters(&request) {
        return (StatusCode::FOUND, [(LOCATION, clean_url)]).into_response();
    }
    let Some(session) = request.extensions().get::<Session>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    // Loading a record that no longer exists removes the id from the session.
    let sent_session_id = session.id();
    let (current_user, account) = match find_user(&state.backend, &session, request.uri().path()).await {
        Ok(found) => found.unzip(),
        Err(failure) => {
            let bits = random::reference();
            tracing::error!(reference = error_reference(bits), cause = %failure, "session lookup failed");
            let headers =
                [(RETRY_AFTER, HeaderValue::from_static("5")), (REFERENCE, HeaderValue::from(bits))];
            return (StatusCode::SERVICE_UNAVAILABLE, headers).into_response();
        }
    };
    let (current_user, restricted_user) = match current_user {
        Some(current_user) if current_user.kind == SessionKind::Restricted => {
            (None, Some(Arc::new(current_user)))
        }
        current_user => (current_user.map(Arc::new), None),
    };
    let account = account.flatten().filter(|_| current_user.is_some()).map(Arc::new);
    let ended_session = sent_session_id.filter(|_| current_user.is_none() && restricted_user.is_none());
    let ended_session_user = if ended_session.is_some() { session_owner(&session).await } else { None };
    // Without a record there is nothing to remove: the browser keeps the cookie of an ended session.
    if ended_session_user.is_some() {
        delete_ended_record(&state.backend, &session).await;
    }
    let (now, headers) = (state.backend.now(), request.headers());
    let flash_id = request.uri().query().and_then(FlashId::find);
    let flash = if wants_flash(&request) {
        let path = request.uri().path();
        match &flash_id {
            Some(id) => state.cookies.read_flash_of_tab(headers, path, id, now),
            None => state.cookies.read_flash(headers, path, now),
        }
    } else {
        None
    };
    let flash_taken = flash.is_some();
    let saved_input = current_user.as_ref().filter(|_| wants_flash(&request)).and_then(|current_user| {
        state.cookies.read_saved_input(headers, request.uri().path(), current_user.user_id, now)
    });
    let input_taken = saved_input.is_some();
    let form_secret = state.cookies.read_form_secret(headers, now);
    let opens_form =
        form_secret.is_none() && request.method() == Method::GET && has_visitor_form(request.uri().path());
    let lifetime = state.backend.settings.session_lifetime;
    let unreported = ended_session
        .map(hash_hex)
        .filter(|session| !state.cookies.is_end_reported(headers, session, lifetime, now));
    let context = RequestContext {
        current_user,
        restricted_user,
        account,
        ended_session_user,
        session: BrowserSession::new(session),
        client_ip: client_ip(&request, &state),
        untrusted_proxy: state.untrusted_proxy_logged.load(Ordering::Relaxed),
        user_agent: header_text(headers, &USER_AGENT),
        registered_here: state.cookies.read_registration(headers, now),
        password_verified: state.cookies.read_password_verified(headers, now),
        known_browsers: state.cookies.read_known_browsers(headers, now),
        flash: flash.map(Arc::new),
        saved_input: saved_input.map(Arc::new),
        authorization_secret: state.cookies.read_authorization_secret(headers, now),
        form_secret,
        keeps_cookies: state.cookies.has_any(headers),
        theme: state.cookies.read_theme(headers),
    };
    request.extensions_mut().insert(context);
    request.extensions_mut().insert(EndedSession(unreported));
    let mut response = next.run(request).await;
    let removals = [
        flash_taken.then(|| match &flash_id {
            Some(id) => state.cookies.remove_flash_of_tab(id),
            None => state.cookies.remove_flash(),
        }),
        input_taken.then(|| state.cookies.remove_saved_input()),
    ];
    for removal in removals.into_iter().flatten().flatten() {
        // A new flash of this response stays.
        if !sets_same_cookie(response.headers(), &removal) {
            response.headers_mut().append(SET_COOKIE, removal);
        }
    }
    if opens_form
        && response.status() == StatusCode::OK
        && let Some(cookie) = state.cookies.form_secret(now)
    {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Returns true if the response sets the cookie that `removal` removes.
fn sets_same_cookie(headers: &HeaderMap, removal: &HeaderValue) -> bool {
    let name = removal.as_bytes().split_inclusive(|byte| *byte == b'=').next().unwrap_or_default();
    headers.get_all(SET_COOKIE).iter().any(|cookie| cookie.as_bytes().starts_with(name))
}

/// Returns the user who is signed in, and their account if the page of this path shows it.
async fn find_user(
    backend: &Backend,
    session: &Session,
    path: &str,
) -> Result<Option<(CurrentUser, Option<ProfileData>)>, InternalError> {
    Ok(match user_data(path) {
        UserData::User => find_current_user(backend, session).await?.map(|current_user| (current_user, None)),
        UserData::Account => find_current_user_with_account(backend, session)
            .await?
            .map(|(current_user, account)| (current_user, Some(account))),
    })
}

/// Drops the removal of the session cookie that the session layer adds if the session of a request has ended. Actions that end a
/// session remove the cookie themselves, with the attributes that it was set with: browsers do not let a cookie that is not Secure
/// replace a `__Host-` cookie (RFC 6265bis, 5.7).
pub async fn keep_session_cookie(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let removal = format!("{}=;", state.backend.settings.cookie_name(SESSION));
    let own_removal = state.cookies.remove_session();
    let is_dropped = |value: &HeaderValue| {
        value.as_bytes().starts_with(removal.as_bytes()) && Some(value) != own_removal.as_ref()
    };
    let headers = response.headers_mut();
    if headers.get_all(SET_COOKIE).iter().any(is_dropped) {
        let kept: Vec<HeaderValue> =
            headers.get_all(SET_COOKIE).iter().filter(|value| !is_dropped(value)).cloned().collect();
        headers.remove(SET_COOKIE);
        for value in kept {
            headers.append(SET_COOKIE, value);
        }
    }
    response
}

/// Returns the URL without the query parameters `__err` and `__path`, if it has any: Leptos shows their text on the page.
fn without_error_parameters(request: &Request) -> Option<HeaderValue> {
    let query = request.uri().query()?;
    let forged = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        matches!(name, "__err" | "__path")
    };
    if request.method() != Method::GET || !query.split('&').any(|pair| forged(&pair)) {
        return None;
    }
    let kept: Vec<&str> = query.split('&').filter(|pair| !forged(pair)).collect();
    // Exactly one slash: `//evil.example` would redirect to another site.
    let path = format!("/{}", request.uri().path().trim_start_matches('/'));
    let clean_url = if kept.is_empty() { path } else { format!("{path}?{}", kept.join("&")) };
    HeaderValue::from_str(&clean_url).ok()
}

fn wants_flash(request: &Request) -> bool {
    let headers = request.headers();
    // Images and scripts do not show the message either.
    let navigation = headers.get("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
    // The admin page fetches itself to show the results of a decision about several people. It names the page, because after a
    // redirect to another page the browser goes there, and that page shows the message.
    let is_shown = headers.get(SHOWS_FLASH).is_some_and(|path| path == request.uri().path());
    request.method() == Method::GET
        && !is_prefetch(headers)
        && (navigation || is_shown)
        && !asks_for_json(headers)
}

fn header_text(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
