//! The action runner: every server function goes through it.
//!
//! # Guarantees
//!
//! - Scripts, which ask for JSON, get an `ActionResult`. Plain forms get a redirect with the same message.
//! - A refusal keeps the input, but never a password, in a sealed cookie.
//! - An internal error is logged once, with its cause. People see a reference.
//! - [`ActionContext::require_user`], [`ActionContext::require_admin`] and [`ActionContext::require_restricted_user`] are the only
//!   ways to a user who may act.

use std::future::Future;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode, request};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;

use crate::api::action_result::{ActionError, ActionResult};
use crate::http::accept::asks_for_json;
use crate::http::cookie_check::{CheckedForm, page_with_error};
use crate::http::cookies::{CookieJar, Flash, FlashId, SavedInput};
use crate::http::page_form::PageForm;
use crate::http::request_context::RequestContext;
use crate::http::response::{ActionResponse, REFERENCE};
use crate::http::urls::login_page;
use backend::Backend;
use backend::error::{InternalError, UseCaseError};
use backend::infra::random;
use backend::microsoft::AuthorizationRedirect;
use backend::sessions::CurrentUser;
use domain::decision::{BatchReport, LastChange};
use domain::errors::{ErrorCode, Field, FormErrors, error_reference};
use domain::flash_message::FlashMessage;
use domain::return_to::ReturnTo;
use domain::view_models::UserRow;

/// The maximum length of all kept input of a form, in bytes of JSON. With the refusal, it fits the flash cookie.
const MAX_KEPT_INPUT: usize = 1_700;
/// The seconds after which a client may try again if a dependency has failed.
const RETRY_AFTER_OUTAGE: u64 = 5;

/// Creates an action whose form is on `page` (path and query). A plain form returns to that page.
pub fn action(page: &str) -> Action {
    Action { page: page.to_owned(), input: Vec::new() }
}

/// An action that is about to run.
#[derive(Debug)]
pub struct Action {
    page: String,
    input: Vec<(Field, String)>,
}

impl Action {
    /// Keeps the input of a field in case the form is refused. Passwords are never kept, nor are control characters, which no
    /// one types. Input that is too long is cut, so that it always fits a cookie.
    #[must_use]
    pub fn keep(mut self, field: Field, input: &str) -> Self {
        if let Some(max_length) = field.max_preserved_length() {
            let mut kept: String =
                input.chars().filter(|c| !c.is_control() || (*c == '\n' && field.is_multiline())).collect();
            kept.truncate(kept.floor_char_boundary(max_length));
            let used = self.input.iter().map(|(_, kept)| json_length(kept)).sum();
            truncate_json(&mut kept, MAX_KEPT_INPUT.saturating_sub(used));
            self.input.push((field, kept));
        }
        self
    }

    /// Runs the action and sends its response.
    ///
    /// # Errors
    ///
    /// Returns an [`ActionError`] for internal errors, and if the response has already been sent as a redirect.
    pub async fn run<F, Fut>(self, run: F) -> Result<ActionResult, ActionError>
    where
        F: FnOnce(ActionContext) -> Fut,
        Fut: Future<Output = Result<ActionResponse, ActionStop>>,
    {
        let context = ActionContext::begin(self)?;
        if context.lacks_cookies {
            return context.refuse_without_cookies();
        }
        // On the heap: the future of a sign-in has 14 kB, and each layer around it would move them.
        let result = Box::pin(run(context.clone())).await;
        context.respond(result)
    }
}

/// Returns the length of a text in a JSON string, in bytes.
fn json_length(text: &str) -> usize {
    text.chars().map(json_char_length).sum()
}

fn json_char_length(c: char) -> usize {
    if matches!(c, '"' | '\\' | '\n') { 2 } else { c.len_utf8() }
}

/// Shortens a text to at most `max_length` bytes in a JSON string.
fn truncate_json(text: &mut String, max_length: usize) {
    let mut length = 0;
    let end = text.char_indices().find(|(_, c)| {
        length += json_char_length(*c);
        length > max_length
    });
    if let Some((end, _)) = end {
        text.truncate(end);
    }
}

