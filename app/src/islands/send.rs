//! Calling server functions from the browser: one way for forms and buttons alike.
//!
//! Guarantees: whatever happens on the way, the answer is an [`Outcome`] with words for it. (The framework's own client
//! does the same for any type; it weighs more than all our islands together, and every action answers alike here.)

use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{FormData, Headers, Request, RequestInit, Response, UrlSearchParams};

use crate::domain::answer::{Fault, Outcome};
use crate::domain::problem::{Problem, Refusal};

/// Calls the server function at `path` with the fields of a form.
pub async fn send_form(path: &str, form: &FormData) -> Outcome {
    let body = UrlSearchParams::new_with_str_sequence_sequence(form);
    answered(post(path, body).await)
}

/// Calls the server function at `path` with these fields.
pub async fn send(path: &str, fields: &[(&str, &str)]) -> Outcome {
    let body = UrlSearchParams::new().inspect(|body| {
        for (name, value) in fields {
            body.append(name, value);
        }
    });
    answered(post(path, body).await)
}

/// The answer is read whatever its status: refusals of the layers before the function are outcomes too.
fn answered(text: Result<String, JsValue>) -> Outcome {
    let refused = |problem| Outcome::Refused(Refusal::of(problem));
    let Ok(text) = text else { return refused(Problem::Unreachable) };
    serde_json::from_str(&text).unwrap_or_else(|_| match serde_json::from_str(&text) {
        Ok(Fault::Internal(reference)) => refused(Problem::Internal(reference)),
        _ => refused(Problem::Unreachable),
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
