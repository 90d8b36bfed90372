//! `/profile`: the signed-in user's details, sign-in methods, sessions, recent activity and data.

use std::sync::Arc;

use leptos::prelude::*;

use crate::components::badge::{ConfirmationBadge, RoleBadge, StatusBadge};
use crate::components::email_address::EmailAddressText;
use crate::components::icon::{Icon, IconName};
use crate::islands::relative_time::{RelativeTimes, UtcTime};
use crate::pages::card::Card;
use crate::pages::error_page::internal_error_page;
use crate::pages::layouts::{FlashError, NavSection, SignedInLayout};
use crate::pages::page_request::PageRequest;
use crate::pages::rendered::IntoRendered as _;
use backend::accounts::profile::{AccountActivity, ProfileData, RECENT_ACTIVITY_LIMIT};
use backend::error::InternalError;
use backend::sessions::CurrentUser;
use domain::status::PublicStatus;
use domain::view_models::{ActivityRow, SessionRow};

/// The profile page.
#[component]
pub fn ProfilePage() -> impl IntoView {
    let request = PageRequest::get()?;
    let current_user = request.current_user().cloned()?;
    // The authentication middleware has read the account together with the user.
    let Some(account) = request.context.account.clone() else {
        return Some(internal_error_page(&InternalError::Data("a profile without its account")));
    };
    Some(
        view! { <Profile request=request current_user=current_user account=Arc::unwrap_or_clone(account) /> }
            .into_any(),
    )
}

/// The cards of the profile.
#[component]
fn Profile(request: PageRequest, current_user: CurrentUser, account: ProfileData) -> impl IntoView {
    let ProfileData { activity: AccountActivity { sessions, entries }, microsoft } = account;
    let microsoft = match (&request.backend.microsoft, microsoft) {
        (None, _) => MicrosoftLink::Disabled,
        (Some(_), None) => MicrosoftLink::NotLinked,
        (Some(_), Some(label)) => MicrosoftLink::Linked(label),
    };
    view! {
        <SignedInLayout request=request.clone() title="Profile".to_owned() lead=String::new() section=NavSection::Profile narrow=true>
            <div class="flex flex-col gap-6">
                <FlashError request=request />
                <YourDetails current_user=current_user.clone() />
                <PasswordCard current_user=current_user.clone() />
                <SignInMethods current_user=current_user microsoft=microsoft />
                <Sessions sessions=sessions />
                <RecentActivity activity=entries />
                <YourData />
            </div>
            <RelativeTimes />
        </SignedInLayout>
    }
}

/// The details of the account.
#[component]
fn YourDetails(current_user: CurrentUser) -> impl IntoView {
    let is_confirmed = current_user.email_confirmed_at.is_some();
    view! {
        <Card labelled_by="who">
            <div class="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
                <h2 class="card-title text-base" id="who">"Your details"</h2>
                <span class="flex flex-wrap gap-2"><StatusBadge status=PublicStatus::Active /><RoleBadge role=current_user.role /></span>
            </div>
            <dl class="facts">
                <div><dt>"Username"</dt><dd>{current_user.username}</dd></div>
                <div><dt>"Email address"</dt><dd><EmailAddressText address=current_user.email /> " " <ConfirmationBadge confirmed=is_confirmed /></dd></div>
                <div><dt>"Role"</dt><dd>{current_user.role.message()}</dd></div>
                <div><dt>"Member since"</dt><dd><UtcTime at=current_user.registered /></dd></div>
                <div><dt>"Last sign-in"</dt><dd><UtcTime at=current_user.last_sign_in /></dd></div>
            </dl>
            <div class="card-actions mt-2 gap-3">
                <a class="btn border-line" href="/profile/address">"Change email address"</a>
                {(!is_confirmed).then(|| view! {
                    <form method="post" action="/do/ask_confirmation">
                        <button class="btn border-line"><Icon name=IconName::Send />"Send a new confirmation link"</button>
                    </form>
                })}
                <form method="post" action="/do/sign_out">
                    <button class="btn border-line"><Icon name=IconName::LogOut />"Sign out"</button>
                </form>
            </div>
        </Card>
    }
    .rendered()
}

/// The link to change or set the password.
#[component]
fn PasswordCard(current_user: CurrentUser) -> impl IntoView {
    let (message, label) = if current_user.has_password {
        ("If you change your password, you'll be signed out everywhere else.", "Change password")
    } else {
        ("You do not have a password yet.", "Set a password")
    };
    view! {
        <Card labelled_by="password">
            <h2 class="card-title text-base" id="password">"Password"</h2>
            <div class="flex flex-wrap items-center justify-between gap-x-4 gap-y-3">
                <p class="text-muted">{message}</p>
                <a class="btn border-line" href="/change-password">{label}</a>
            </div>
        </Card>
    }
}

/// The state of Microsoft sign-in for the user.
enum MicrosoftLink {
    /// The portal does not offer Microsoft sign-in.
    Disabled,
    /// The user has no linked Microsoft account.
    NotLinked,
    /// The user has linked the Microsoft account with this label.
    Linked(String),
}