/// The reason why an action ends early.
#[derive(Debug)]
pub enum ActionStop {
    /// The action sends another response, such as a redirect to the sign-in page.
    Response(Box<ActionResponse>),
    /// The use case has failed.
    Error(UseCaseError),
}

impl From<UseCaseError> for ActionStop {
    fn from(error: UseCaseError) -> Self {
        Self::Error(error)
    }
}

impl From<InternalError> for ActionStop {
    fn from(error: InternalError) -> Self {
        Self::Error(error.into())
    }
}

impl From<ErrorCode> for ActionStop {
    fn from(code: ErrorCode) -> Self {
        Self::Error(code.into())
    }
}

impl From<FormErrors> for ActionStop {
    fn from(errors: FormErrors) -> Self {
        Self::Error(errors.into())
    }
}

/// The context of an action. It is cheap to clone.
#[derive(Clone, Debug)]
pub struct ActionContext(Arc<Inner>);

/// The content of an [`ActionContext`].
#[derive(Debug)]
pub struct Inner {
    /// The backend.
    pub backend: Backend,
    /// The context of the request.
    pub request: RequestContext,
    page: String,
    is_plain_form: bool,
    has_tab: bool,
    /// The headers that remove old flashes of tabs, to make room for one more.
    old_flashes: Vec<HeaderValue>,
    lacks_cookies: bool,
    input: Vec<(Field, String)>,
    affected_user: OnceLock<(String, Option<LastChange>)>,
    pub(super) cookies: CookieJar,
    response: ResponseOptions,
}

impl Deref for ActionContext {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl ActionContext {
    fn begin(action: Action) -> Result<Self, ActionError> {
        let missing = || {
            let bits = random::reference();
            tracing::error!(reference = error_reference(bits), "server function called without a request");
            ActionError::Internal(bits)
        };
        let backend = use_context::<Backend>().ok_or_else(missing)?;
        let parts = use_context::<request::Parts>().ok_or_else(missing)?;
        let response = use_context::<ResponseOptions>().ok_or_else(missing)?;
        let request = parts.extensions.get::<RequestContext>().cloned().ok_or_else(missing)?;
        let cookies = CookieJar::new(&backend);
        Ok(Self(Arc::new(Inner {
            has_tab: parts.extensions.get::<PageForm>().is_some(),
            old_flashes: cookies.make_room_for_tab(&parts.headers),
            lacks_cookies: parts.extensions.get::<CheckedForm>().is_some() && !request.keeps_cookies,
            request,
            page: action.page,
            is_plain_form: !asks_for_json(&parts.headers),
            input: action.input,
            affected_user: OnceLock::new(),
            cookies,
            response,
            backend,
        })))
    }

    /// Returns the administrator who is signed in.
    ///
    /// # Errors
    ///
    /// Stops with the sign-in page for visitors and with an error for members.
    pub fn require_admin(&self) -> Result<Arc<CurrentUser>, ActionStop> {
        let user = self.require_user()?;
        if user.is_admin() {
            Ok(user)
        } else {
            Err(ActionStop::Response(Box::new(ActionResponse::Refused(ErrorCode::Forbidden.into()))))
        }
    }

    /// Returns the user who is signed in.
    ///
    /// # Errors
    ///
    /// Stops with the sign-in page for visitors and for restricted sessions.
    pub fn require_user(&self) -> Result<Arc<CurrentUser>, ActionStop> {
        self.request.current_user.clone().ok_or_else(|| self.ask_to_sign_in())
    }

    /// Returns the user who is signed in, also in a restricted session.
    ///
    /// # Errors
    ///
    /// Stops with the sign-in page for visitors.
    pub fn require_restricted_user(&self) -> Result<Arc<CurrentUser>, ActionStop> {
        let user = self.request.current_user.clone().or_else(|| self.request.restricted_user.clone());
        user.ok_or_else(|| self.ask_to_sign_in())
    }

