//! The router: pages, server functions, assets, and the layers around them.
//!
//! Guarantees: every answer passes the same layers in the same order (outermost first): request id and log line,
//! panics caught, security headers, the portal's own error pages, the Host check, cross-site refusal, and then, for
//! pages and actions, who is calling, who may see what, and whether a form arrived whole.

use std::sync::{Arc, OnceLock};

use app::api::http::CookieJar;
use app::backend::Backend;
use app::backend::settings::Environment;
use app::pages::{App, error_page, provide_page_nonce, shell};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use leptos::prelude::provide_context;
use leptos_axum::{AxumRouteListing, LeptosRoutes, generate_route_list};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::csrf::CsrfLayer;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_sessions::SessionManagerLayer;
use tower_sessions::cookie::SameSite;

use crate::portal::{Assets, Portal};
use crate::{accent, dev_mail, health, middleware};

/// The pages' addresses. Rendering them once is not safe to do twice at the same time.
fn routes() -> &'static [AxumRouteListing] {
    static ROUTES: OnceLock<Vec<AxumRouteListing>> = OnceLock::new();
    ROUTES.get_or_init(|| generate_route_list(App))
}

/// All that answers requests.
pub fn router(backend: &Backend, assets: &Assets) -> Router {
    let portal = Portal {
        backend: backend.clone(),
        cookies: Arc::new(CookieJar::new(backend)),
        shell: Arc::clone(&assets.shell),
        proxy_noted: Arc::default(),
        options: assets.options.clone(),
    };
    let people = pages(&portal);
    let people = with_caller(people, &portal);
    let mut plain = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/accent.css", get(accent_css))
        .route("/logo", get(logo));
    if backend.settings.environment == Environment::Dev {
        plain = plain.merge(dev_mail::routes(&portal));
    }
    let immutable = SetResponseHeaderLayer::overriding(
        CACHE_CONTROL,
        // Only a name with the hash of its content may be kept for ever.
        HeaderValue::from_static(if assets.options.hash_files {
            "public, max-age=31536000, immutable"
        } else {
            "no-store"
        }),
    );
    let pkg = ServeDir::new(assets.root.join("pkg")).precompressed_br();
    let pkg = Router::new().fallback_service(pkg).layer(immutable);
    let public = ServeDir::new(&assets.root).append_index_html_on_directories(false).precompressed_br();
    let csrf = CsrfLayer::new();
    let csrf = csrf
        .clone()
        .add_trusted_origin(portal.backend.settings.public_url.origin().ascii_serialization())
        .unwrap_or(csrf);
    people
        .merge(plain)
        .nest("/pkg", pkg)
        .fallback_service(public)
        .method_not_allowed_fallback(|| async { StatusCode::METHOD_NOT_ALLOWED })
        .layer(csrf)
        .layer(from_fn_with_state(portal.clone(), middleware::host::require_host))
        .layer(from_fn(middleware::path::require_plain_path))
        .layer(from_fn_with_state(portal.clone(), middleware::dress::dress_errors))
        .layer(from_fn_with_state(portal.clone(), middleware::headers::secure))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(middleware::log::log_request))
        .with_state(portal)
}

/// Pages and server functions.
fn pages(portal: &Portal) -> Router<Portal> {
    let context = {
        let portal = portal.clone();
        move || {
            provide_context(portal.backend.clone());
            provide_context(Arc::clone(&portal.shell));
            provide_page_nonce();
        }
    };
    let shell_of = Arc::clone(&portal.shell);
    // Registers every server function at its own address, too.
    Router::new()
        .leptos_routes_with_context(portal, routes().to_vec(), context, move || shell(&shell_of))
        .route_layer(from_fn(middleware::forms::require_whole_form))
}

/// Who is calling, and who may see what.
fn with_caller(routes: Router<Portal>, portal: &Portal) -> Router<Portal> {
    let settings = &portal.backend.settings;
    let sessions = SessionManagerLayer::new(portal.backend.sessions.clone())
        .with_name(settings.cookie_name("session"))
        .with_path("/")
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_secure(settings.is_https());
    routes
        .route_layer(from_fn_with_state(portal.clone(), middleware::gate::keep_to_their_pages))
        .route_layer(from_fn_with_state(portal.clone(), middleware::caller::find_caller))
        .route_layer(sessions)
}

/// The organisation's colour, if it has one.
async fn accent_css(State(backend): State<Backend>) -> Response {
    match &backend.settings.portal_accent {
        Some(accent) => {
            ([(CONTENT_TYPE, "text/css; charset=utf-8")], accent::stylesheet(accent)).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The organisation's mark, if it has one. A policy of its own keeps scripts in an SVG asleep.
async fn logo(State(backend): State<Backend>) -> Response {
    let Some(path) = backend.settings.portal_logo.clone() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let svg = path.extension().is_some_and(|end| end == "svg");
    match tokio::fs::read(&path).await {
        Ok(content) => {
            let kind = if svg { "image/svg+xml" } else { "image/png" };
            let policy = (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox");
            ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, max-age=3600"), policy], content).into_response()
        }
        Err(error) => {
            tracing::error!(cause = %error, path = %path.display(), "PORTAL_LOGO could not be read");
            StatusCode::NOT_FOUND.into_response()
        }
    }
}

/// A panic is our fault: it is logged here once, and dressed as a 500 outside.
fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response<Body> {
    let text = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    let (bits, page) = error_page::our_fault();
    tracing::error!(reference = app::domain::answer::reference(bits), cause = text, "a request panicked");
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (StatusCode::INTERNAL_SERVER_ERROR, headers, page).into_response()
}