/// The sign-in methods of the account.
#[component]
fn SignInMethods(current_user: CurrentUser, microsoft: MicrosoftLink) -> impl IntoView {
    let email_works = current_user.email_confirmed_at.is_some();
    let message = match (current_user.has_password, email_works) {
        (true, true) => "Sign in with your username or email address.",
        (true, false) => {
            "Sign in with your username. Once your email address is confirmed, you can also sign in with it."
        }
        (false, _) => "You do not have a password yet.",
    };
    let microsoft = match microsoft {
        MicrosoftLink::Disabled => None,
        MicrosoftLink::NotLinked => Some(("Not linked.".to_owned(), "Link Microsoft")),
        MicrosoftLink::Linked(label) => Some((label, "Unlink Microsoft")),
    };
    view! {
        <Card labelled_by="ways">
            <h2 class="card-title text-base" id="ways">"Ways to sign in"</h2>
            <ul class="divide-y divide-base-300 *:py-3 *:first:pt-0 *:last:pb-0">
                <li><div><strong>"Password"</strong><p class="text-muted">{message}</p></div></li>
                {microsoft.map(|(message, action)| view! {
                    <li class="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
                        <div class="grow basis-60"><strong>"Microsoft"</strong><p class="text-muted">{message}</p></div>
                        <a class="btn border-line" href="/profile/microsoft">{action}</a>
                    </li>
                })}
            </ul>
        </Card>
    }
}

/// The sessions of the user.
#[component]
fn Sessions(sessions: Vec<SessionRow>) -> impl IntoView {
    let has_others = sessions.len() > 1;
    let can_end = sessions.iter().any(SessionRow::is_revocable);
    let rows = sessions.into_iter().map(|session| view! { <SessionItem session=session /> });
    view! {
        <Card labelled_by="sessions">
            <div class="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
                <h2 class="card-title text-base" id="sessions">"Where you're signed in"</h2>
                {can_end.then(|| view! {
                    <form method="post" action="/do/end_other_sessions">
                        <button class="btn border-line">"Sign out everywhere else"</button>
                    </form>
                })}
            </div>
            <ul class="divide-y divide-base-300 *:py-3 *:first:pt-0 *:last:pb-0">{rows.collect_view()}</ul>
            {if has_others {
                view! {
                    <p class="text-muted">
                        "Is there a session you do not recognise? " <a href="/change-password">"Change your password"</a>
                        " to sign out everywhere else."
                    </p>
                }
                .rendered()
            } else {
                view! { <p class="text-muted">"You're not signed in anywhere else."</p> }.rendered()
            }}
        </Card>
    }
    .rendered()
}

/// A session, with the action to end it if the user may end it.
#[component]
fn SessionItem(session: SessionRow) -> impl IntoView {
    let browser = session.browser.clone();
    let is_revocable = session.is_revocable();
    view! {
        <li class="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
            <div class="min-w-0 grow basis-60 wrap-anywhere">
                <p class="flex flex-wrap items-center gap-2"><strong>{session.browser}</strong>
                {session.is_current.then(|| view! { " " <span class="badge badge-soft badge-success">"This device"</span> })}
                {session.shared.then(|| view! { " " <span class="badge badge-soft">"Shared computer"</span> })}
                {session.restricted.then(|| view! { " " <span class="badge badge-soft badge-warning">"Temporary password"</span> })}
                </p>
                <p class="text-muted">"From " <span class="tabular-nums">{session.ip_address}</span></p>
                <p class="text-muted">"Signed in " <UtcTime at=session.created_at /></p>
                <p class="text-muted">"Last seen " <UtcTime at=session.last_seen /></p>
                {session.restricted.then(|| view! {
                    <p class="text-muted">"This session can only be used to choose a new password. It ends within 15 minutes."</p>
                })}
            </div>
            {is_revocable.then(|| view! {
                <form method="post" action="/do/end_session">
                    <input type="hidden" name="handle" value=session.public_id />
                    <button class="btn border-line">"Sign out"<span class="sr-only">{format!(" {browser}")}</span></button>
                </form>
            })}
        </li>
    }
}

/// The latest entries of the audit log about the account.
#[component]
fn RecentActivity(activity: Vec<ActivityRow>) -> impl IntoView {
    let is_truncated = u64::try_from(activity.len()).is_ok_and(|count| count >= RECENT_ACTIVITY_LIMIT);
    let rows = activity.into_iter().map(|row| {
        // Changes of the account stand out among sign-ins and sign-outs.
        let description = if row.is_change {
            view! { <strong>{row.description}</strong> }.rendered()
        } else {
            row.description.rendered()
        };
        let by = (!row.actor.is_empty()).then(|| format!(" by {}", row.actor));
        let from = (!row.ip_address.is_empty()).then(|| format!("From {}, ", row.ip_address));
        view! {
            <li class="wrap-anywhere">{description}{by}<p class="text-muted">{from}<UtcTime at=row.at /></p></li>
        }
    });
    view! {
        <Card labelled_by="history">
            <h2 class="card-title text-base" id="history">"Recent activity"</h2>
            <ul class="divide-y divide-base-300 *:py-3 *:first:pt-0 *:last:pb-0">{rows.collect_view()}</ul>
            {is_truncated.then(|| view! {
                <p class="text-muted">{format!("These are the latest {RECENT_ACTIVITY_LIMIT} entries. Download your data to see more.")}</p>
            })}
        </Card>
    }
    .rendered()
}

/// The links to download the data and to delete the account.
#[component]
fn YourData() -> impl IntoView {
    view! {
        <Card labelled_by="data">
            <h2 class="card-title text-base" id="data">"Your data"</h2>
            <p class="text-muted">"Download a copy of your data, or permanently delete your account."</p>
            <div class="card-actions mt-2 gap-3">
                <a class="btn border-line" href="/profile/data.json" download>"Download your data"</a>
                <a class="btn btn-outline btn-error" href="/profile/delete">"Delete account"</a>
            </div>
        </Card>
    }
}
