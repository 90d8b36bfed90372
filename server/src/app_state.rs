//! The state that handlers and middleware share.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use leptos::config::LeptosOptions;
use tokio::sync::Semaphore;

use crate::http::page_cache::PageCache;
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use app::http::CookieJar;
use app::pages::DocumentAssets;
use backend::Backend;

/// The shared state, as one pointer, because every layer of every request clones it.
#[derive(Clone, Debug)]
pub struct AppState(Arc<Parts>);

/// The contents of an [`AppState`].
#[derive(Debug)]
pub struct Parts {
    /// The backend.
    pub backend: Backend,
    /// The jar that creates and reads the portal's cookies.
    pub cookies: CookieJar,
    /// The parts of every page that depend on the built assets.
    pub shell: Arc<DocumentAssets>,
    /// The request metrics.
    pub metrics: Arc<Metrics>,
    /// The origins for `form-action` of the Content-Security-Policy, in addition to the portal: Chromium checks redirects too.
    pub form_action_origins: String,
    /// The permits of the concurrency limit.
    pub request_permits: Semaphore,
    /// The cached pages.
    pub page_cache: PageCache,
    /// True once an untrusted X-Forwarded-For header has been logged.
    pub untrusted_proxy_logged: AtomicBool,
    /// The options of Leptos for the assets.
    pub options: LeptosOptions,
    /// The cached result of `/readyz`.
    pub readiness: Readiness,
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl AppState {
    /// Creates the state.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl axum::extract::FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.options.clone()
    }
}

impl axum::extract::FromRef<AppState> for Backend {
    fn from_ref(state: &AppState) -> Self {
        state.backend.clone()
    }
}
