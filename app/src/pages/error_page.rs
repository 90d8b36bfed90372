//! Pages for what cannot be shown: each says what happened and how to go on.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use super::frame::{House, Lobby, Part, Step, help};
use super::request::{PageRequest, set_status};
use super::shell::{Shell, brand, head, theme_attribute};
use crate::api::http::Theme;
use crate::backend::error::Failure;
use crate::backend::random;
use crate::backend::settings::Settings;
use crate::domain::answer::reference;

/// Title and text of a status.
fn words(status: u16) -> (&'static str, &'static str) {
    match status {
        400 => ("That did not arrive as it should", "Nothing was changed. Go back and try again."),
        403 => (
            "This is not open to you",
            "Only administrators see this page, or the request came from another website. Nothing was changed.",
        ),
        404 => ("There is no such page", "The address may be mistyped, or the page has moved."),
        405 => (
            "This address takes no forms",
            "Nothing was changed. Go back to the page and send its form again.",
        ),
        408 => (
            "That took too long",
            "The form did not arrive within ten seconds. Nothing was changed. Go back and send it again.",
        ),
        413 => ("That is too much", "The form is larger than anything we ask for. Nothing was changed."),
        415 => ("That was no form of ours", "Nothing was changed. Use the form on the page."),
        421 => (
            "You came by another name",
            "This portal does not answer to that host name. Use its own address.",
        ),
        429 => ("Too many attempts", "Nothing was changed. Wait a few minutes, then try again."),
        503 => ("The portal can't answer right now", "Nothing was changed. Try again in a moment."),
        504 => (
            "We don't know whether that worked",
            "It took too long. It may have been done all the same: look at your profile before you try again.",
        ),
        _ => (
            "Something went wrong on our side",
            "Nothing was changed. If it happens again, tell your administrator.",
        ),
    }
}

/// A whole document, for answers that no route makes.
///
/// `again` is the address to try again, where that may help.
pub fn render(
    status: u16,
    again: Option<String>,
    theme: Theme,
    settings: &Settings,
    shell: &Shell,
) -> String {
    let stylesheet = shell.stylesheet.clone();
    let accent = settings.portal_accent.is_some();
    let name = settings.portal_name.replace('&', "&amp;").replace('<', "&lt;");
    let (title, _) = words(status);
    Owner::new_root(None).with(|| {
        let document = view! {
            <html lang="en" data-theme=theme_attribute(theme)>
                <head>
                    {head(stylesheet, accent)}
                    <title inner_html=format!("{title} – {name}")></title>
                </head>
                <body>
                    <a class="skip" href="#main">"Skip to content"</a>
                    <div class="lobby">
                        <header class="lobby-head">{brand(settings)}</header>
                        <main class="lobby-main" id="main" tabindex="-1"><DeadEnd status=status again=again /></main>
                        <footer class="lobby-foot">{help(settings)}</footer>
                    </div>
                </body>
            </html>
        };
        format!("<!DOCTYPE html>{}", document.to_html())
    })
}

/// The document of last resort, after a panic: needs nothing that could have broken. Answers its reference too.
pub fn our_fault() -> (u64, String) {
    let bits = random::reference();
    let (title, text) = words(500);
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"></head><body><main><h1>{title}</h1>\
         <p>{text}</p><p>Reference {}</p><p><a href=\"/\">Go to the start</a></p></main></body></html>",
        reference(bits)
    );
    (bits, page)
}

/// What happened, and the ways on.
#[component]
pub fn DeadEnd(
    /// The status.
    status: u16,
    /// The reference of a fault.
    #[prop(default = None)]
    fault: Option<u64>,
    /// The address to try again, where that may help.
    #[prop(default = None)]
    again: Option<String>,
) -> impl IntoView {
    let (title, text) = words(status);
    let start = if again.is_some() || status == 504 { "btn" } else { "btn btn-primary" };
    view! {
        <div class="dead-end">
            <p class="dead-end-code" aria-hidden="true">{status}</p>
            <h1 class="title">{title}</h1>
            <p class="lead">{text}</p>
            {fault.map(|bits| view! {
                <p class="muted small">"Reference " <span class="reference">{reference(bits)}</span></p>
            })}
            <div class="form-actions">
                {again.map(|address| view! { <a class="btn btn-primary" href=address>"Try again"</a> })}
                {(status == 504).then(|| view! { <a class="btn btn-primary" href="/profile">"Go to your profile"</a> })}
                <a class=start href="/">"Go to the start"</a>
                {(!matches!(status, 403 | 503 | 504)).then(|| view! { <a class="btn" href="/login">"Sign in"</a> })}
            </div>
        </div>
    }
}

/// No route has this address.
#[component]
pub fn NotFound() -> impl IntoView {
    set_status(StatusCode::NOT_FOUND);
    view! { <Broken status=404 fault=None /> }
}

/// A dead end inside a matched route: sets the status and keeps the frame.
#[component]
pub fn Broken(
    /// The status.
    status: u16,
    /// The reference of a fault.
    fault: Option<u64>,
) -> impl IntoView {
    if let Ok(status) = StatusCode::from_u16(status) {
        set_status(status);
    }
    let request = PageRequest::get();
    let again = request.as_ref().filter(|_| status == 503).map(|request| request.address.clone());
    let (title, _) = words(status);
    if let Some(request) = request.clone().filter(|request| request.viewer().is_some()) {
        let (_, text) = words(status);
        return view! {
            <House request=request title=title.to_owned() lead=text.to_owned() part=Part::None narrow=true>
                {fault.map(|bits| view! {
                    <p class="muted small">"Reference " <span class="reference">{reference(bits)}</span></p>
                })}
                <div class="row">
                    {again.map(|address| view! { <a class="btn btn-primary" href=address>"Try again"</a> })}
                    <a class="btn" href="/">"Go to the start"</a>
                    <a class="btn" href="/profile">"Profile"</a>
                </div>
            </House>
        }
        .into_any();
    }
    view! {
        {request.as_ref().map(|request| view! {
            <super::frame::PageTitle title=title.to_owned() request=request.clone() />
        })}
        <a class="skip" href="#main">"Skip to content"</a>
        <div class="lobby">
            <header class="lobby-head">{request.as_ref().map(|request| brand(request.settings()))}</header>
            <main class="lobby-main" id="main" tabindex="-1"><DeadEnd status=status fault=fault again=again /></main>
            <footer class="lobby-foot">{request.as_ref().map(|request| help(request.settings()))}</footer>
        </div>
    }
    .into_any()
}

/// A page that could not be made: logs why, and says whether trying again may help.
pub fn broken(failure: &Failure) -> AnyView {
    let bits = random::reference();
    tracing::error!(reference = reference(bits), cause = %failure, "a page could not be made");
    if failure.is_outage() {
        if let Some(response) = use_context::<ResponseOptions>() {
            response.insert_header(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        return view! { <Broken status=503 fault=Some(bits) /> }.into_any();
    }
    view! { <Broken status=500 fault=Some(bits) /> }.into_any()
}

/// A mailed link that means nothing any more: spent, expired or never ours.
#[component]
pub fn VoidLink(
    /// The request.
    request: PageRequest,
) -> impl IntoView {
    set_status(StatusCode::NOT_FOUND);
    let text = crate::domain::problem::Problem::LinkVoid.words();
    view! {
        <Lobby request=request title="This link can't be used".to_owned() lead=text step=Step::None>
            <div class="form-actions">
                <a class="btn btn-primary btn-block" href="/login">"Sign in"</a>
                <a class="btn btn-block" href="/reset-password">"Ask for a temporary password"</a>
            </div>
        </Lobby>
    }
}
