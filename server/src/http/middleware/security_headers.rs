//! Security headers on every response.
//!
//! # Guarantees
//!
//! - Scripts run only from the portal's own files or with the nonce of this response (128 random bits).
//! - No site can frame a page, and no browser guesses a content type.
//! - HTML and results of actions are `no-store`.

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::app_state::AppState;
use backend::infra::random;

/// Adds the security headers.
pub async fn add_security_headers(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let nonce = random::public_id();
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
    if state.backend.settings.is_https() {
        // Two years, as hstspreload.org requires. Without includeSubDomains: the subdomains may belong to other services.
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000"));
    }
    if !headers.contains_key(CONTENT_SECURITY_POLICY)
        && let Ok(policy) =
            HeaderValue::from_str(&content_security_policy(&nonce, &state.form_action_origins))
    {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache_control(headers)));
    }
    response
}

/// Adds the charset to the content type of text files, which are all UTF-8. TypeScript declarations (`.d.ts`, next to the
/// browser's code) are text too, although their extension is taken for a video.
pub async fn add_charset(mut response: Response) -> Response {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = if kind == TYPESCRIPT_AS_VIDEO { "text/plain" } else { kind };
    let text = kind.starts_with("text/") || kind == "image/svg+xml";
    if text
        && !kind.contains("charset")
        && let Ok(named) = HeaderValue::from_str(&format!("{kind}; charset=utf-8"))
    {
        response.headers_mut().insert(CONTENT_TYPE, named);
    }
    response
}

/// The content type that `.ts` is taken for.
const TYPESCRIPT_AS_VIDEO: &str = "video/vnd.dlna.mpeg-tts";

fn content_security_policy(nonce: &str, form_action_origins: &str) -> String {
    let reload =
        if option_env!("LEPTOS_WATCH").is_some() { " ws://localhost:3001 ws://127.0.0.1:3001" } else { "" };
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'{reload}; manifest-src 'self'; base-uri 'none'; \
         form-action 'self'{form_action_origins}; frame-ancestors 'none'"
    )
}

/// Returns the cache policy by content type: an hour for files that keep their name when they change, `no-store` for everything
/// else, which may contain personal data.
fn cache_control(headers: &HeaderMap) -> &'static str {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let file = ["image/", "font/", "text/css"].iter().any(|start| kind.starts_with(start));
    if file { "public, max-age=3600" } else { "no-store" }
}
