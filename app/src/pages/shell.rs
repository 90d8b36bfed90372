//! The document around every page.

use std::sync::Arc;

use axum::http::request::Parts;
use leptos::config::LeptosOptions;
use leptos::hydration::{AutoReload, HydrationScripts};
use leptos::nonce::{Nonce, use_nonce};
use leptos::prelude::*;
use leptos::tachys::html::InertElement;
use leptos_meta::MetaTags;

use super::App;
use super::request::PageRequest;
use crate::api::http::Theme;
use crate::backend::settings::Settings;

/// What pages say about the assets; made once.
#[derive(Clone, Debug)]
pub struct Shell {
    /// The tags that start the scripts, with [`NONCE_HERE`] where each answer's nonce goes.
    pub scripts: String,
    /// The stylesheet's address.
    pub stylesheet: String,
}

/// Stands for the nonce in tags that are made once. Nothing else in them is like it.
const NONCE_HERE: &str = "@nonce@";

/// The tags that start the scripts. Made once: the framework would read the assets' names from the disk for each page.
pub fn script_tags(options: &LeptosOptions) -> String {
    Owner::new_root(None).with(|| {
        provide_context(Nonce::from_value(NONCE_HERE.to_owned()));
        view! {
            <AutoReload options=options.clone() />
            <HydrationScripts options=options.clone() islands=true />
        }
        .to_html()
    })
}

/// The nonce that this answer's Content-Security-Policy names.
#[derive(Clone, Debug)]
pub struct CspNonce(pub String);

/// Gives the page the nonce that its answer's policy names.
pub fn provide_page_nonce() {
    let nonce = use_context::<Parts>().and_then(|parts| parts.extensions.get::<CspNonce>().cloned());
    if let Some(CspNonce(nonce)) = nonce {
        provide_context(Nonce::from_value(nonce));
    }
}

/// The value of `data-theme`; none lets the system choose.
pub fn theme_attribute(theme: Theme) -> Option<&'static str> {
    match theme {
        Theme::System => None,
        Theme::Light => Some("vestibule-light"),
        Theme::Dark => Some("vestibule-dark"),
    }
}

/// The document.
pub fn shell(data: &Arc<Shell>) -> impl IntoView + use<> {
    let request = PageRequest::get();
    let theme = request.as_ref().map(|request| request.caller.theme).unwrap_or_default();
    let accent = request.as_ref().is_some_and(|request| request.settings().portal_accent.is_some());
    let nonce = use_nonce().map(|nonce| nonce.to_string()).unwrap_or_default();
    let scripts = data.scripts.replace(NONCE_HERE, &nonce);
    if let Some(shared) = Owner::current_shared_context() {
        // Only islands are hydrated; what stands around them carries no marks for it.
        shared.set_is_hydrating(false);
    }
    let stylesheet = data.stylesheet.clone();
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme_attribute(theme)>
            <head>
                {head(stylesheet, accent)}
                // Nothing is painted before all is there: half a page would move when its rest comes. A browser waits for the
                // begin of an element, so it is one that follows everything.
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

/// What every document begins with.
pub fn head(stylesheet: String, accent: bool) -> impl IntoView {
    view! {
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
        <link rel="preload" href="/fonts/inter-latin.woff2" r#as="font" r#type="font/woff2" crossorigin="anonymous" />
        <link rel="stylesheet" href=stylesheet />
        {accent.then(|| view! { <link rel="stylesheet" href="/accent.css" /> })}
    }
}

/// The portal's mark and name.
pub fn brand(settings: &Settings) -> impl IntoView + use<> {
    let own = settings.portal_logo.is_some();
    let name = settings.portal_name.clone();
    view! {
        <a class="brand" href="/">
            {if own {
                view! { <img class="brand-logo" src="/logo" alt="" /> }.into_any()
            } else {
                view! { <crate::components::icon::Mark /> }.into_any()
            }}
            <span class="brand-name">{name}</span>
        </a>
    }
}
