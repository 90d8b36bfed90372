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
    send_fields(path, UrlSearchParams::new_with_str_sequence_sequence(form)).await
}

/// Calls the server function at `path` with these fields.
pub async fn send(path: &str, fields: &[(&str, &str)]) -> ActionResult {
    let body = UrlSearchParams::new().inspect(|body| {
        for (name, value) in fields {
            body.append(name, value);
        }
    });
    send_fields(path, body).await
}

async fn send_fields(path: &str, body: Result<UrlSearchParams, JsValue>) -> ActionResult {
    match body {
        Ok(body) => send_body(path, &String::from(body.to_string())).await,
        Err(_) => refused(ErrorCode::Unreachable),
    }
}

/// Calls the server function at `path` with the body of a form.
pub async fn send_body(path: &str, body: &str) -> ActionResult {
    match post(path, body, &[("Accept", "application/json")]).await {
        Ok(response) => parse_response(read_text(&response).await),
        Err(_) => refused(ErrorCode::Unreachable),
    }
}

fn refused(code: ErrorCode) -> ActionResult {
    ActionResult::Refused(FormErrors::of(code))
}

/// Parses a response of any HTTP status, because middleware also answers with an [`ActionResult`] when it refuses a request.
fn parse_response(text: Option<String>) -> ActionResult {
    let Some(text) = text else { return refused(ErrorCode::Unreachable) };
    serde_json::from_str(&text).unwrap_or_else(|_| match serde_json::from_str(&text) {
        Ok(ActionError::Internal(reference)) => refused(ErrorCode::Internal(reference)),
        _ => refused(ErrorCode::Unreachable),
    })
}

/// Reads the text of a response.
pub async fn read_text(response: &Response) -> Option<String> {
    JsFuture::from(response.text().ok()?).await.ok()?.as_string()
}

/// Posts the body of a form with these headers.
pub async fn post(path: &str, body: &str, headers: &[(&str, &str)]) -> Result<Response, JsValue> {
    let all = Headers::new()?;
    all.set("Content-Type", "application/x-www-form-urlencoded")?;
    for (name, value) in headers {
        all.set(name, value)?;
    }
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&all);
    init.set_body(&JsValue::from_str(body));
    let request = Request::new_with_str_and_init(path, &init)?;
    JsFuture::from(window().fetch_with_request(&request)).await?.dyn_into()
}
