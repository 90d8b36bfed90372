//! The router: pages, server functions, assets, and the middleware around them.
//!
//! # Guarantees
//!
//! - Every response passes the same middleware in the same order, outermost first: request id and log line, security headers,
//!   catching of panics, removal of other applications' cookies, error pages, the request guard (path, Host and Origin), and
//!   refusal of cross-site requests.
//! - Pages and actions then pass these: the check that a form is complete, the concurrency limit, authentication, authorization,
//!   and the page cache.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, get};
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

use crate::app_state::{AppState, Parts};
use crate::assets::Assets;
use crate::http::handlers::{
    branding, data_export, decision_form, dev_mail, health, microsoft, session_status,
};
use crate::http::middleware;
use crate::http::middleware::authorization::{AccessTable, page_paths};
use crate::http::middleware::page_spelling::RoutePaths;
use crate::http::page_cache::PageCache;
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use app::http::{CookieJar, SESSION};
use app::pages::{Access, App, error_page, provide_page_nonce, shell};
use backend::Backend;
use backend::settings::{Environment, MicrosoftSettings};

/// The cache policy of files whose name contains the hash of their content: browsers keep them for a year.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Returns the cache policy of a font in the folder `public`, which has a hash in its name. Other files there have none.
fn font_cache_control(response: &Response) -> Option<HeaderValue> {
    let kind = response.headers().get(CONTENT_TYPE)?;
    (kind == "font/woff2").then(|| HeaderValue::from_static(IMMUTABLE))
}

/// Returns the routes of the pages. They are generated once, because generating them twice at the same time is not safe.
fn routes() -> &'static [AxumRouteListing] {
    static ROUTES: OnceLock<Vec<AxumRouteListing>> = OnceLock::new();
    ROUTES.get_or_init(|| generate_route_list(App))
}

/// Returns the router that answers all requests.
pub fn router(backend: &Backend, assets: &Assets) -> Router {
    router_with_metrics(backend, assets, &Arc::default())
}

/// Returns the same router, which also counts requests in `metrics`.
pub fn router_with_metrics(backend: &Backend, assets: &Assets, metrics: &Arc<Metrics>) -> Router {
    let state = AppState::new(Parts {
        backend: backend.clone(),
        cookies: CookieJar::new(backend),
        shell: Arc::clone(&assets.shell),
        metrics: Arc::clone(metrics),
        form_action_origins: backend.settings.microsoft.as_ref().map_or_else(String::new, |microsoft| {
            format!(" {}", microsoft.authority.origin().ascii_serialization())
        }),
        request_permits: Semaphore::new(middleware::concurrency_limit::MAX_CONCURRENT_REQUESTS),
        page_cache: PageCache::default(),
        untrusted_proxy_logged: AtomicBool::new(false),
        readiness: Readiness::default(),
        options: assets.options.clone(),
    });
    let handler_paths = handlers(backend.settings.microsoft.as_ref()).into_iter().map(|handler| handler.path);
    let route_paths = RoutePaths::new(page_paths().chain(handler_paths));
    let (pages, access) = pages(&state);
    let pages = with_request_context(pages, access, &state);
    let mut other_routes = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route(
            "/session",
            get(session_status::time_left).route_layer(from_fn_with_state(
                state.clone(),
                middleware::concurrency_limit::limit_concurrency,
            )),
        )
        // https://www.w3.org/TR/change-password-url/: password managers link to this path.
        .route("/.well-known/change-password", get(|| async { Redirect::to("/change-password") }))
        .route("/accent.css", get(branding::accent_css))
        .route("/logo", get(branding::logo));
    if backend.settings.environment == Environment::Dev {
        other_routes = other_routes.merge(dev_mail::routes(&state));
    }
    let immutable = SetResponseHeaderLayer::overriding(
        CACHE_CONTROL,
        HeaderValue::from_static(if assets.options.hash_files { IMMUTABLE } else { "no-store" }),
    );
    let pkg = ServeDir::new(assets.root.join("pkg")).precompressed_br();
    let pkg = Router::new()
        .fallback_service(pkg)
        .layer(immutable)
        .layer(map_response(middleware::security_headers::add_charset));
    let public = ServeDir::new(&assets.root).append_index_html_on_directories(false).precompressed_br();
    let public = Router::new()
        .fallback_service(public)
        .layer(SetResponseHeaderLayer::overriding(CACHE_CONTROL, font_cache_control))
        .layer(map_response(middleware::security_headers::add_charset))
        .layer(from_fn_with_state(route_paths, middleware::page_spelling::redirect_to_route));
    let csrf = CsrfLayer::new();
    let csrf = csrf
        .clone()
        .add_trusted_origin(state.backend.settings.public_url.origin().ascii_serialization())
        .unwrap_or(csrf);
    pages
        .merge(other_routes)
        .nest("/pkg", pkg)
        .fallback_service(public)
        .method_not_allowed_fallback(|| async { StatusCode::METHOD_NOT_ALLOWED })
        // One layer for all: every separate layer around a route costs one more copy of the route per request.
        .layer(
            ServiceBuilder::new()
                .layer(from_fn_with_state(state.clone(), middleware::request_log::log_request))
                .layer(from_fn_with_state(state.clone(), middleware::security_headers::add_security_headers))
                .layer(CatchPanicLayer::custom(handle_panic))
                .layer(from_fn_with_state(state.clone(), middleware::own_cookies::retain_own_cookies))
                .layer(from_fn_with_state(state.clone(), middleware::error_pages::render_error_pages))
                .layer(from_fn_with_state(state.clone(), middleware::request_guard::guard_request))
                .layer(csrf),
        )
        .with_state(state)
}

