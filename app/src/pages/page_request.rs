//! The request that a page answers.

use axum::http::StatusCode;
use axum::http::request::Parts;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::http::{COOKIE_CHECK_FIELD, COOKIE_CHECK_VALUE, CookieJar, Flash, RequestContext, find_proof};
use backend::Backend;
use backend::sessions::CurrentUser;
use backend::settings::Settings;
use domain::errors::{ErrorCode, Field, FormErrors};

/// The request that a page answers, from the Leptos context.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// The backend.
    pub backend: Backend,
    /// The request context: the session, the client IP and the cookies.
    pub context: RequestContext,
    /// The path and query of the URL.
    pub path_and_query: String,
    /// True if the browser keeps no cookies: its form has just been refused without any, and it has not kept the one of the refusal.
    cookies_blocked: bool,
}

impl PageRequest {
    /// Returns the current request, or `None` while Leptos reads the route table at startup.
    pub fn get() -> Option<Self> {
        let parts = use_context::<Parts>()?;
        let backend = use_context::<Backend>()?;
        let context = parts.extensions.get::<RequestContext>().cloned()?;
        let proof = find_proof(&parts).filter(|_| !context.keeps_cookies);
        let is_genuine = |proof: String| {
            CookieJar::new(&backend).is_cookieless_proof(&proof, context.client_ip, backend.now())
        };
        Some(Self {
            cookies_blocked: proof.is_some_and(is_genuine),
            backend,
            context,
            path_and_query: parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
        })
    }

    /// Returns the settings of the portal.
    pub fn settings(&self) -> &Settings {
        &self.backend.settings
    }

    /// Returns the signed-in user, or `None` for visitors and restricted sessions.
    pub fn current_user(&self) -> Option<&CurrentUser> {
        self.context.current_user.as_deref()
    }

    /// Returns the signed-in user if they are an administrator.
    ///
    /// The authorization middleware refuses everyone else. Pages check again, independently of the middleware.
    pub fn administrator(&self) -> Option<&CurrentUser> {
        self.current_user().filter(|current_user| current_user.is_admin())
    }

    /// Returns the flash cookie that the previous response set.
    pub fn flash(&self) -> Option<&Flash> {
        self.context.flash.as_deref()
    }

    /// Returns the errors of the form that was submitted from this page.
    pub fn errors(&self) -> FormErrors {
        if self.cookies_blocked {
            return FormErrors::of(ErrorCode::CookiesBlocked);
        }
        self.flash().and_then(|flash| flash.errors.clone()).unwrap_or_default()
    }

    /// Returns the value that was typed into a field before the form was rejected or the session ended.
    pub fn typed(&self, field: Field) -> String {
        let find = |values: &'_ [(Field, String)]| values.iter().find(|(name, _)| *name == field).cloned();
        let before_session_end = || self.context.saved_input.as_deref().and_then(|saved| find(&saved.input));
        let found = self.flash().and_then(|flash| find(&flash.input)).or_else(before_session_end);
        found.map_or_else(String::new, |(_, value)| value)
    }
}

/// Renders the hidden field of a form that is refused if the browser keeps no cookies.
pub fn cookie_check() -> impl IntoView {
    view! { <input type="hidden" name=COOKIE_CHECK_FIELD value=COOKIE_CHECK_VALUE /> }
}

/// Returns a parameter of the path, for example `:id`, or an empty string if the route has no such parameter.
pub fn param(name: &str) -> String {
    use_params_map().read_untracked().get(name).unwrap_or_default()
}

/// Returns a parameter of the query string.
pub fn query(name: &str) -> Option<String> {
    use_query_map().read_untracked().get(name)
}

/// Sets the status of the response.
pub fn set_status(status: StatusCode) {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(status);
    }
}
