//! Security headers on every answer.
//!
//! Guarantees: scripts run only from our own files or with this answer's nonce (128 random bits), nothing may frame
//! us, nothing is sniffed; HTML and answers of actions are never stored by anybody.

use app::backend::random;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::portal::Portal;

/// Adds the headers.
pub async fn secure(State(portal): State<Portal>, mut request: Request, next: Next) -> Response {
    let nonce = random::handle();
    request.extensions_mut().insert(app::pages::CspNonce(nonce.clone()));
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 6] = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if portal.backend.settings.is_https() {
        // Two years, as hstspreload.org asks for; whether subdomains are ours to decide about is not known here.
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000"));
    }
    if !headers.contains_key(CONTENT_SECURITY_POLICY)
        && let Ok(policy) = HeaderValue::from_str(&policy(&nonce, &portal.form_targets))
    {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching(headers)));
    }
    response
}

/// Says which characters a file of text is written in: ours are all UTF-8. What TypeScript reads (`.d.ts`, beside the
/// browser's code) has the ending of a film.
pub async fn name_charset(mut response: Response) -> Response {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = if kind == TYPESCRIPT_AS_FILM { "text/plain" } else { kind };
    let text = kind.starts_with("text/") || kind == "image/svg+xml";
    if text
        && !kind.contains("charset")
        && let Ok(named) = HeaderValue::from_str(&format!("{kind}; charset=utf-8"))
    {
        response.headers_mut().insert(CONTENT_TYPE, named);
    }
    response
}

/// What `.ts` is taken for.
const TYPESCRIPT_AS_FILM: &str = "video/vnd.dlna.mpeg-tts";

fn policy(nonce: &str, form_targets: &str) -> String {
    let reload = if option_env!("LEPTOS_WATCH").is_some() { " ws://127.0.0.1:3001" } else { "" };
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'{reload}; manifest-src 'self'; base-uri 'none'; \
         form-action 'self'{form_targets}; frame-ancestors 'none'"
    )
}

/// Files that may change keep their name; everything else is about people.
fn caching(headers: &HeaderMap) -> &'static str {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let file = ["image/", "font/", "text/css"].iter().any(|start| kind.starts_with(start));
    if file { "public, max-age=3600" } else { "no-store" }
}
