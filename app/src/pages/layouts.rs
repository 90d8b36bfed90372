//! The two layouts of pages: for visitors and for signed-in users.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};

use crate::components::alert::{ErrorAlert, InfoAlert, SuccessAlert, SuccessAlertWithLink};
use crate::components::icon::{Icon, IconName};
use crate::http::{Flash, QUESTION_PAGE, STATUS_PAGE};
use crate::islands::session_timeout::SessionTimeout;
use crate::islands::theme::ThemeSwitch;
use crate::pages::document::{brand, skip_link};
use crate::pages::page_request::PageRequest;
use crate::pages::rendered::{IntoRendered as _, RenderedChildren};
use backend::admin::queue::count_pending;
use backend::sessions::{CurrentUser, seconds_until};
use backend::settings::Settings;
use domain::errors::ErrorCode;
use domain::flash_message::FlashMessage;
use domain::return_to::ReturnTo;

/// The current step in the progress panel of a signed-out page: of a registration or of a password reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressStep {
    /// No step. The panel shows no steps.
    None,
    /// Before the first step of a registration.
    Start,
    /// Registration: creating the account and confirming its email address.
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

/// Sets the description of a public page, which search engines show.
#[component]
pub fn PageDescription(
    /// The description: one or two sentences.
    text: String,
) -> impl IntoView {
    view! { <Meta name="description" content=text /> }
}

/// The path and the label of the link to the status of a registration.
const STATUS_LINK: (&str, &str) = (STATUS_PAGE, "See the status of your registration");

/// Shows the flash message of the previous action, above the content.
#[component]
pub fn FlashMessages(
    /// The request that the page answers.
    request: PageRequest,
) -> impl IntoView {
    let notice = request.flash().and_then(|flash| {
        let message = flash.message?;
        let by_other =
            matches!(message, FlashMessage::AlreadyDecided(_)).then(|| change(flash, &request)).flatten();
        Some((message, by_other.unwrap_or_else(|| with_username(flash, message.message()))))
    });
    let is_applicant = request.context.applicant().is_some();
    let next_page = |message: FlashMessage| match message {
        FlashMessage::EmailConfirmed | FlashMessage::AnswerSaved if is_applicant => Some(STATUS_LINK),
        FlashMessage::EmailConfirmedOnHold if is_applicant => Some((QUESTION_PAGE, "Answer the question")),
        FlashMessage::Registered => Some(STATUS_LINK),
        _ => None,
    };
    view! {
        <div class="empty:hidden">
            {notice.map(|(message, text)| if let Some((href, label)) = next_page(message) {
                view! { <SuccessAlertWithLink message=text href=href label=label /> }.rendered()
            } else if let Some((decision, from)) = undoable(message, &request) {
                view! {
                    <div class="flex flex-col items-start gap-2">
                        <SuccessAlert message=text />
                        <form method="post" action="/do/undo_decision">
                            <input type="hidden" name="id" value=decision.to_string() />
                            <input type="hidden" name="from" value=from />
                            <button class="btn border-line">"Undo"</button>
                        </form>
                    </div>
                }
                .rendered()
            } else if message.is_success() {
                view! { <SuccessAlert message=text /> }.rendered()
            } else {
                view! { <InfoAlert message=text /> }.rendered()
            })}
        </div>
    }
}