    fn ask_to_sign_in(&self) -> ActionStop {
        if let Some(user_id) = self.request.ended_session_user.filter(|_| !self.input.is_empty()) {
            let path = self.page.split('?').next().unwrap_or(&self.page).to_owned();
            let saved = SavedInput { path, input: self.input.clone(), user_id, at: self.backend.now() };
            self.set_cookie(self.cookies.saved_input(&saved));
        }
        let return_to = ReturnTo::parse(&self.page);
        ActionStop::Response(Box::new(ActionResponse::redirect_with(
            &login_page(return_to.as_ref()),
            FlashMessage::SessionEnded,
        )))
    }

    /// Names the affected user in the flash message of the next page.
    pub fn set_affected_user(&self, user: Option<&UserRow>) {
        if let Some(user) = user {
            let last_change = user.last_change.as_deref().cloned();
            let _ = self.affected_user.set((user.username.clone(), last_change));
        }
    }

    /// Sends this browser to Microsoft.
    pub fn redirect_to_microsoft(&self, to: &AuthorizationRedirect) -> ActionResponse {
        self.set_cookie(self.cookies.authorization_secret(&to.browser_secret, self.backend.now()));
        ActionResponse::redirect(to.url.as_str())
    }

    pub(super) fn set_cookie(&self, cookie: Option<HeaderValue>) {
        if let Some(cookie) = cookie {
            self.response.append_header(SET_COOKIE, cookie);
        }
    }

    fn respond(&self, result: Result<ActionResponse, ActionStop>) -> Result<ActionResult, ActionError> {
        if let Some(session) = self.request.session.opened() {
            self.set_cookie(self.cookies.session(session, self.backend.now()));
        }
        if self.request.session.has_ended() {
            self.set_cookie(self.cookies.remove_session());
        }
        match result {
            Ok(response) => self.send(response),
            Err(ActionStop::Response(response)) => self.send(*response),
            Err(ActionStop::Error(UseCaseError::Rejected(errors))) => {
                self.send(ActionResponse::Refused(errors))
            }
            Err(ActionStop::Error(UseCaseError::Internal(error))) => self.fail(&error),
        }
    }

    fn send(&self, response: ActionResponse) -> Result<ActionResult, ActionError> {
        match response {
            ActionResponse::Redirect { to, message, errors } => {
                let keeps_input = errors.is_some() || message == Some(FlashMessage::ResetRequested);
                let input = if keeps_input { self.input.clone() } else { Vec::new() };
                if let (Some(errors), None, true) = (&errors, message, self.is_plain_form) {
                    self.redirect_with_errors(&to, errors.clone(), input);
                    return Ok(ActionResult::Goto(to));
                }
                if message.is_some() || errors.is_some() {
                    self.set_flash(&to, message, errors, input);
                }
                self.redirect(&to);
                Ok(ActionResult::Goto(to))
            }
            ActionResponse::Stay { message, .. } if self.is_plain_form => {
                self.set_flash(&self.page, Some(message), None, Vec::new());
                self.redirect(&self.page);
                Err(ActionError::Redirected)
            }
            ActionResponse::Stay { message, user } => Ok(ActionResult::Done { message, user }),
            ActionResponse::Batch(report) if self.is_plain_form => {
                self.set_report(report);
                self.redirect(&self.page);
                Err(ActionError::Redirected)
            }
            ActionResponse::Batch(report) => Ok(ActionResult::Batch(Box::new(report))),
            ActionResponse::Refused(FormErrors { form: Some(ErrorCode::Busy(seconds)), .. }) => {
                Ok(self.busy(seconds))
            }
            ActionResponse::Stale(errors, user) if !self.is_plain_form => {
                Ok(ActionResult::Stale(errors, user))
            }
            ActionResponse::Refused(errors) | ActionResponse::Stale(errors, _) if self.is_plain_form => {
                self.redirect_with_errors(&self.page, errors, self.input.clone());
                Err(ActionError::Redirected)
            }
            ActionResponse::Refused(errors) | ActionResponse::Stale(errors, _) => {
                Ok(ActionResult::Refused(errors))
            }
        }
    }

