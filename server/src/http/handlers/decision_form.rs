//! The page of a decision, rendered with the form as it was sent: `/admin/{decision}/{id}/preview` adds the email that the form would
//! send, and `/admin/{decision}/{id}/use-reason` fills in a saved reason.
//!
//! # Guarantees
//!
//! - Both change nothing and send nothing.
//! - The form keeps all of its texts. They do not travel in a cookie or a URL.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use leptos_axum::render_app_async_with_context;
use url::form_urlencoded;

use crate::app_state::AppState;
use crate::http::middleware::form_body::MAX_FORM_BYTES;
use crate::http::router::provide_page_context;
use app::http::{EmailPreview, Flash, RequestContext};
use app::pages::shell;
use backend::admin::decisions::preview_email;
use backend::admin::saved_reasons::read_reasons_for;
use backend::error::InternalError;
use domain::decision::DecisionForm;
use domain::errors::{Field, FormErrors};
use domain::saved_reason::{ReasonUse, fill_in};
use domain::status::{AdminAction, UserId};

/// The fields of a decision, and the saved reason that was chosen.
const FIELDS: [Field; 5] = [Field::Reason, Field::Note, Field::Question, Field::Silent, Field::SavedReason];

/// The form of a decision as it was sent.
struct SentForm {
    parts: Parts,
    context: RequestContext,
    page: Uri,
    action: AdminAction,
    id: UserId,
    typed: Vec<(Field, String)>,
}

impl SentForm {
    /// Reads the form of a request to a path that belongs to the page of a decision.
    async fn read(path: (String, String), request: Request) -> Result<Self, StatusCode> {
        let (page, action, id) = page_of(&path)?;
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, MAX_FORM_BYTES).await.map_err(|_| StatusCode::BAD_REQUEST)?;
        let context = parts.extensions.get::<RequestContext>().cloned();
        let context = context.ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
        Ok(Self { parts, context, page, action, id, typed: typed_texts(&body) })
    }

    fn text(&self, field: Field) -> &str {
        self.typed.iter().find(|(name, _)| *name == field).map_or("", |(_, text)| text.as_str())
    }

    fn set_text(&mut self, field: Field, text: String) {
        self.typed.retain(|(name, _)| *name != field);
        self.typed.push((field, text));
    }

    /// Renders the page with this form, as if it had been refused.
    async fn render(mut self, state: &AppState, errors: Option<FormErrors>) -> Response {
        let flash = Flash {
            path: self.page.path().to_owned(),
            message: None,
            errors,
            input: self.typed,
            affected_username: None,
            last_change: None,
            report: None,
            at: state.backend.now(),
        };
        self.parts.extensions.insert(RequestContext { flash: Some(Arc::new(flash)), ..self.context });
        self.parts.method = Method::GET;
        self.parts.uri = self.page;
        let (assets, provided) = (Arc::clone(&state.shell), state.clone());
        let render =
            render_app_async_with_context(move || provide_page_context(&provided), move || shell(&assets));
        render(Request::from_parts(self.parts, Body::empty())).await
    }
}

/// Redirects to the page of the decision, for someone who has signed in again or entered the URL.
pub async fn redirect(Path(path): Path<(String, String)>) -> Response {
    page_of(&path)
        .map_or_else(IntoResponse::into_response, |(page, ..)| Redirect::to(page.path()).into_response())
}

/// Renders the page with the preview of the email. Authorization admits only administrators.
pub async fn preview(
    State(state): State<AppState>,
    Path(path): Path<(String, String)>,
    request: Request,
) -> Response {
    let mut form = match SentForm::read(path, request).await {
        Ok(form) if matches!(form.action, AdminAction::Reject | AdminAction::Ask) => form,
        Ok(_) => return StatusCode::NOT_FOUND.into_response(),
        Err(status) => return status.into_response(),
    };
    let [reason, note, question, silent] =
        [Field::Reason, Field::Note, Field::Question, Field::Silent].map(|field| form.text(field));
    let errors = match DecisionForm::parse(form.action, silent, reason, note, question) {
        Ok(decision) => match preview_email(&state.backend, form.id, &decision).await {
            Ok(email) => {
                form.parts.extensions.insert(EmailPreview(email));
                None
            }
            Err(error) => return failure(&error),
        },
        Err(errors) => Some(errors),
    };
    form.render(&state, errors).await
}

/// Renders the page with the chosen reason filled in. Authorization admits only administrators.
pub async fn use_reason(
    State(state): State<AppState>,
    Path(path): Path<(String, String)>,
    request: Request,
) -> Response {
    let mut form = match SentForm::read(path, request).await {
        Ok(form) => form,
        Err(status) => return status.into_response(),
    };
    let reasons = match read_reasons_for(&state.backend, form.action).await {
        Ok(reasons) => reasons,
        Err(error) => return failure(&error),
    };
    let chosen = form.text(Field::SavedReason).parse();
    // A reason that someone has deleted in the meantime fills in nothing.
    if let Some(reason) = reasons.iter().find(|reason| Ok(reason.id) == chosen) {
        let field = reason.used_for.field();
        let saved: Vec<&str> = reasons.iter().map(|reason| reason.text.as_str()).collect();
        form.set_text(field, fill_in(form.text(field), &reason.text, &saved));
        form.set_text(Field::Silent, if reason.used_for.is_silent() { "yes" } else { "no" }.to_owned());
    }
    form.render(&state, None).await
}

fn failure(error: &InternalError) -> Response {
    tracing::error!(cause = %error, "decision page failed");
    if error.is_outage() {
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")]).into_response();
    }
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// Returns the page of a decision with a text, its action and its account.
fn page_of((decision, id): &(String, String)) -> Result<(Uri, AdminAction, UserId), StatusCode> {
    let action = AdminAction::from_slug(decision).filter(|action| ReasonUse::of(*action, false).is_some());
    let (Some(action), Ok(id)) = (action, id.parse::<UserId>()) else { return Err(StatusCode::NOT_FOUND) };
    let page = format!("/admin/{}/{id}", action.slug()).parse().map_err(|_| StatusCode::NOT_FOUND)?;
    Ok((page, action, id))
}

/// Returns the texts of the form. The form is complete: no field occurs twice.
fn typed_texts(body: &[u8]) -> Vec<(Field, String)> {
    let pairs = form_urlencoded::parse(body);
    pairs
        .filter_map(|(name, value)| {
            let field = Field::from_name(&name).filter(|field| FIELDS.contains(field))?;
            let text = value.replace("\r\n", "\n");
            Some((field, text.chars().filter(|c| !c.is_control() || *c == '\n').collect()))
        })
        .collect()
}
