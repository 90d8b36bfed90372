//! `/admin/{decision}/{id}/preview`: the page of a decision, with the form as it was sent and the email that it would send.
//!
//! # Guarantees
//!
//! - A preview changes nothing and sends nothing.
//! - The form keeps all of its texts. They do not travel in a cookie or a URL.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::RETRY_AFTER;
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
use backend::error::InternalError;
use domain::decision::DecisionForm;
use domain::errors::{Field, FormErrors};
use domain::status::{AdminAction, UserId};

/// The fields of a decision.
const FIELDS: [Field; 4] = [Field::Reason, Field::Note, Field::Question, Field::Silent];

/// Redirects to the page of the decision, for someone who has signed in again or entered the URL.
pub async fn redirect(Path((decision, id)): Path<(String, String)>) -> Response {
    page_of(&decision, &id).map_or_else(
        || StatusCode::NOT_FOUND.into_response(),
        |(page, ..)| Redirect::to(&page).into_response(),
    )
}

/// Renders the page of the decision with the preview. Authorization admits only administrators.
pub async fn show(
    State(state): State<AppState>,
    Path((decision, id)): Path<(String, String)>,
    request: Request,
) -> Response {
    let Some((page, action, id)) = page_of(&decision, &id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let (mut parts, body) = request.into_parts();
    let (Ok(body), Ok(uri)) = (to_bytes(body, MAX_FORM_BYTES).await, page.parse::<Uri>()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Some(context) = parts.extensions.get::<RequestContext>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let typed = typed_texts(&body);
    let [reason, note, question, silent] = FIELDS.map(|field| text_of(&typed, field));
    let errors = match DecisionForm::parse(action, silent, reason, note, question) {
        Ok(form) => match preview_email(&state.backend, id, &form).await {
            Ok(preview) => {
                parts.extensions.insert(EmailPreview(preview));
                None
            }
            Err(error) => return failure(&error),
        },
        Err(errors) => Some(errors),
    };
    parts.extensions.insert(with_form(&state, context, page, typed, errors));
    parts.method = Method::GET;
    parts.uri = uri;
    let (assets, provided) = (Arc::clone(&state.shell), state.clone());
    let render =
        render_app_async_with_context(move || provide_page_context(&provided), move || shell(&assets));
    render(Request::from_parts(parts, Body::empty())).await
}

fn failure(error: &InternalError) -> Response {
    tracing::error!(cause = %error, "email preview failed");
    if error.is_outage() {
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")]).into_response();
    }
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// Returns the page of a decision that can send an email with a text, its action and its account.
fn page_of(decision: &str, id: &str) -> Option<(String, AdminAction, UserId)> {
    let action = AdminAction::from_slug(decision)
        .filter(|action| matches!(action, AdminAction::Reject | AdminAction::Ask))?;
    let id: UserId = id.parse().ok()?;
    Some((format!("/admin/{}/{id}", action.slug()), action, id))
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

fn text_of(typed: &[(Field, String)], field: Field) -> &str {
    typed.iter().find(|(name, _)| *name == field).map_or("", |(_, text)| text.as_str())
}

/// Returns the context of the request with the form, as if it had been refused.
fn with_form(
    state: &AppState,
    context: RequestContext,
    page: String,
    typed: Vec<(Field, String)>,
    errors: Option<FormErrors>,
) -> RequestContext {
    let flash = Flash {
        path: page,
        message: None,
        errors,
        input: typed,
        affected_username: None,
        last_change: None,
        report: None,
        at: state.backend.now(),
    };
    RequestContext { flash: Some(Arc::new(flash)), ..context }
}
