//! The error pages. Each page says what happened and what to do next.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use crate::http::Theme;
use crate::pages::document::{DocumentAssets, brand, head, theme_attribute};
use crate::pages::layouts::{NavSection, ProgressStep, SignedInLayout, SignedOutLayout, help_link};
use crate::pages::page_request::{PageRequest, set_status};
use backend::error::InternalError;
use backend::infra::random;
use backend::settings::Settings;
use domain::errors::error_reference;

/// Returns the title and the text for a status code.
fn title_and_text(status: u16) -> (&'static str, &'static str) {
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

/// Renders an error page as a whole document, for responses that no Leptos route renders.
///
/// `retry_url` is the URL of the "Try again" button, for errors that another attempt may solve.
pub fn render(
    status: u16,
    retry_url: Option<String>,
    theme: Theme,
    settings: &Settings,
    assets: &DocumentAssets,
) -> String {
    let stylesheet = assets.stylesheet.clone();
    let accent = settings.portal_accent.is_some();
    let name = settings.portal_name.replace('&', "&amp;").replace('<', "&lt;");
    let (title, _) = title_and_text(status);
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
                        <main class="lobby-main" id="main" tabindex="-1"><ErrorContent status=status retry_url=retry_url /></main>
                        <footer class="lobby-foot">{help_link(settings)}</footer>
                    </div>
                </body>
            </html>
        };
        format!("<!DOCTYPE html>{}", document.to_html())
    })
}

/// Renders the error page after a panic, without anything that could panic again. Returns the error reference and the document.
pub fn render_panic_page() -> (u64, String) {
    let bits = random::reference();
    let (title, text) = title_and_text(500);
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"></head><body><main><h1>{title}</h1>\
         <p>{text}</p><p>Reference {}</p><p><a href=\"/\">Go to the start</a></p></main></body></html>",
        error_reference(bits)
    );
    (bits, page)
}

/// The content of an error page: the status code, the explanation and the links to continue.
#[component]
pub fn ErrorContent(
    /// The status code.
    status: u16,
    /// The error reference, which the log contains too.
    #[prop(default = None)]
    reference: Option<u64>,
    /// The URL of the "Try again" button, for errors that another attempt may solve.
    #[prop(default = None)]
    retry_url: Option<String>,
) -> impl IntoView {
    let (title, text) = title_and_text(status);
    let start = if retry_url.is_some() || status == 504 { "btn" } else { "btn btn-primary" };
    view! {
        <div class="dead-end">
            <p class="dead-end-code" aria-hidden="true">{status}</p>
            <h1 class="title">{title}</h1>
            <p class="lead">{text}</p>
            {reference.map(|bits| view! {
                <p class="muted small">"Reference " <span class="reference">{error_reference(bits)}</span></p>
            })}
            <div class="form-actions">
                {retry_url.map(|url| view! { <a class="btn btn-primary" href=url>"Try again"</a> })}
                {(status == 504).then(|| view! { <a class="btn btn-primary" href="/profile">"Go to your profile"</a> })}
                <a class=start href="/">"Go to the start"</a>
                {(!matches!(status, 403 | 503 | 504)).then(|| view! { <a class="btn" href="/login">"Sign in"</a> })}
            </div>
        </div>
    }
}

/// The page for paths that no route matches.
#[component]
pub fn NotFound() -> impl IntoView {
    set_status(StatusCode::NOT_FOUND);
    view! { <ErrorPage status=404 reference=None /> }
}

/// An error page in place of the page of a matched route. It sets the status and keeps the layout.
#[component]
pub fn ErrorPage(
    /// The status code.
    status: u16,
    /// The error reference, which the log contains too.
    reference: Option<u64>,
) -> impl IntoView {
    if let Ok(status) = StatusCode::from_u16(status) {
        set_status(status);
    }
    let request = PageRequest::get();
    let retry_url = request.as_ref().filter(|_| status == 503).map(|request| request.path_and_query.clone());
    let (title, _) = title_and_text(status);
    if let Some(request) = request.clone().filter(|request| request.current_user().is_some()) {
        let (_, text) = title_and_text(status);
        return view! {
            <SignedInLayout request=request title=title.to_owned() lead=text.to_owned() section=NavSection::None narrow=true>
                {reference.map(|bits| view! {
                    <p class="muted small">"Reference " <span class="reference">{error_reference(bits)}</span></p>
                })}
                <div class="row">
                    {retry_url.map(|url| view! { <a class="btn btn-primary" href=url>"Try again"</a> })}
                    <a class="btn" href="/">"Go to the start"</a>
                    <a class="btn" href="/profile">"Profile"</a>
                </div>
            </SignedInLayout>
        }
        .into_any();
    }
    view! {
        {request.as_ref().map(|request| view! {
            <crate::pages::layouts::PageTitle title=title.to_owned() request=request.clone() />
        })}
        <a class="skip" href="#main">"Skip to content"</a>
        <div class="lobby">
            <header class="lobby-head">{request.as_ref().map(|request| brand(request.settings()))}</header>
            <main class="lobby-main" id="main" tabindex="-1"><ErrorContent status=status reference=reference retry_url=retry_url /></main>
            <footer class="lobby-foot">{request.as_ref().map(|request| help_link(request.settings()))}</footer>
        </div>
    }
    .into_any()
}

/// Logs an internal error and returns its error page: 503 with Retry-After for an outage, otherwise 500.
pub fn internal_error_page(error: &InternalError) -> AnyView {
    let bits = random::reference();
    tracing::error!(reference = error_reference(bits), cause = %error, "a page could not be made");
    if error.is_outage() {
        if let Some(response) = use_context::<ResponseOptions>() {
            response.insert_header(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        return view! { <ErrorPage status=503 reference=Some(bits) /> }.into_any();
    }
    view! { <ErrorPage status=500 reference=Some(bits) /> }.into_any()
}

/// The page for an emailed link that is used, expired or unknown.
#[component]
pub fn InvalidLinkPage(
    /// The request that the page answers.
    request: PageRequest,
) -> impl IntoView {
    set_status(StatusCode::NOT_FOUND);
    let lead = domain::errors::ErrorCode::LinkInvalid.message();
    view! {
        <SignedOutLayout request=request title="This link can't be used".to_owned() lead=lead step=ProgressStep::None>
            <div class="form-actions">
                <a class="btn btn-primary btn-block" href="/login">"Sign in"</a>
                <a class="btn btn-block" href="/reset-password">"Ask for a temporary password"</a>
            </div>
        </SignedOutLayout>
    }
}
