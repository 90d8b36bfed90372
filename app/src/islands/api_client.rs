//! The client for calling server functions from the browser.
//!
//! # Guarantees
//!
//! - Every call returns an [`ActionResult`], whatever fails.
//!
//! The client of the framework supports any type, but it is larger than all islands together.

use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{FormData, Headers, Request, RequestInit, Response, UrlSearchParams};

use crate::api::action_result::{ActionError, ActionResult};
use domain::errors::{ErrorCode, FormErrors};

/// Calls the server function at `path` with the fields of a form.
pub async fn send_form(path: &str, form: &FormData) -> ActionResult {
    let body = UrlSearchParams::new_with_str_sequence_sequence(form);
    parse_response(post(path, body).await)
}

/// Calls the server function at `path` with these fields.
pub async fn send(path: &str, fields: &[(&str, &str)]) -> ActionResult {
    let body = UrlSearchParams::new().inspect(|body| {
        for (name, value) in fields {
            body.append(name, value);
        }
    });
    parse_response(post(path, body).await)
}

/// Parses a response of any HTTP status, because middleware also answers with an [`ActionResult`] when it refuses a request.
fn parse_response(text: Result<String, JsValue>) -> ActionResult {
    let refused = |code| ActionResult::Refused(FormErrors::of(code));
    let Ok(text) = text else { return refused(ErrorCode::Unreachable) };
    serde_json::from_str(&text).unwrap_or_else(|_| match serde_json::from_str(&text) {
        Ok(ActionError::Internal(reference)) => refused(ErrorCode::Internal(reference)),
        _ => refused(ErrorCode::Unreachable),
    })
}

async fn post(path: &str, body: Result<UrlSearchParams, JsValue>) -> Result<String, JsValue> {
    let headers = Headers::new()?;
    headers.set("Accept", "application/json")?;
    headers.set("Content-Type", "application/x-www-form-urlencoded")?;
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&body?.to_string().into());
    let request = Request::new_with_str_and_init(path, &init)?;
    let response: Response = JsFuture::from(window().fetch_with_request(&request)).await?.dyn_into()?;
    let text = JsFuture::from(response.text()?).await?;
    Ok(text.as_string().unwrap_or_default())
}