/// Returns the routes of pages, server functions and handlers, and their access levels.
fn pages(state: &AppState) -> (Router<AppState>, AccessTable) {
    let context = {
        let state = state.clone();
        move || provide_page_context(&state)
    };
    let assets = Arc::clone(&state.shell);
    // `leptos_routes_with_context` also registers every server function at its own path.
    let handlers = handlers(state.backend.settings.microsoft.as_ref());
    let access = AccessTable::new(handlers.iter().map(|handler| (handler.path.clone(), handler.access)));
    let router = handlers
        .into_iter()
        .fold(Router::new(), |router, handler| router.route(&handler.path, handler.method_router))
        .leptos_routes_with_context(state, routes().to_vec(), context, move || shell(&assets));
    (router, access)
}

/// Provides the context of a page to Leptos.
pub fn provide_page_context(state: &AppState) {
    provide_context(state.backend.clone());
    provide_context(Arc::clone(&state.shell));
    provide_page_nonce();
}

/// A route that is not a page and needs the request context.
struct HandlerRoute {
    path: String,
    access: Access,
    method_router: MethodRouter<AppState>,
}

/// Returns the routes that are not pages and need the request context, each with its access level.
fn handlers(microsoft: Option<&MicrosoftSettings>) -> Vec<HandlerRoute> {
    let handler =
        |path: &str, access, method_router| HandlerRoute { path: path.to_owned(), access, method_router };
    let preview = get(decision_form::redirect).post(decision_form::preview);
    let use_reason = get(decision_form::redirect).post(decision_form::use_reason);
    let mut handlers = vec![
        handler("/profile/data.json", Access::SignedIn, get(data_export::download)),
        handler("/admin/{decision}/{id}/preview", Access::Admin, preview),
        handler("/admin/{decision}/{id}/use-reason", Access::Admin, use_reason),
    ];
    if let Some(settings) = microsoft {
        // Of the two methods that `get` accepts, HEAD does nothing here.
        let navigation = |route: MethodRouter<AppState>| {
            route.layer(from_fn(microsoft::require_navigation)).fallback(microsoft::allow_only_get)
        };
        handlers.extend([
            handler("/ms-login", Access::Public, navigation(get(microsoft::sign_in))),
            handler(&settings.redirect_path, Access::Public, navigation(get(microsoft::callback))),
            handler("/ms-logout", Access::Public, navigation(get(microsoft::sign_out))),
        ]);
    }
    handlers
}

/// Adds the middleware that authenticates and authorizes requests.
fn with_request_context(routes: Router<AppState>, access: AccessTable, state: &AppState) -> Router<AppState> {
    let settings = &state.backend.settings;
    let sessions = SessionManagerLayer::new(state.backend.sessions.clone())
        .with_name(settings.cookie_name(SESSION))
        .with_path("/")
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_secure(settings.is_https());
    routes.route_layer(
        ServiceBuilder::new()
            .layer(from_fn(middleware::form_body::require_complete_form))
            .layer(from_fn_with_state(state.clone(), middleware::concurrency_limit::limit_concurrency))
            .layer(from_fn_with_state(state.clone(), middleware::authentication::keep_session_cookie))
            .layer(sessions)
            .layer(from_fn_with_state(state.clone(), middleware::authentication::authenticate))
            .layer(from_fn_with_state((state.clone(), access), middleware::authorization::authorize))
            .layer(from_fn_with_state(state.clone(), middleware::page_cache::serve_cached_page)),
    )
}

/// Logs a panic once and returns a 500 page.
fn handle_panic(cause: Box<dyn std::any::Any + Send>) -> Response<Body> {
    let text = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    let (bits, page) = error_page::render_panic_page();
    tracing::error!(reference = domain::errors::error_reference(bits), cause = text, "request panicked");
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (StatusCode::INTERNAL_SERVER_ERROR, headers, page).into_response()
}
