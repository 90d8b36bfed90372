//! The routes of Microsoft sign-in: `/ms-login`, REDIRECT_PATH and `/ms-logout`.
//!
//! # Guarantees
//!
//! - The routes redirect only to Microsoft and to pages of the portal.
//! - The routes answer only navigations, not images or scripts on another site's page. HEAD and a prefetch have no effect.
//! - An error is shown on the page where the person started.

use axum::Extension;
use axum::extract::{RawQuery, Request, State};
use axum::http::header::{ALLOW, LOCATION, SET_COOKIE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

use crate::app_state::AppState;
use crate::http::prefetch::is_prefetch;
use app::http::{Flash, QUESTION_PAGE, RequestContext, STATUS_PAGE, VerifiedUser};
use backend::error::UseCaseError;
use backend::microsoft::{
    CallbackError, CallbackRequest, CallbackResult, DEFAULT_RETURN_TO, begin_sign_in, handle_callback,
    sign_out_url,
};
use domain::errors::{ErrorCode, Field, FormErrors};
use domain::flash_message::FlashMessage;
use domain::return_to::ReturnTo;
use domain::status::{PublicStatus, UserId};
use domain::time::Timestamp;

/// Refuses requests that are not navigations: other sites could use up a visitor's attempts with images of these URLs
/// (<https://www.w3.org/TR/fetch-metadata/>). A browser that fetches a page in advance, and programs that check links with HEAD,
/// must not start or finish a sign-in.
pub async fn require_navigation(request: Request, next: Next) -> Response {
    if request.method() == Method::HEAD {
        return allow_only_get().await;
    }
    let headers = request.headers();
    let mode = headers.get("sec-fetch-mode");
    if mode.is_some_and(|mode| mode != "navigate") || is_prefetch(headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

/// Refuses every method except GET.
pub async fn allow_only_get() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET")]).into_response()
}

/// Begins a sign-in: redirects to Microsoft.
pub async fn sign_in(
    State(state): State<AppState>,
    Extension(context): Extension<RequestContext>,
    RawQuery(query): RawQuery,
) -> Response {
    let return_to = query_value(query.as_deref(), "next").and_then(|next| ReturnTo::parse(&next));
    let return_to = return_to.as_ref().map_or(DEFAULT_RETURN_TO, ReturnTo::as_str);
    if context.current_user.is_some() {
        return redirect(return_to, []);
    }
    let secret = context.authorization_secret.as_deref();
    match begin_sign_in(&state.backend, context.client_ip, false, return_to, secret).await {
        Ok(to) => {
            let cookie = state.cookies.authorization_secret(&to.browser_secret, state.backend.now());
            redirect(to.url.as_str(), [cookie])
        }
        Err(error) => {
            redirect_after_failure(&state, CallbackError { page: "/login".to_owned(), error, shared: false })
        }
    }
}

/// Handles the redirect back from Microsoft.
pub async fn callback(
    State(state): State<AppState>,
    Extension(context): Extension<RequestContext>,
    RawQuery(query): RawQuery,
) -> Response {
    let parameter = |name| query_value(query.as_deref(), name);
    let (oauth_state, code) = (parameter("state").unwrap_or_default(), parameter("code"));
    let (error, description) = (parameter("error"), parameter("error_description"));
    let callback = CallbackRequest {
        state: &oauth_state,
        code: code.as_deref(),
        error: error.as_deref().map(|error| (error, description.as_deref())),
        browser_secret: context.authorization_secret.as_deref(),
        current_user: context.current_user.as_deref(),
    };
    let now = state.backend.now();
    match handle_callback(&state.backend, &context.session, callback, &context.browser(), context.client_ip)
        .await
    {
        Ok(CallbackResult::SignedIn { known, return_to }) => {
            let session = context.session.opened().and_then(|session| state.cookies.session(session, now));
            let known =
                known.and_then(|known| state.cookies.known_browsers(&context.known_browsers, known, now));
            redirect(&return_to, [session, known])
        }
        Ok(CallbackResult::NotActive { user_id, has_password, reason, return_to, shared }) => {
            let mut response = redirect_not_active(&state, reason, &return_to, shared);
            let registration =
                if has_password { None } else { registration_cookie(&state, user_id, shared, now) };
            let is_applicant =
                matches!(reason, ErrorCode::NotActive(PublicStatus::Pending | PublicStatus::Held));
            let verified = VerifiedUser { user_id, can_confirm: false };
            let verified = is_applicant.then(|| state.cookies.password_verified(verified, now)).flatten();
            for cookie in [registration, verified].into_iter().flatten() {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            response
        }
        Ok(CallbackResult::Linked) => {
            redirect_with_message(&state, "/profile", Some(FlashMessage::MicrosoftLinked), None)
        }
        Ok(CallbackResult::Reauthenticated { return_to }) => {
            redirect_with_message(&state, &return_to, Some(FlashMessage::Reauthenticated), None)
        }
        Err(error) => redirect_after_failure(&state, error),
    }
}

/// Redirects to Microsoft, to sign out there too.
pub async fn sign_out(
    State(state): State<AppState>,
    Extension(context): Extension<RequestContext>,
) -> Response {
    match sign_out_url(&state.backend, context.client_ip).await {
        Ok(Some(url)) => redirect(url.as_str(), []),
        Ok(None) => {
            let errors = FormErrors::of(ErrorCode::MicrosoftUnavailable);
            redirect_with_message(&state, "/login", None, Some(errors))
        }
        Err(code) => redirect_with_message(&state, "/login", None, Some(FormErrors::of(code))),
    }
}

/// Redirects the owner of an account that is not active: to the question of an administrator, back to the status of the
/// registration, or to the sign-in page with the reason.
fn redirect_not_active(state: &AppState, reason: ErrorCode, return_to: &str, shared: bool) -> Response {
    match reason {
        ErrorCode::NotActive(PublicStatus::Held) => redirect(QUESTION_PAGE, []),
        _ if return_to == STATUS_PAGE => redirect(STATUS_PAGE, []),
        _ => redirect_with_errors(state, "/login", FormErrors::of(reason), shared),
    }
}

/// Returns the cookie with which the owner of an account without a password confirms the email address in this browser.
fn registration_cookie(
    state: &AppState,
    user_id: UserId,
    shared: bool,
    now: Timestamp,
) -> Option<HeaderValue> {
    if shared {
        state.cookies.transient_registration(user_id, now)
    } else {
        state.cookies.registration(user_id, now)
    }
}

/// Redirects with the error of a failed sign-in.
fn redirect_after_failure(state: &AppState, failure: CallbackError) -> Response {
    match failure.error {
        UseCaseError::Rejected(errors) => redirect_with_errors(state, &failure.page, errors, failure.shared),
        UseCaseError::Internal(error) => {
            tracing::error!(cause = %error, "Microsoft sign-in failed");
            redirect_with_errors(state, &failure.page, FormErrors::of(ErrorCode::Busy(5)), failure.shared)
        }
    }
}

/// Redirects to `page` with a message or errors.
fn redirect_with_message(
    state: &AppState,
    page: &str,
    message: Option<FlashMessage>,
    errors: Option<FormErrors>,
) -> Response {
    redirect_with_flash(state, page, message, errors, Vec::new())
}

/// Redirects to `page` with errors, and keeps the state of its checkbox for shared computers.
fn redirect_with_errors(state: &AppState, page: &str, errors: FormErrors, shared: bool) -> Response {
    let input = if shared { vec![(Field::Shared, "yes".to_owned())] } else { Vec::new() };
    redirect_with_flash(state, page, None, Some(errors), input)
}

/// Redirects to `page` with a flash message.
fn redirect_with_flash(
    state: &AppState,
    page: &str,
    message: Option<FlashMessage>,
    errors: Option<FormErrors>,
    input: Vec<(Field, String)>,
) -> Response {
    let path = page.split('?').next().unwrap_or(page).to_owned();
    let at = state.backend.now();
    let flash =
        Flash { path, message, errors, input, affected_username: None, last_change: None, report: None, at };
    redirect(page, [state.cookies.flash(&flash)])
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

/// Returns the first value of a query parameter.
fn query_value(query: Option<&str>, name: &str) -> Option<String> {
    let pairs = form_urlencoded::parse(query?.as_bytes());
    pairs.into_owned().find(|(key, _)| key == name).map(|(_, value)| value)
}
