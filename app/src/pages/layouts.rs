//! The two layouts of pages: for visitors and for signed-in users.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::alert::{ErrorAlert, SuccessAlert};
use crate::components::icon::{Icon, IconName};
use crate::http::Flash;
use crate::islands::session_timeout::SessionTimeout;
use crate::islands::theme::ThemeSwitch;
use crate::pages::document::brand;
use crate::pages::page_request::PageRequest;
use backend::admin::users::count_pending;
use backend::sessions::{CurrentUser, seconds_until};
use backend::settings::Settings;
use domain::return_to::ReturnTo;

/// The current step in the progress panel of a signed-out page: of a registration or of a password reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressStep {
    /// No step. The panel shows no steps.
    None,
    /// Before the first step of a registration.
    Start,
    /// Registration: creating the account.
    Register,
    /// Registration: waiting for approval.
    Approval,
    /// Registration: signing in. The earlier steps are not marked as done, because they may not be.
    SignIn,
    /// Registration: signing in after approval. The earlier steps are marked as done.
    SignInAfterApproval,
    /// Password reset: requesting a temporary password.
    ResetRequest,
    /// Password reset: signing in with the temporary password.
    ResetSignIn,
    /// Password reset: choosing a new password.
    ResetNewPassword,
}

/// Sets the title of the document. It escapes the text, because `Title` does not in SSR.
#[component]
pub fn PageTitle(
    /// The title of the page, without the name of the portal.
    title: String,
    /// The request that the page answers.
    request: PageRequest,
) -> impl IntoView {
    let error = if request.errors().is_empty() { "" } else { "Error: " };
    let text = format!("{error}{title} – {}", request.settings().portal_name);
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    view! { <Title text=escaped /> }
}

/// Shows the flash message of the previous action, above the content.
#[component]
pub fn FlashMessages(
    /// The request that the page answers.
    request: PageRequest,
) -> impl IntoView {
    let notice = request.flash().and_then(|flash| Some(with_username(flash, flash.message?.message())));
    view! {
        <div class="notices">
            {notice.map(|message| view! { <SuccessAlert message=message /> })}
        </div>
    }
}

/// Puts the name of the affected user in front of a message, if there is one.
fn with_username(flash: &Flash, message: String) -> String {
    flash.affected_username.as_ref().map_or_else(|| message.clone(), |name| format!("{name}: {message}"))
}

/// Shows the error of the previous action on a page whose own form does not show it.
#[component]
pub fn FlashError(
    /// The request that the page answers.
    request: PageRequest,
) -> impl IntoView {
    let message =
        request.flash().and_then(|flash| Some(with_username(flash, flash.errors.as_ref()?.form?.message())));
    message.map(|message| view! { <ErrorAlert message=message /> })
}

/// Renders the theme switch, which returns to the current page.
fn theme_switch(request: &PageRequest) -> impl IntoView + use<> {
    let theme = request.context.theme.as_str().to_owned();
    let return_to = ReturnTo::parse(&request.path_and_query)
        .map_or_else(|| "/".to_owned(), |path| path.as_str().to_owned());
    view! { <ThemeSwitch theme=theme page=return_to /> }
}

/// Renders the island that leaves the page when the session expires.
fn session_timeout(request: &PageRequest, current_user: &CurrentUser) -> impl IntoView + use<> {
    let seconds = seconds_until(current_user.ends_at, request.backend.now());
    view! { <SessionTimeout user_id=current_user.user_id seconds=seconds /> }
}

/// The layout of pages for visitors and restricted sessions.
#[component]
pub fn SignedOutLayout(
    /// The request that the page answers.
    request: PageRequest,
    /// The heading and the title of the document.
    title: String,
    /// The sentence below the heading, or an empty string for none.
    lead: String,
    /// The current step.
    step: ProgressStep,
    /// The content of the page.
    children: Children,
) -> impl IntoView {
    let name = request.settings().portal_name.clone();
    view! {
        <PageTitle title=title.clone() request=request.clone() />
        <a class="skip" href="#main">"Skip to content"</a>
        <div class="lobby">
            <header class="lobby-head">{brand(request.settings())}</header>
            <main class="lobby-main" id="main" tabindex="-1">
                <FlashMessages request=request.clone() />
                <h1 class="title">{title}</h1>
                {(!lead.is_empty()).then(|| view! { <p class="lead">{lead}</p> })}
                {children()}
            </main>
            <aside class="lobby-panel" aria-label="How you get in">
                <p class="lobby-say">"The way in to everything at " {name} "."</p>
                {(step != ProgressStep::None).then(|| view! { <ProgressSteps current=step /> })}
            </aside>
            {request.context.restricted_user.as_deref().or(request.current_user()).map(|current_user| session_timeout(&request, current_user))}
            <footer class="lobby-foot">{help_link(request.settings())} {theme_switch(&request)}</footer>
        </div>
    }
    .into_any()
}

