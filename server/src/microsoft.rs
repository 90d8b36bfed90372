//! The addresses of signing in with Microsoft: `/ms-login`, REDIRECT_PATH and `/ms-logout`.
//!
//! Guarantees: they lead to Microsoft and to pages of the portal and nowhere else; only somebody who goes there gets an
//! answer, and no picture or script of another site's page; whatever goes wrong is said on the page that somebody came from.

use app::api::http::{Caller, Flash};
use app::backend::error::Stop;
use app::backend::microsoft::{Arrival, Arrived, HOME, Purpose, TurnedAway, arrive, begin, sign_out_address};
use app::backend::settings::MicrosoftSettings;
use app::domain::answer::Notice;
use app::domain::next::NextPage;
use app::domain::problem::{Field, Problem, Refusal};
use axum::extract::{RawQuery, Request, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use url::form_urlencoded;

use crate::portal::Portal;

/// The routes, where Microsoft is set up.
pub fn routes(microsoft: &MicrosoftSettings) -> Router<Portal> {
    Router::new()
        .route("/ms-login", get(go))
        .route(&microsoft.redirect_path, get(come_back))
        .route("/ms-logout", get(leave))
        .layer(from_fn(require_visit))
}

/// Other sites could use up a visitor's tries with pictures of these addresses (<https://www.w3.org/TR/fetch-metadata/>).
async fn require_visit(request: Request, next: Next) -> Response {
    let mode = request.headers().get("sec-fetch-mode");
    if mode.is_some_and(|mode| mode != "navigate") {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

/// Sends somebody to Microsoft, to sign in.
async fn go(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Response {
    let next = value_of(query.as_deref(), "next").and_then(|next| NextPage::parse(&next));
    let next = next.as_ref().map_or(HOME, NextPage::as_str);
    if caller.viewer.is_some() {
        return redirect(next, []);
    }
    let (backend, now) = (&portal.backend, portal.backend.now());
    let begun = async {
        backend.limits.microsoft(caller.source, now).await?;
        begin(backend, Purpose::SignIn { shared: false }, None, next, caller.trip.as_deref()).await
    };
    match begun.await {
        Ok(to) => redirect(to.address.as_str(), [portal.cookies.trip(&to.browser, now)]),
        Err(stop) => turn_away(&portal, TurnedAway { page: "/login".to_owned(), stop, shared: false }),
    }
}

/// Takes somebody in who comes back from Microsoft.
async fn come_back(
    State(portal): State<Portal>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Response {
    let of = |name| value_of(query.as_deref(), name);
    let (state, code) = (of("state").unwrap_or_default(), of("code"));
    let (error, description) = (of("error"), of("error_description"));
    let arrival = Arrival {
        state: &state,
        code: code.as_deref(),
        error: error.as_deref().map(|error| (error, description.as_deref())),
        browser_secret: caller.trip.as_deref(),
        viewer: caller.viewer.as_deref(),
    };
    let now = portal.backend.now();
    if let Err(problem) = portal.backend.limits.microsoft_asked(caller.source, now).await {
        let page = if caller.viewer.is_some() { "/profile" } else { "/login" };
        return say(&portal, page, None, Some(Refusal::of(problem)));
    }
    match arrive(&portal.backend, &caller.session, arrival, &caller.browser()).await {
        Ok(Arrived::SignedIn { known, next }) => {
            let session = caller.session.opened().and_then(|session| portal.cookies.session(session, now));
            let known = known.and_then(|known| portal.cookies.known(&caller.known_here, known, now));
            redirect(&next, [session, known])
        }
        Ok(Arrived::NotActive { user_id, why, shared }) => {
            let stop = Stop::Refused(Refusal::of(why));
            let mut response = turn_away(&portal, TurnedAway { page: "/login".to_owned(), stop, shared });
            let cookies = &portal.cookies;
            let cookie = |id| {
                if shared { cookies.passing_registration(id, now) } else { cookies.registration(id, now) }
            };
            if let Some(cookie) = user_id.and_then(cookie) {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            response
        }
        Ok(Arrived::Linked) => say(&portal, "/profile", Some(Notice::MicrosoftLinked), None),
        Ok(Arrived::Proved { next }) => say(&portal, &next, Some(Notice::Proved), None),
        Err(away) => turn_away(&portal, away),
    }
}

/// Sends somebody to Microsoft, to sign out there too.
async fn leave(State(portal): State<Portal>, Extension(caller): Extension<Caller>) -> Response {
    let asked = portal.backend.limits.microsoft_asked(caller.source, portal.backend.now());
    if let Err(problem) = asked.await {
        return say(&portal, "/login", None, Some(Refusal::of(problem)));
    }
    match sign_out_address(&portal.backend).await {
        Some(address) => redirect(address.as_str(), []),
        None => say(&portal, "/login", None, Some(Refusal::of(Problem::MicrosoftAway))),
    }
}

fn turn_away(portal: &Portal, away: TurnedAway) -> Response {
    match away.stop {
        Stop::Refused(refusal) => say_keeping(portal, &away.page, refusal, away.shared),
        Stop::Failed(failure) => {
            tracing::error!(cause = %failure, "a sign-in with Microsoft failed");
            say_keeping(portal, &away.page, Refusal::of(Problem::Busy(5)), away.shared)
        }
    }
}

/// On to `page`, with something to be said there.
fn say(portal: &Portal, page: &str, notice: Option<Notice>, refusal: Option<Refusal>) -> Response {
    leave_word(portal, page, notice, refusal, Vec::new())
}

/// Back to `page` with a refusal, and with what was ticked there.
fn say_keeping(portal: &Portal, page: &str, refusal: Refusal, shared: bool) -> Response {
    let kept = if shared { vec![(Field::Shared, "yes".to_owned())] } else { Vec::new() };
    leave_word(portal, page, None, Some(refusal), kept)
}

fn leave_word(
    portal: &Portal,
    page: &str,
    notice: Option<Notice>,
    refusal: Option<Refusal>,
    kept: Vec<(Field, String)>,
) -> Response {
    let path = page.split('?').next().unwrap_or(page).to_owned();
    let at = portal.backend.now();
    let flash = Flash { path, notice, refusal, kept, about: None, at };
    redirect(page, [portal.cookies.flash(&flash)])
}

fn redirect<const N: usize>(to: &str, cookies: [Option<HeaderValue>; N]) -> Response {
    let Ok(to) = HeaderValue::from_str(to) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut response = (StatusCode::FOUND, [(LOCATION, to)]).into_response();
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// The first value of that name.
fn value_of(query: Option<&str>, name: &str) -> Option<String> {
    let pairs = form_urlencoded::parse(query?.as_bytes());
    pairs.into_owned().find(|(key, _)| key == name).map(|(_, value)| value)
}
