//! The trivial page: a minimal Leptos application, rendered in the same way as the portal's pages.
//!
//! It contains only the parts that the framework adds to every document, and nothing of the portal.

use leptos::config::LeptosOptions;
use leptos::hydration::{AutoReload, HydrationScripts};
use leptos::prelude::*;
use leptos_axum::{LeptosRoutes, generate_route_list};
use leptos_meta::{MetaTags, provide_meta_context};
use leptos_router::SsrMode;
use leptos_router::components::{Route, Router, Routes};
use leptos_router::path;

#[component]
fn Hello() -> impl IntoView {
    view! { <h1>"Hello"</h1> }
}

#[component]
fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <Routes fallback=|| "Not found">
                <Route path=path!("/leptos") view=Hello ssr=SsrMode::Async />
            </Routes>
        </Router>
    }
}

fn document(options: &LeptosOptions) -> impl IntoView + use<> {
    let options = options.clone();
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <AutoReload options=options.clone() />
                <HydrationScripts options=options islands=true />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// Returns the router for `/leptos`.
pub fn routes() -> axum::Router {
    let options = LeptosOptions::builder().output_name("bench").site_pkg_dir("pkg").hash_files(false).build();
    let shell = options.clone();
    axum::Router::new()
        .leptos_routes_with_context(&options, generate_route_list(App), || {}, move || document(&shell))
        .with_state(options)
}
