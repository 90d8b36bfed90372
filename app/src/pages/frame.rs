//! The two frames that pages stand in: the lobby (signed out) and the house (signed in).

use leptos::prelude::*;
use leptos_meta::Title;

use super::request::PageRequest;
use super::shell::brand;
use crate::api::http::Flash;
use crate::backend::queries::desk::count_waiting;
use crate::backend::sessions::{Viewer, seconds_until};
use crate::backend::settings::Settings;
use crate::components::icon::{Icon, IconName};
use crate::components::notice::{BadNews, GoodNews};
use crate::domain::next::NextPage;
use crate::islands::session_end::SessionEnd;
use crate::islands::theme::ThemeSwitch;

/// Which of the three steps somebody stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// None of them, and they are not shown.
    None,
    /// None of them yet.
    Start,
    /// Registering.
    Register,
    /// Waiting for approval.
    Approval,
    /// Signing in.
    SignIn,
    /// Signing in after approval: the steps before are known to be done.
    LetIn,
    /// Asking for a temporary password.
    RecoverAsk,
    /// Signing in with it.
    RecoverSignIn,
    /// Choosing a new one.
    RecoverChoose,
}

/// The title of the document. `Title` does not escape its text in SSR, so it is done here.
#[component]
pub fn PageTitle(
    /// The page's own title.
    title: String,
    /// The request.
    request: PageRequest,
) -> impl IntoView {
    let error = if request.refusal().is_empty() { "" } else { "Error: " };
    let text = format!("{error}{title} – {}", request.settings().portal_name);
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    view! { <Title text=escaped /> }
}

/// What the last page has left to be said, above the content.
#[component]
pub fn Notices(
    /// The request.
    request: PageRequest,
) -> impl IntoView {
    let notice = request.flash().and_then(|flash| Some(about(flash, flash.notice?.words())));
    view! {
        <div class="notices">
            {notice.map(|words| view! { <GoodNews words=words /> })}
        </div>
    }
}

/// Words with whom they are about.
fn about(flash: &Flash, words: String) -> String {
    flash.about.as_ref().map_or_else(|| words.clone(), |name| format!("{name}: {words}"))
}

/// Bad news of a page that has no form of its own to show it.
#[component]
pub fn Refused(
    /// The request.
    request: PageRequest,
) -> impl IntoView {
    let words = request.flash().and_then(|flash| Some(about(flash, flash.refusal.as_ref()?.form?.words())));
    words.map(|words| view! { <BadNews words=words /> })
}

fn theme_switch(request: &PageRequest) -> impl IntoView + use<> {
    let theme = request.caller.theme.as_str().to_owned();
    let page =
        NextPage::parse(&request.address).map_or_else(|| "/".to_owned(), |page| page.as_str().to_owned());
    view! { <ThemeSwitch theme=theme page=page /> }
}

/// Has the page leave when the session is over.
fn session_end(request: &PageRequest, viewer: &Viewer) -> impl IntoView + use<> {
    let seconds = seconds_until(viewer.ends_at, request.backend.now());
    view! { <SessionEnd person=viewer.user_id seconds=seconds /> }
}

/// The frame of pages for people who are not signed in.
#[component]
pub fn Lobby(
    /// The request.
    request: PageRequest,
    /// The heading, and the document's title.
    title: String,
    /// The sentence under it; empty for none.
    lead: String,
    /// The step that is marked.
    step: Step,
    /// The content.
    children: Children,
) -> impl IntoView {
    let name = request.settings().portal_name.clone();
    view! {
        <PageTitle title=title.clone() request=request.clone() />
        <a class="skip" href="#main">"Skip to content"</a>
        <div class="lobby">
            <header class="lobby-head">{brand(request.settings())}</header>
            <main class="lobby-main" id="main" tabindex="-1">
                <Notices request=request.clone() />
                <h1 class="title">{title}</h1>
                {(!lead.is_empty()).then(|| view! { <p class="lead">{lead}</p> })}
                {children()}
            </main>
            <aside class="lobby-panel" aria-label="How you get in">
                <p class="lobby-say">"The way in to everything at " {name} "."</p>
                {(step != Step::None).then(|| view! { <Steps present=step /> })}
            </aside>
            {request.caller.restricted.as_deref().or(request.viewer()).map(|viewer| session_end(&request, viewer))}
            <footer class="lobby-foot">{help(request.settings())} {theme_switch(&request)}</footer>
        </div>
    }
    .into_any()
}