/// Returns the decision that the message is about and the page to return to, if it can still be undone.
fn undoable(message: FlashMessage, request: &PageRequest) -> Option<(i64, String)> {
    match message {
        FlashMessage::Decided { decision, undo_until, .. } if undo_until > request.backend.now() => {
            Some((decision, request.path_and_query.clone()))
        }
        _ => None,
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
    let message = request.flash().and_then(|flash| {
        let errors = flash.errors.as_ref()?;
        let code = errors.form.or_else(|| errors.fields.first().map(|error| error.code))?;
        Some(change_message(flash, code, &request).unwrap_or_else(|| with_username(flash, code.message())))
    });
    message.map(|message| view! { <ErrorAlert message=message /> })
}

/// Returns who changed the affected user, and when, if an action was refused because of that change.
fn change_message(flash: &Flash, code: ErrorCode, request: &PageRequest) -> Option<String> {
    let is_stale = matches!(code, ErrorCode::AccountChanged | ErrorCode::WrongStatus(_));
    let change = change(flash, request).filter(|_| is_stale)?;
    Some(format!("{change} Nothing else has changed."))
}

/// Returns the last change of the affected user: "grace approved ada 2 minutes ago."
fn change(flash: &Flash, request: &PageRequest) -> Option<String> {
    let (name, change) = (flash.affected_username.as_ref()?, flash.last_change.as_ref()?);
    Some(change.message(name, request.backend.now()))
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

/// Renders the frame of pages for visitors: header, content and footer in one column. From 1024 px, the panel is next to it.
pub fn visitor_frame(
    header: impl IntoView,
    main: impl IntoView,
    footer: impl IntoView,
    panel: impl IntoView,
) -> impl IntoView {
    view! {
        {skip_link()}
        <div class="relative flex min-h-svh">
            <div class="flex min-w-0 grow flex-col">
                <header
                    class="mx-auto w-full max-w-110 px-5 pt-4 lg:absolute lg:start-12 lg:top-8 lg:z-1 lg:w-auto lg:max-w-1/3 lg:p-0"
                >
                    {header}
                </header>
                <main
                    class="mx-auto flex w-full max-w-110 grow flex-col gap-6 px-5 pt-6 pb-12 lg:my-auto lg:grow-0 lg:pt-16"
                    id="main"
                    tabindex="-1"
                >
                    {main}
                </main>
                <footer
                    class="mx-auto flex w-full max-w-110 flex-wrap items-center justify-between gap-x-4 px-5 py-3 text-sm text-muted print:hidden"
                >
                    {footer}
                </footer>
            </div>
            {panel}
        </div>
    }
}

/// The title of a page and the sentence below it.
#[component]
pub fn PageHeading(
    /// The title.
    title: String,
    /// The sentence below the title, or an empty string for none.
    lead: String,
) -> impl IntoView {
    view! {
        <div>
            <h1 class="text-2xl font-semibold tracking-tight text-balance">{title}</h1>
            {(!lead.is_empty()).then(|| view! {
                <p class="mt-1.5 text-pretty wrap-anywhere text-muted">{lead}</p>
            })}
        </div>
    }
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
    children: RenderedChildren,
) -> impl IntoView {
    let name = request.settings().portal_name.clone();
    view! {
        <PageTitle title=title.clone() request=request.clone() />
        {visitor_frame(
            brand(request.settings(), false),
            view! {
                <FlashMessages request=request.clone() />
                <PageHeading title=title lead=lead />
                {children.render()}
            },
            view! { {help_link(request.settings())} {theme_switch(&request)} },
            view! {
                <aside
                    class="doorway order-first hidden w-5/12 min-w-88 flex-none flex-col gap-10 border-e border-base-300 bg-primary/7 px-12 pt-34 pb-12 lg:flex"
                    aria-label="How it works"
                >
                    <p class="max-w-sm text-2xl font-semibold tracking-tight text-balance">
                        "Your account at " {name} "."
                    </p>
                    {(step != ProgressStep::None).then(|| view! { <ProgressSteps current=step /> })}
                </aside>
            },
        )}
        {request.context.restricted_user.as_deref().or(request.current_user()).map(|current_user| session_timeout(&request, current_user))}
    }
    .rendered()
}

/// The steps of a registration or of a password reset, with the current step marked.
#[component]
fn ProgressSteps(current: ProgressStep) -> impl IntoView {
    let registration = [
        (
            ProgressStep::Register,
            "Register",
            "Choose a username and a password, and confirm your email address.",
        ),
        (ProgressStep::Approval, "Approval", "An administrator will review your registration."),
        (ProgressStep::SignIn, "Sign in", "We'll email you when it's approved. Then you can sign in."),
    ];
    let password_reset = [
        (ProgressStep::ResetRequest, "Request", "Enter the email address of your account."),
        (ProgressStep::ResetSignIn, "Sign in", "Use the temporary password from the email."),
        (ProgressStep::ResetNewPassword, "New password", "Choose a new password to finish."),
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
        let aria_current = (current_index == Some(index)).then_some("step");
        let class = if done || aria_current.is_some() { "step step-primary" } else { "step before:bg-line after:border-line" };
        view! {
            <li class=class data-content=done.then_some("✓") aria-current=aria_current>
                <div class="py-3 text-start">
                    <p class="font-semibold in-aria-[current=step]:text-link">{*name}{done.then(|| view! { <span class="sr-only">", done"</span> })}</p>
                    <p class="text-muted">{*text}</p>
                </div>
            </li>
        }
    });
    view! { <ol class="steps steps-vertical -ms-1 max-w-80 text-sm">{items.collect_view()}</ol> }
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
    children: RenderedChildren,
) -> impl IntoView {
    let current_user = request.current_user().cloned();
    let timeout = current_user.as_ref().map(|current_user| session_timeout(&request, current_user));
    let width = if narrow { "max-w-184" } else { "max-w-6xl" };
    view! {
        <PageTitle title=title.clone() request=request.clone() />
        {skip_link()}
        <div class="flex min-h-svh flex-col">
            <header class="border-b border-base-300 bg-base-100 print:hidden">
                <div class="mx-auto flex min-h-14 w-full max-w-6xl flex-wrap items-center gap-x-2 px-4 md:gap-x-4 md:px-6">
                    {brand(request.settings(), true)}
                    {current_user.map(|current_user| view! { <Navigation request=request.clone() current_user=current_user section=section /> })}
                </div>
            </header>
            <main
                class=format!("mx-auto flex w-full grow flex-col gap-6 px-4 pt-6 pb-12 md:px-6 md:pt-8 md:pb-16 {width}")
                id="main"
                tabindex="-1"
            >
                <FlashMessages request=request.clone() />
                {(section == NavSection::Admin && narrow).then(|| view! {
                    <a
                        class="link link-hover -mt-3 -mb-5 inline-flex min-h-11 items-center gap-1.5 self-start text-sm text-link"
                        href="/admin"
                    >
                        <Icon name=IconName::ArrowLeft />
                        "People"
                    </a>
                })}
                <PageHeading title=title lead=lead />
                {children.render()}
            </main>
            {timeout}
            <footer
                class="mx-auto flex w-full max-w-6xl flex-wrap items-center justify-between gap-x-4 gap-y-1 px-4 py-3 text-sm text-muted md:px-6 print:hidden"
            >
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
    // The lists on this page update themselves, and a count next to them would become out of date.
    let has_live_lists = request.path_and_query.split('?').next() == Some("/admin");
    let (admin, name, role) =
        (current_user.is_admin(), current_user.username.clone(), current_user.role.message());
    view! {
        <nav class="flex grow flex-wrap gap-1" aria-label="Main">
            <a
                class="btn btn-ghost px-3 not-aria-[current=page]:text-muted forced-colors:aria-[current=page]:underline"
                href="/profile"
                aria-current=aria_current(NavSection::Profile)
            >
                "Profile"
            </a>
            {admin.then(|| view! {
                <a
                    class="btn btn-ghost px-3 not-aria-[current=page]:text-muted forced-colors:aria-[current=page]:underline"
                    href="/admin"
                    aria-current=aria_current(NavSection::Admin)
                >
                    "Admin" {(!has_live_lists).then(|| view! {
                        <Suspense><PendingCount request=request.clone() /></Suspense>
                    })}
                </a>
            })}
        </nav>
        <details class="dropdown dropdown-end">
            <summary class="btn btn-ghost px-3" aria-label=format!("Account, {name}")>
                <Icon name=IconName::User />
                <span class="max-sm:sr-only">{name.clone()}</span>
                <Icon name=IconName::ChevronDown />
            </summary>
            <ul class="dropdown-content menu mt-1 w-max max-w-[calc(100vw-2rem)] rounded-box border border-base-300 bg-base-100 shadow-lg sm:min-w-48">
                <li class="menu-title wrap-anywhere">
                    <span class="text-base-content">{name}</span>
                    <span class="font-normal text-muted">{role}</span>
                </li>
                <li><a class="py-3" href="/profile"><Icon name=IconName::User />"Profile"</a></li>
                <li><button class="py-3" form="sign-out"><Icon name=IconName::LogOut />"Sign out"</button></li>
            </ul>
            <form id="sign-out" method="post" action="/do/sign_out"></form>
        </details>
    }
}

/// The number of pending registrations, next to the link to the admin pages.
#[component]
fn PendingCount(request: PageRequest) -> impl IntoView {
    Suspend::new(async move {
        // The count is optional here. The admin page itself reports a failed query.
        let pending = count_pending(&request.backend).await.unwrap_or_default();
        (pending.count > 0).then(|| {
            view! {
                " " <span class="badge badge-primary rounded-full px-2">{pending.text()}<span class="sr-only">" pending"</span></span>
            }
        })
    })
}
