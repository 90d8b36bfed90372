//! Redirects from paths with capital letters or a final slash to the intended page.
//!
//! # Guarantees
//!
//! - A path that differs from the path of a route only by a slash at its end, or by capital letters, leads to that route.
//! - The query stays, and so do ids and tokens in the path.
//! - Only GET and HEAD are redirected.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

/// The paths of routes, as axum writes them (`/undo/{token}`). It is cheap to clone.
#[derive(Clone, Debug)]
pub struct RoutePaths(Arc<[String]>);

impl RoutePaths {
    /// Creates the list of these paths. If a path resembles several of them, the first counts.
    pub fn new(paths: impl IntoIterator<Item = String>) -> Self {
        Self(paths.into_iter().collect())
    }

    /// Returns the path of the route that `path` resembles.
    fn find(&self, path: &str) -> Option<String> {
        self.0.iter().find_map(|route| spelled_as(route, path))
    }
}

/// Returns `path` in the spelling of `route`, or `None` if it differs in more than spelling.
fn spelled_as(route: &str, path: &str) -> Option<String> {
    let (route, path) = (route.split('/'), path.trim_end_matches('/').split('/'));
    if route.clone().count() != path.clone().count() {
        return None;
    }
    let parts = route.zip(path).map(|(expected, found)| {
        if expected.starts_with('{') {
            Some(found).filter(|found| !found.is_empty())
        } else {
            Some(expected).filter(|expected| expected.eq_ignore_ascii_case(found))
        }
    });
    parts.collect::<Option<Vec<&str>>>().map(|parts| parts.join("/"))
}

/// Redirects a request that no route has matched to the route that its path resembles.
pub async fn redirect_to_route(State(paths): State<RoutePaths>, request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let Some(to) = paths.find(request.uri().path()).filter(|_| is_read) else {
        return next.run(request).await;
    };
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    Redirect::permanent(&format!("{to}{query}")).into_response()
}

#[cfg(test)]
mod tests {
    use super::RoutePaths;

    #[test]
    fn a_path_that_is_nearly_right_leads_to_its_route() {
        let routes = ["/", "/login", "/admin/users/{id}", "/admin/{decision}/{id}", "/confirm/{token}"];
        let paths = RoutePaths::new(routes.map(ToOwned::to_owned));
        for (path, expected) in [
            ("/login/", Some("/login")),
            ("/Login", Some("/login")),
            ("/LOGIN///", Some("/login")),
            ("/Admin/Users/7/", Some("/admin/users/7")),
            ("/admin/approve/7/", Some("/admin/approve/7")),
            ("/Confirm/AbC/", Some("/confirm/AbC")),
            ("/confirm/", None),
            ("/confirm//", None),
            ("/login/x", None),
            ("/logins", None),
            ("/nothing/", None),
        ] {
            assert_eq!(paths.find(path).as_deref(), expected, "{path}");
        }
    }
}