#[component]
fn Steps(present: Step) -> impl IntoView {
    let joining = [
        (Step::Register, "Register", "Choose a username and a password, and confirm your address."),
        (Step::Approval, "Approval", "An administrator looks at your request."),
        (Step::SignIn, "Sign in", "We mail you, and you are in."),
    ];
    let recovering = [
        (Step::RecoverAsk, "Ask", "Enter the address of your account."),
        (Step::RecoverSignIn, "Sign in", "Use the temporary password from the mail."),
        (Step::RecoverChoose, "New password", "Choose one, and you are back."),
    ];
    let recovers = recovering.iter().any(|(step, ..)| *step == present);
    let steps = if recovers { recovering } else { joining };
    let marked = if present == Step::LetIn { Step::SignIn } else { present };
    let known = recovers || matches!(present, Step::Approval | Step::LetIn);
    let at = steps.iter().position(|(step, ..)| *step == marked);
    let items = steps.iter().enumerate().map(|(index, (_, name, text))| {
        let done = known && at.is_some_and(|at| index < at);
        let class = if done { "step step-done" } else { "step" };
        let current = (at == Some(index)).then_some("step");
        view! {
            <li class=class aria-current=current>
                <span class="step-name">{*name}{done.then(|| view! { <span class="sr-only">", done"</span> })}</span>
                <span class="step-text">{*text}</span>
            </li>
        }
    });
    view! { <ol class="steps">{items.collect_view()}</ol> }
}

/// Whom to ask, where the organisation says so.
pub fn help(settings: &Settings) -> impl IntoView + use<> {
    settings.portal_help.clone().map(|help| {
        let href =
            if help.contains('@') && !help.contains("://") { format!("mailto:{help}") } else { help.clone() };
        view! { <a href=href>"Help"</a> }
    })
}

/// Which part of the house is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Neither.
    None,
    /// The profile.
    Profile,
    /// The desk.
    Desk,
}

/// The frame of pages for people who are signed in.
#[component]
pub fn House(
    /// The request.
    request: PageRequest,
    /// The heading, and the document's title.
    title: String,
    /// The sentence under it; empty for none.
    lead: String,
    /// Which part is open.
    part: Part,
    /// Whether the content is text rather than lists.
    narrow: bool,
    /// The content.
    children: Children,
) -> impl IntoView {
    let viewer = request.viewer().cloned();
    let watch = viewer.as_ref().map(|viewer| session_end(&request, viewer));
    let class = if narrow { "app-main app-main-text" } else { "app-main" };
    view! {
        <PageTitle title=title.clone() request=request.clone() />
        <a class="skip" href="#main">"Skip to content"</a>
        <div class="app">
            <header class="app-head">
                <div class="app-head-in">
                    {brand(request.settings())}
                    {viewer.map(|viewer| view! { <Navigation request=request.clone() viewer=viewer part=part /> })}
                </div>
            </header>
            <main class=class id="main" tabindex="-1">
                <Notices request=request.clone() />
                {(part == Part::Desk && narrow).then(|| view! {
                    <a class="back" href="/admin"><Icon name=IconName::ArrowLeft />"Desk"</a>
                })}
                <div class="page-head">
                    <div>
                        <h1 class="title">{title}</h1>
                        {(!lead.is_empty()).then(|| view! { <p class="lead">{lead}</p> })}
                    </div>
                </div>
                {children()}
            </main>
            {watch}
            <footer class="app-foot">
                <span>{request.settings().portal_name.clone()}</span> {help(request.settings())} {theme_switch(&request)}
            </footer>
        </div>
    }
    .into_any()
}

#[component]
fn Navigation(request: PageRequest, viewer: Viewer, part: Part) -> impl IntoView {
    let page = move |mine: Part| (part == mine).then_some("page");
    // There the number would stand still beside the lists that change.
    let counts_itself = request.address.split('?').next() == Some("/admin");
    let (admin, name, role) = (viewer.is_admin(), viewer.username.clone(), viewer.role.words());
    view! {
        <nav class="nav" aria-label="Main">
            <a class="nav-link" href="/profile" aria-current=page(Part::Profile)>"Profile"</a>
            {admin.then(|| view! {
                <a class="nav-link" href="/admin" aria-current=page(Part::Desk)>
                    "Desk" {(!counts_itself).then(|| view! {
                        <Suspense><WaitingCount request=request.clone() /></Suspense>
                    })}
                </a>
            })}
        </nav>
        <details class="menu">
            <summary class="btn btn-ghost btn-sm" aria-label=format!("Account, {name}")>
                <Icon name=IconName::User />
                <span class="menu-name">{name.clone()}</span>
                <Icon name=IconName::ChevronDown />
            </summary>
            <div class="menu-list">
                <p class="menu-head"><strong>{name}</strong><br /><span class="muted">{role}</span></p>
                <div class="menu-rule"></div>
                <a class="menu-item" href="/profile"><Icon name=IconName::User />"Profile"</a>
                <form method="post" action="/do/sign_out">
                    <button class="menu-item"><Icon name=IconName::LogOut />"Sign out"</button>
                </form>
            </div>
        </details>
    }
}

#[component]
fn WaitingCount(request: PageRequest) -> impl IntoView {
    Suspend::new(async move {
        // Only a hint: a desk that cannot be read says so itself.
        let waiting = count_waiting(&request.backend).await.unwrap_or(0);
        (waiting > 0).then(|| {
            view! {
                " " <span class="count count-due">{waiting}<span class="sr-only">" waiting"</span></span>
            }
        })
    })
}
