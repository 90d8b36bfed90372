//! The router: pages, server functions, assets, and the layers around them.
//!
//! Guarantees: every answer passes the same layers in the same order (outermost first): request id and log line,
//! security headers, panics caught, the portal's own error pages, path, Host and Origin, cross-site refusal, and then,
//! for pages and actions, whether a form arrived whole and in time, whether there is a turn free, who is calling, and who
//! may see what.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use app::api::http::{CookieJar, SESSION};
use app::backend::Backend;
use app::backend::settings::Environment;
use app::pages::{App, error_page, provide_page_nonce, shell};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use leptos::prelude::provide_context;
use leptos_axum::{AxumRouteListing, LeptosRoutes, generate_route_list};
use tokio::sync::Semaphore;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::csrf::CsrfLayer;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_sessions::SessionManagerLayer;
use tower_sessions::cookie::SameSite;

use crate::metrics::Metrics;
use crate::portal::{Assets, Parts, Portal};
use crate::readiness::Readiness;
use crate::stills::Stills;
use crate::{accent, dev_mail, download, health, microsoft, middleware, time_left};

/// The pages' addresses. Rendering them once is not safe to do twice at the same time.
fn routes() -> &'static [AxumRouteListing] {
    static ROUTES: OnceLock<Vec<AxumRouteListing>> = OnceLock::new();
    ROUTES.get_or_init(|| generate_route_list(App))
}

/// All that answers requests.
pub fn router(backend: &Backend, assets: &Assets) -> Router {
    router_with_metrics(backend, assets, &Arc::default())
}

/// The same, counting into these metrics.
pub fn router_with_metrics(backend: &Backend, assets: &Assets, metrics: &Arc<Metrics>) -> Router {
    let portal = Portal::new(Parts {
        backend: backend.clone(),
        cookies: CookieJar::new(backend),
        shell: Arc::clone(&assets.shell),
        metrics: Arc::clone(metrics),
        form_targets: backend.settings.microsoft.as_ref().map_or_else(String::new, |microsoft| {
            format!(" {}", microsoft.authority.origin().ascii_serialization())
        }),
        turns: Semaphore::new(middleware::turns::MAX_REQUESTS),
        stills: Stills::default(),
        proxy_noted: AtomicBool::new(false),
        readiness: Readiness::default(),
        options: assets.options.clone(),
    });
    let people = pages(&portal);
    let people = with_caller(people, &portal);
    let mut plain = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route(
            "/session",
            get(time_left::time_left)
                .route_layer(from_fn_with_state(portal.clone(), middleware::turns::wait_for_none)),
        )
        // https://www.w3.org/TR/change-password-url/: password managers lead people there.
        .route("/.well-known/change-password", get(|| async { Redirect::to("/change-password") }))
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
    let pkg = Router::new()
        .fallback_service(pkg)
        .layer(immutable)
        .layer(map_response(middleware::headers::name_charset));
    let public = ServeDir::new(&assets.root).append_index_html_on_directories(false).precompressed_br();
    let public =
        Router::new().fallback_service(public).layer(map_response(middleware::headers::name_charset));
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
        // In one: a layer of its own around every route is a copy of the route more for each request.
        .layer(
            ServiceBuilder::new()
                .layer(from_fn_with_state(portal.clone(), middleware::log::log_request))
                .layer(from_fn_with_state(portal.clone(), middleware::headers::secure))
                .layer(CatchPanicLayer::custom(panicked))
                .layer(from_fn_with_state(portal.clone(), middleware::dress::dress_errors))
                .layer(from_fn_with_state(portal.clone(), middleware::admit::admit))
                .layer(csrf),
        )
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
    let microsoft = portal.backend.settings.microsoft.as_ref();
    let microsoft = microsoft.map(microsoft::routes).unwrap_or_default();
    microsoft.route("/profile/data.json", get(download::download)).leptos_routes_with_context(
        portal,
        routes().to_vec(),
        context,
        move || shell(&shell_of),
    )
}

/// Who is calling, and who may see what.
fn with_caller(routes: Router<Portal>, portal: &Portal) -> Router<Portal> {
    let settings = &portal.backend.settings;
    let sessions = SessionManagerLayer::new(portal.backend.sessions.clone())
        .with_name(settings.cookie_name(SESSION))
        .with_path("/")
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_secure(settings.is_https());
    routes.route_layer(
        ServiceBuilder::new()
            .layer(from_fn(middleware::forms::require_whole_form))
            .layer(from_fn_with_state(portal.clone(), middleware::turns::wait_for_none))
            .layer(from_fn_with_state(portal.clone(), middleware::caller::remove_session_cookie))
            .layer(sessions)
            .layer(from_fn_with_state(portal.clone(), middleware::caller::find_caller))
            .layer(from_fn_with_state(portal.clone(), middleware::gate::keep_to_their_pages))
            .layer(from_fn_with_state(portal.clone(), middleware::still::copy_or_render)),
    )
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
            let kind = if svg { "image/svg+xml; charset=utf-8" } else { "image/png" };
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