    /// Refuses the form of a browser that has sent no cookie, and sets one. If the browser does not keep it, no cookie can carry the
    /// error to the form's page, so the URL does. A browser that has only lost its cookies can send the form again.
    fn refuse_without_cookies(&self) -> Result<ActionResult, ActionError> {
        let now = self.backend.now();
        self.set_cookie(self.cookies.form_secret(now));
        if self.is_plain_form {
            let proof = self.cookies.cookieless_proof(self.request.client_ip, now).unwrap_or_default();
            let page = page_with_error(&self.page, &proof);
            self.redirect_with_errors(&page, FormErrors::of(ErrorCode::FormMalformed), self.input.clone());
            return Err(ActionError::Redirected);
        }
        Ok(ActionResult::Refused(FormErrors::of(ErrorCode::CookiesBlocked)))
    }

    /// Sends a 503 with Retry-After. For a plain form, the content type makes the middleware render its error page.
    fn busy(&self, seconds: u64) -> ActionResult {
        self.response.set_status(StatusCode::SERVICE_UNAVAILABLE);
        self.response.insert_header(RETRY_AFTER, HeaderValue::from(seconds));
        let errors = FormErrors::of(ErrorCode::Busy(seconds));
        if self.is_plain_form {
            // The form's page shows the input again.
            self.set_flash(&self.page, None, Some(errors.clone()), self.input.clone());
            self.response.insert_header(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        }
        ActionResult::Refused(errors)
    }

    /// Logs the cause once. People get the reference.
    fn fail(&self, error: &InternalError) -> Result<ActionResult, ActionError> {
        let bits = random::reference();
        tracing::error!(reference = error_reference(bits), cause = %error, "action failed");
        if error.is_outage() {
            if self.is_plain_form {
                self.response.insert_header(REFERENCE, HeaderValue::from(bits));
            }
            return Ok(self.busy(RETRY_AFTER_OUTAGE));
        }
        if !self.is_plain_form {
            return Err(ActionError::Internal(bits));
        }
        let errors = FormErrors::of(ErrorCode::Internal(bits));
        self.redirect_with_errors(&self.page, errors, self.input.clone());
        Err(ActionError::Redirected)
    }

    /// Redirects a plain form to the page `to` (path and query) with errors. If one of our pages sent the form, only the tab of that
    /// page shows them.
    fn redirect_with_errors(&self, to: &str, errors: FormErrors, input: Vec<(Field, String)>) {
        if !self.has_tab {
            self.set_flash(to, None, Some(errors), input);
            return self.redirect(to);
        }
        for removal in &self.old_flashes {
            self.set_cookie(Some(removal.clone()));
        }
        let id = FlashId::generate();
        let flash = self.flash(to, None, Some(errors), input);
        self.set_cookie(self.cookies.flash_of_tab(&flash, &id));
        self.redirect(&id.add_to(to));
    }

    /// Sets the flash cookie for the page `to`.
    fn set_flash(
        &self,
        to: &str,
        message: Option<FlashMessage>,
        errors: Option<FormErrors>,
        input: Vec<(Field, String)>,
    ) {
        self.set_cookie(self.cookies.flash(&self.flash(to, message, errors, input)));
    }

    /// Sets the flash cookie with the results of an action on several users. The input is kept for the next part.
    fn set_report(&self, report: BatchReport) {
        let input = if report.next.is_some() { self.input.clone() } else { Vec::new() };
        let report = BatchReport { people: Vec::new(), ..report };
        let flash = Flash { report: Some(report), ..self.flash(&self.page, None, None, input) };
        self.set_cookie(self.cookies.flash(&flash));
    }

    /// Returns the flash for the page `to`.
    fn flash(
        &self,
        to: &str,
        message: Option<FlashMessage>,
        errors: Option<FormErrors>,
        input: Vec<(Field, String)>,
    ) -> Flash {
        Flash {
            path: to.split('?').next().unwrap_or(to).to_owned(),
            message,
            errors,
            input,
            affected_username: self.affected_user.get().map(|(username, _)| username.clone()),
            last_change: self.affected_user.get().and_then(|(_, last_change)| last_change.clone()),
            report: None,
            at: self.backend.now(),
        }
    }

    /// Redirects a plain form. Scripts follow the `ActionResult` instead.
    fn redirect(&self, to: &str) {
        if self.is_plain_form && HeaderValue::from_str(to).is_ok() {
            leptos_axum::redirect(to);
        }
    }
}