/// The steps of a registration or of a password reset, with the current step marked.
#[component]
fn ProgressSteps(current: ProgressStep) -> impl IntoView {
    let registration = [
        (ProgressStep::Register, "Register", "Choose a username and a password, and confirm your address."),
        (ProgressStep::Approval, "Approval", "An administrator looks at your request."),
        (ProgressStep::SignIn, "Sign in", "We mail you, and you are in."),
    ];
    let password_reset = [
        (ProgressStep::ResetRequest, "Ask", "Enter the address of your account."),
        (ProgressStep::ResetSignIn, "Sign in", "Use the temporary password from the mail."),
        (ProgressStep::ResetNewPassword, "New password", "Choose one, and you are back."),
    ];
    let is_reset = password_reset.iter().any(|(step, ..)| *step == current);
    let steps = if is_reset { password_reset } else { registration };
    let current_step =
        if current == ProgressStep::SignInAfterApproval { ProgressStep::SignIn } else { current };
    let earlier_steps_done =
        is_reset || matches!(current, ProgressStep::Approval | ProgressStep::SignInAfterApproval);
    let current_index = steps.iter().position(|(step, ..)| *step == current_step);
    let items = steps.iter().enumerate().map(|(index, (_, name, text))| {
        let done = earlier_steps_done && current_index.is_some_and(|current| index < current);
        let class = if done { "step step-done" } else { "step" };
        let aria_current = (current_index == Some(index)).then_some("step");
        view! {
            <li class=class aria-current=aria_current>
                <span class="step-name">{*name}{done.then(|| view! { <span class="sr-only">", done"</span> })}</span>
                <span class="step-text">{*text}</span>
            </li>
        }
    });
    view! { <ol class="steps">{items.collect_view()}</ol> }
}

/// Renders the link to the help page or email address, if the operator set one.
pub fn help_link(settings: &Settings) -> impl IntoView + use<> {
    settings.portal_help.clone().map(|help| {
        let href =
            if help.contains('@') && !help.contains("://") { format!("mailto:{help}") } else { help.clone() };
        view! { <a href=href>"Help"</a> }
    })
}

/// The section of the main navigation that a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NavSection {
    /// No section.
    None,
    /// The profile and the other pages of the user's own account.
    Profile,
    /// The admin pages.
    Admin,
}

/// The layout of pages for signed-in users.
#[component]
pub fn SignedInLayout(
    /// The request that the page answers.
    request: PageRequest,
    /// The heading and the title of the document.
    title: String,
    /// The sentence below the heading, or an empty string for none.
    lead: String,
    /// The current section of the navigation.
    section: NavSection,
    /// True for content in a narrow column, such as text and forms. False for lists.
    narrow: bool,
    /// The content of the page.
    children: Children,
) -> impl IntoView {
    let current_user = request.current_user().cloned();
    let timeout = current_user.as_ref().map(|current_user| session_timeout(&request, current_user));
    let class = if narrow { "app-main app-main-text" } else { "app-main" };
    view! {
        <PageTitle title=title.clone() request=request.clone() />
        <a class="skip" href="#main">"Skip to content"</a>
        <div class="app">
            <header class="app-head">
                <div class="app-head-in">
                    {brand(request.settings())}
                    {current_user.map(|current_user| view! { <Navigation request=request.clone() current_user=current_user section=section /> })}
                </div>
            </header>
            <main class=class id="main" tabindex="-1">
                <FlashMessages request=request.clone() />
                {(section == NavSection::Admin && narrow).then(|| view! {
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
            {timeout}
            <footer class="app-foot">
                <span>{request.settings().portal_name.clone()}</span> {help_link(request.settings())} {theme_switch(&request)}
            </footer>
        </div>
    }
    .into_any()
}

/// The main navigation and the account menu.
#[component]
fn Navigation(request: PageRequest, current_user: CurrentUser, section: NavSection) -> impl IntoView {
    let aria_current = move |link: NavSection| (section == link).then_some("page");
    // The lists on this page update themselves, and a count beside them would become needs_reauthentication.
    let has_live_lists = request.path_and_query.split('?').next() == Some("/admin");
    let (admin, name, role) =
        (current_user.is_admin(), current_user.username.clone(), current_user.role.message());
    view! {
        <nav class="nav" aria-label="Main">
            <a class="nav-link" href="/profile" aria-current=aria_current(NavSection::Profile)>"Profile"</a>
            {admin.then(|| view! {
                <a class="nav-link" href="/admin" aria-current=aria_current(NavSection::Admin)>
                    "Desk" {(!has_live_lists).then(|| view! {
                        <Suspense><PendingCount request=request.clone() /></Suspense>
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

/// The number of pending registrations, next to the link to the admin pages.
#[component]
fn PendingCount(request: PageRequest) -> impl IntoView {
    Suspend::new(async move {
        // The count is optional here. The admin page itself reports a failed query.
        let pending = count_pending(&request.backend).await.unwrap_or(0);
        (pending > 0).then(|| {
            view! {
                " " <span class="count count-due">{pending}<span class="sr-only">" waiting"</span></span>
            }
        })
    })
}
