//! Authorization: the access level of each route.
//!
//! # Guarantees
//!
//! - Access is decided before a page renders. Server functions check the user again.
//! - A route without an access level is refused.
//! - A user who is signed in never sees sign-in or registration, and a visitor never sees a page of an account.
//! - A member never sees an admin page.
//! - A user in a restricted session, who has to choose a new password, reaches only that page, sign-out, and actions.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use crate::app_state::AppState;
use crate::http::middleware::authentication::EndedSession;
use app::http::{Flash, RequestContext, login_page};
use app::pages::{Access, PAGES, error_page};
use domain::flash_message::FlashMessage;
use domain::return_to::ReturnTo;

/// The access levels of all routes, by the paths that axum matches. It is cheap to clone.
#[derive(Clone, Debug)]
pub struct AccessTable(Arc<HashMap<String, Access>>);

impl AccessTable {
    /// Creates the table of the pages and of these handlers.
    pub fn new(handlers: impl IntoIterator<Item = (String, Access)>) -> Self {
        let pages = PAGES.iter().map(|page| (axum_path(page.path), page.access));
        Self(Arc::new(pages.chain(handlers).collect()))
    }

    /// Returns the access level of a matched path, or `None` if it has none.
    fn access_of(&self, matched_path: &str) -> Option<Access> {
        // Actions check the user themselves.
        if matched_path.starts_with("/do/") {
            return Some(Access::Everyone);
        }
        self.0.get(matched_path).copied()
    }
}

/// Returns the paths of all pages as axum writes them.
pub fn page_paths() -> impl Iterator<Item = String> {
    PAGES.iter().map(|page| axum_path(page.path))
}

/// Returns a path of the route table as axum writes it: `/undo/{token}` for `/undo/:token`.
fn axum_path(path: &str) -> String {
    let parts = path.split('/').map(|part| match part.strip_prefix(':') {
        Some(name) => format!("{{{name}}}"),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Redirects or refuses a request that its user may not make.
pub async fn authorize(
    State((state, table)): State<(AppState, AccessTable)>,
    request: Request,
    next: Next,
) -> Response {
    let Some(context) = request.extensions().get::<RequestContext>() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let matched = request.extensions().get::<MatchedPath>();
    let Some(access) = matched.and_then(|matched| table.access_of(matched.as_str())) else {
        tracing::error!(path = matched.map(MatchedPath::as_str), "route has no access level");
        return StatusCode::FORBIDDEN.into_response();
    };
    if context.restricted_user.is_some() {
        return match access {
            Access::Everyone | Access::PasswordChange => next.run(request).await,
            Access::Public | Access::SignedOut | Access::SignedIn | Access::Admin => {
                redirect("/change-password")
            }
        };
    }
    match (access, context.current_user.as_deref()) {
        (Access::SignedOut, Some(_)) => redirect("/profile"),
        (Access::SignedIn | Access::PasswordChange | Access::Admin, None) => {
            let ended_session =
                request.extensions().get::<EndedSession>().and_then(|ended| ended.0.as_deref());
            let path = request.uri().path();
            let requested = request.uri().path_and_query().map_or(path, PathAndQuery::as_str);
            let login = login_page(ReturnTo::parse(requested).as_ref());
            redirect_to_sign_in(&state, &login, ended_session)
        }
        (Access::Admin, Some(current_user)) if !current_user.is_admin() => {
            let page =
                error_page::render_administrators_only(context.theme, &state.backend.settings, &state.shell);
            (StatusCode::FORBIDDEN, Html(page)).into_response()
        }
        _ => next.run(request).await,
    }
}

fn redirect(to: &str) -> Response {
    HeaderValue::from_str(to).map_or_else(
        |_| StatusCode::BAD_REQUEST.into_response(),
        |to| (StatusCode::FOUND, [(LOCATION, to)]).into_response(),
    )
}

/// Redirects to the sign-in page, which says that `ended_session` has ended.
fn redirect_to_sign_in(state: &AppState, login: &str, ended_session: Option<&str>) -> Response {
    let mut response = redirect(login);
    let Some(ended_session) = ended_session else { return response };
    let flash = Flash {
        path: "/login".to_owned(),
        message: Some(FlashMessage::SessionEnded),
        errors: None,
        input: Vec::new(),
        affected_username: None,
        last_change: None,
        report: None,
        at: state.backend.now(),
    };
    let lifetime = state.backend.settings.session_lifetime;
    let reported = state.cookies.reported_end(ended_session, lifetime, state.backend.now());
    for cookie in [state.cookies.flash(&flash), reported].into_iter().flatten() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use app::pages::{Access, PAGES};

    use super::AccessTable;

    #[test]
    fn every_admin_page_is_for_administrators() {
        let table = AccessTable::new([]);
        for path in ["/admin", "/admin/mail", "/admin/{decision}/{id}", "/admin/users/{id}"] {
            assert_eq!(table.access_of(path), Some(Access::Admin), "{path}");
        }
        assert!(PAGES.iter().all(|page| !page.path.starts_with("/admin") || page.access == Access::Admin));
    }

    #[test]
    fn a_route_without_an_access_level_has_none_by_default() {
        let table = AccessTable::new([("/profile/data.json".to_owned(), Access::SignedIn)]);
        assert_eq!(table.access_of("/profile/data.json"), Some(Access::SignedIn));
        assert_eq!(table.access_of("/do/sign_out"), Some(Access::Everyone));
        assert_eq!(table.access_of("/administrator"), None);
    }
}
