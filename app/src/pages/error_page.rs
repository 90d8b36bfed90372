//! The error pages. Each page says what happened and what to do next.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use crate::http::Theme;
use crate::pages::document::{DocumentAssets, brand, head, theme_attribute};
use crate::pages::layouts::{NavSection, PageHeading, SignedInLayout, help_link, visitor_frame};
use crate::pages::page_request::{PageRequest, set_status};
use crate::pages::rendered::IntoRendered as _;
use backend::error::InternalError;
use backend::infra::random;
use backend::settings::Settings;
use domain::errors::error_reference;

/// The title and the text of an error page.
type TitleAndText = (&'static str, &'static str);

/// The texts for a form from another website. It has the same status as a page for administrators only.
const FROM_ANOTHER_WEBSITE: TitleAndText = (
    "We could not accept that request",
    "The request came from another website. Open the portal and try again. Nothing has changed.",
);

/// Returns the title and the text for a status code.
fn title_and_text(status: u16) -> TitleAndText {
    match status {
        400 => ("We could not read that request", "Go back and try again. Nothing has changed."),
        403 => ("You do not have access to this page", "This page is for administrators only."),
        404 => ("Page not found", "The web address may be wrong, or the page may have moved."),
        405 => ("This page does not accept forms", "Go back and try again. Nothing has changed."),
        408 => ("The form took too long to arrive", "Go back and send it again. Nothing has changed."),
        413 => ("The form is too large", "Shorten what you entered and try again. Nothing has changed."),
        415 => ("We could not read that form", "Go back and use the form on the page. Nothing has changed."),
        421 => ("Wrong web address", "This portal has a different web address."),
        429 => ("Too many attempts", "Wait a few minutes, then try again."),
        503 => ("The portal is not available right now", "Try again in a moment."),
        504 => ("We do not know if that worked", "It took too long. Check before you try again."),
        _ => ("Something went wrong on our side", "If it happens again, tell your administrator."),
    }
}

/// Renders an error page as a whole document, for responses that no Leptos route renders. Of these, a 403 is a request from
/// another website.
///
/// `reference` is the error reference, which the log contains too. `retry_url` is the URL of the "Try again" button, for errors that
/// another attempt may solve.
pub fn render(
    status: u16,
    reference: Option<u64>,
    retry_url: Option<String>,
    theme: Theme,
    settings: &Settings,
    assets: &DocumentAssets,
) -> String {
    let texts = if status == 403 { FROM_ANOTHER_WEBSITE } else { title_and_text(status) };
    let public_url = settings.link("/");
    let content = move || {
        view! {
            <ErrorContent status=status texts=texts reference=reference retry_url=retry_url public_url=public_url />
        }
    };
    render_document(texts, content, theme, settings, assets)
}

/// Renders the error page for a member who opens a page that is for administrators only.
pub fn render_administrators_only(theme: Theme, settings: &Settings, assets: &DocumentAssets) -> String {
    let texts = title_and_text(403);
    let content = move || view! { <ErrorContent status=403 texts=texts /> };
    render_document(texts, content, theme, settings, assets)
}

fn render_document<V: IntoView>(
    texts: TitleAndText,
    content: impl FnOnce() -> V,
    theme: Theme,
    settings: &Settings,
    assets: &DocumentAssets,
) -> String {
    let stylesheet = assets.stylesheet.clone();
    let accent = settings.portal_accent.is_some();
    let name = settings.portal_name.replace('&', "&amp;").replace('<', "&lt;");
    let (title, _) = texts;
    Owner::new_root(None).with(|| {
        let document = view! {
            <html lang="en" data-theme=theme_attribute(theme)>
                <head>
                    {head(stylesheet, accent)}
                    <title inner_html=format!("{title} – {name}")></title>
                </head>
                <body>
                    {visitor_frame(
                        brand(settings, false),
                        content(),
                        help_link(settings),
                        (),
                    )}
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
         <p>{text}</p><p>Reference {}</p><p><a href=\"/\">Go to the home page</a></p></main></body></html>",
        error_reference(bits)
    );
    (bits, page)
}

/// The content of an error page: the explanation and the links to continue.
#[component]
pub fn ErrorContent(
    /// The status code.
    status: u16,
    /// The title and the text.
    texts: TitleAndText,
    /// The error reference, which the log contains too.
    #[prop(default = None)]
    reference: Option<u64>,
    /// The URL of the "Try again" button, for errors that another attempt may solve.
    #[prop(default = None)]
    retry_url: Option<String>,
    /// The URL of the portal, for requests to another host. All paths of that host have this page.
    #[prop(default = String::new())]
    public_url: String,
) -> impl IntoView {
    let (title, text) = texts;
    let leads_to_profile = status == 504 || (status == 403 && texts != FROM_ANOTHER_WEBSITE);
    let start = if retry_url.is_some() || leads_to_profile { "btn border-line" } else { "btn btn-primary" };
    let misdirected = status == 421;
    view! {
        <div class="flex flex-col gap-2">
            <PageHeading title=title.to_owned() lead=text.to_owned() />
            {reference.map(reference_line)}
            <div class="mt-4 flex flex-wrap gap-3">
                {retry_url.map(|url| view! { <a class="btn btn-primary" href=url>"Try again"</a> })}
                {leads_to_profile.then(|| view! { <a class="btn btn-primary" href="/profile">"Go to your profile"</a> })}
                {misdirected.then(|| view! { <a class="btn btn-primary" href=public_url.clone()>{format!("Go to {public_url}")}</a> })}
                {(!misdirected).then(|| view! { <a class=start href="/">"Go to the home page"</a> })}
                {(!matches!(status, 403 | 421 | 503 | 504)).then(|| view! { <a class="btn border-line" href="/login">"Sign in"</a> })}
            </div>
        </div>
    }
}

/// Renders the error reference. One click selects all of it.
fn reference_line(bits: u64) -> impl IntoView {
    view! {
        <p class="text-sm text-muted">
            "Reference "
            <span class="rounded-selector bg-base-300 px-1.5 py-0.5 font-mono text-base-content select-all">
                {error_reference(bits)}
            </span>
        </p>
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
                {reference.map(reference_line)}
                <div class="flex flex-wrap gap-3">
                    {retry_url.map(|url| view! { <a class="btn btn-primary" href=url>"Try again"</a> })}
                    <a class="btn border-line" href="/">"Go to the home page"</a>
                    <a class="btn border-line" href="/profile">"Profile"</a>
                </div>
            </SignedInLayout>
        }
        .into_any();
    }
    view! {
        {request.as_ref().map(|request| view! {
            <crate::pages::layouts::PageTitle title=title.to_owned() request=request.clone() />
        })}
        {visitor_frame(
            request.as_ref().map(|request| brand(request.settings(), false)),
            view! { <ErrorContent status=status texts=title_and_text(status) reference=reference retry_url=retry_url /> },
            request.as_ref().map(|request| help_link(request.settings())),
            (),
        )}
    }
    .rendered()
    .into_any()
}

/// Logs an internal error and returns its error page: 503 with Retry-After for an outage, otherwise 500.
pub fn internal_error_page(error: &InternalError) -> AnyView {
    let bits = random::reference();
    tracing::error!(reference = error_reference(bits), cause = %error, "page failed");
    if error.is_outage() {
        if let Some(response) = use_context::<ResponseOptions>() {
            response.insert_header(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        return view! { <ErrorPage status=503 reference=Some(bits) /> }.into_any();
    }
    view! { <ErrorPage status=500 reference=Some(bits) /> }.into_any()
}
