//! The HTML document around every page.

use std::sync::Arc;

use axum::http::request::Parts;
use leptos::config::LeptosOptions;
use leptos::hydration::{AutoReload, HydrationScripts};
use leptos::nonce::{Nonce, use_nonce};
use leptos::prelude::*;
use leptos::tachys::html::InertElement;
use leptos_meta::MetaTags;

use crate::http::Theme;
use crate::pages::App;
use crate::pages::page_request::PageRequest;
use crate::pages::rendered::IntoRendered as _;
use backend::settings::Settings;

/// The parts of the document that depend on the built assets. They are rendered once, at startup.
#[derive(Clone, Debug)]
pub struct DocumentAssets {
    /// The tags that load the scripts, with [`NONCE_PLACEHOLDER`] in place of the nonce.
    pub scripts: String,
    /// The URL path of the stylesheet.
    pub stylesheet: String,
}

/// The placeholder for the nonce in the script tags. It occurs nowhere else in them.
const NONCE_PLACEHOLDER: &str = "@nonce@";

/// Renders the tags that load the scripts, with a placeholder nonce.
///
/// Call it once: Leptos reads the names of the assets from the disk each time.
pub fn script_tags(options: &LeptosOptions) -> String {
    Owner::new_root(None).with(|| {
        provide_context(Nonce::from_value(NONCE_PLACEHOLDER.to_owned()));
        view! {
            <AutoReload options=options.clone() />
            <HydrationScripts options=options.clone() islands=true />
        }
        .to_html()
    })
}

/// The nonce in the Content-Security-Policy of the response.
#[derive(Clone, Debug)]
pub struct CspNonce(pub String);

/// Provides the nonce of the response's Content-Security-Policy to Leptos.
pub fn provide_page_nonce() {
    let nonce = use_context::<Parts>().and_then(|parts| parts.extensions.get::<CspNonce>().cloned());
    if let Some(CspNonce(nonce)) = nonce {
        provide_context(Nonce::from_value(nonce));
    }
}

/// Returns the value of `data-theme`, or `None` to follow the system theme.
pub fn theme_attribute(theme: Theme) -> Option<&'static str> {
    match theme {
        Theme::System => None,
        Theme::Light => Some("vestibule-light"),
        Theme::Dark => Some("vestibule-dark"),
    }
}

/// Renders the HTML document around the application.
pub fn shell(assets: &Arc<DocumentAssets>) -> impl IntoView + use<> {
    let request = PageRequest::get();
    let theme = request.as_ref().map(|request| request.context.theme).unwrap_or_default();
    let accent = request.as_ref().is_some_and(|request| request.settings().portal_accent.is_some());
    let nonce = use_nonce().map(|nonce| nonce.to_string()).unwrap_or_default();
    let scripts = assets.scripts.replace(NONCE_PLACEHOLDER, &nonce);
    if let Some(shared) = Owner::current_shared_context() {
        // Only islands are hydrated, so the markup around them needs no hydration markers.
        shared.set_is_hydrating(false);
    }
    let stylesheet = assets.stylesheet.clone();
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme_attribute(theme)>
            <head>
                {head(stylesheet, accent)}
                // Delays the first paint until the page is complete, because a partial page would shift. Browsers wait for the
                // opening tag of the named element, so it is the last element of the body.
                <link rel="expect" href="#end" blocking="render" />
                {InertElement::new(scripts)}
                <MetaTags />
            </head>
            <body>
                <App />
                <div id="end" hidden></div>
            </body>
        </html>
    }
}

/// Renders the metadata, icons and stylesheets of the `<head>`.
pub fn head(stylesheet: String, accent: bool) -> impl IntoView {
    view! {
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
        <link rel="preload" href="/fonts/inter-latin.3100e775e8616cd2.woff2" r#as="font" r#type="font/woff2" crossorigin="anonymous" />
        <link rel="stylesheet" href=stylesheet />
        {accent.then(|| view! { <link rel="stylesheet" href="/accent.css" /> })}
    }
}

/// Renders the link that keyboard users find first on every page.
pub fn skip_link() -> impl IntoView {
    view! {
        <a class="btn btn-primary fixed start-2 top-2 z-60 not-focus:sr-only" href="#main">
            "Skip to content"
        </a>
    }
}

/// Renders the logo and name of the portal, as a link to the start page. If it is `compact`, the name is hidden on phones.
pub fn brand(settings: &Settings, compact: bool) -> impl IntoView + use<> {
    let has_logo = settings.portal_logo.is_some();
    let name = settings.portal_name.clone();
    view! {
        <a class="inline-flex min-h-11 items-center gap-2.5 leading-5 font-semibold tracking-tight" href="/">
            {if has_logo {
                view! { <img class="h-7 w-auto max-w-40" src="/logo" alt="" /> }.rendered()
            } else {
                view! { <crate::components::icon::Mark /> }.rendered()
            }}
            <span class=compact.then_some("max-w-64 max-sm:sr-only")>{name}</span>
        </a>
    }
}
