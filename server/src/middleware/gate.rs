//! Who may see which page.
//!
//! Guarantees: decided before a page renders, from one table; who is signed in never sees sign-in or registration, a
//! stranger never sees a page of an account, and a member never sees the desk; who has to choose a new password sees
//! that page, sign-out and nothing else. Server functions ask again themselves.

use app::api::http::{Caller, Flash, login_page};
use app::domain::answer::Notice;
use app::domain::next::NextPage;
use app::pages::error_page;
use axum::extract::{Request, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use super::caller::HadSession;
use crate::portal::Portal;

/// Whom a page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    Everybody,
    Strangers,
    SignedIn,
    WhoMustChange,
    Administrators,
}

fn audience(path: &str) -> For {
    match path.split('/').nth(1).unwrap_or_default() {
        "login" | "register" | "setup" | "reset-password" => For::Strangers,
        "change-password" => For::WhoMustChange,
        "profile" => For::SignedIn,
        "admin" => For::Administrators,
        _ => For::Everybody,
    }
}

/// Keeps everybody to their pages.
pub async fn keep_to_their_pages(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let Some(caller) = request.extensions().get::<Caller>() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let path = request.uri().path();
    if caller.restricted.is_some() && !may_see_restricted(path) {
        return redirect("/change-password");
    }
    match (audience(path), caller.viewer.as_deref()) {
        (For::WhoMustChange, None) if caller.restricted.is_some() => next.run(request).await,
        (For::Strangers, Some(_)) => redirect("/profile"),
        (For::SignedIn | For::WhoMustChange | For::Administrators, None) => {
            let had_session = request.extensions().get::<HadSession>().is_some_and(|had| had.0);
            let asked = request.uri().path_and_query().map_or(path, PathAndQuery::as_str);
            let login = login_page(NextPage::parse(asked).as_ref());
            ask_to_sign_in(&portal, &login, had_session)
        }
        (For::Administrators, Some(viewer)) if !viewer.is_admin() => {
            let page = error_page::render(403, None, caller.theme, &portal.backend.settings, &portal.shell);
            (StatusCode::FORBIDDEN, Html(page)).into_response()
        }
        _ => next.run(request).await,
    }
}

/// Where somebody may go who has to choose a new password. Actions ask for themselves.
fn may_see_restricted(path: &str) -> bool {
    matches!(path, "/change-password" | "/logout") || path.starts_with("/do/")
}

fn redirect(to: &str) -> Response {
    HeaderValue::from_str(to).map_or_else(
        |_| StatusCode::BAD_REQUEST.into_response(),
        |to| (StatusCode::FOUND, [(LOCATION, to)]).into_response(),
    )
}

fn ask_to_sign_in(portal: &Portal, login: &str, had_session: bool) -> Response {
    let mut response = redirect(login);
    let flash = Flash {
        path: "/login".to_owned(),
        notice: Some(Notice::SessionEnded),
        refusal: None,
        kept: Vec::new(),
        about: None,
        at: portal.backend.now(),
    };
    if had_session && let Some(cookie) = portal.cookies.flash(&flash) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::{For, audience, may_see_restricted};

    #[test]
    fn who_must_change_sees_nothing_else() {
        for path in
            ["/", "/profile", "/admin", "/login", "/change-password/x", "/confirm/x", "/auto-login/x", "/dox"]
        {
            assert!(!may_see_restricted(path), "{path}");
        }
        assert!(may_see_restricted("/change-password") && may_see_restricted("/do/sign_out"));
    }

    #[test]
    fn every_page_of_the_desk_is_for_administrators() {
        for path in ["/admin", "/admin/", "/admin/mail", "/admin/approve/7", "/admin/users/1"] {
            assert_eq!(audience(path), For::Administrators, "{path}");
        }
        assert_eq!(audience("/administrator"), For::Everybody);
    }
}
