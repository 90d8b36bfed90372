//! `/profile`: the signed-in user's details, sign-in methods, sessions, recent activity and data.

use std::sync::Arc;

use leptos::prelude::*;

use crate::components::badge::{ConfirmationBadge, RoleBadge, StatusBadge};
use crate::components::email_address::EmailAddressText;
use crate::components::icon::{Icon, IconName};
use crate::islands::relative_time::{RelativeTimes, UtcTime};
use crate::pages::error_page::internal_error_page;
use crate::pages::layouts::{FlashError, NavSection, SignedInLayout};
use crate::pages::page_request::PageRequest;
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
            <div class="stack">
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
        <section class="card" aria-labelledby="who">
            <div class="card-head">
                <h2 class="section-title" id="who">"Who I am"</h2>
                <span class="badges"><StatusBadge status=PublicStatus::Active /><RoleBadge role=current_user.role /></span>
            </div>
            <dl class="facts">
                <div><dt>"Username"</dt><dd>{current_user.username}</dd></div>
                <div><dt>"Email address"</dt><dd><EmailAddressText address=current_user.email /> " " <ConfirmationBadge confirmed=is_confirmed /></dd></div>
                <div><dt>"Role"</dt><dd>{current_user.role.message()}</dd></div>
                <div><dt>"Member since"</dt><dd><UtcTime at=current_user.registered /></dd></div>
                <div><dt>"Last sign-in"</dt><dd><UtcTime at=current_user.last_sign_in /></dd></div>
            </dl>
            <div class="card-foot row">
                <a class="btn" href="/profile/address">"Change address"</a>
                {(!is_confirmed).then(|| view! {
                    <form method="post" action="/do/ask_confirmation">
                        <button class="btn"><Icon name=IconName::Send />"Send a new confirmation link"</button>
                    </form>
                })}
                <form method="post" action="/do/sign_out">
                    <button class="btn"><Icon name=IconName::LogOut />"Sign out"</button>
                </form>
            </div>
        </section>
    }
    .into_any()
}

/// The link to change or set the password.
#[component]
fn PasswordCard(current_user: CurrentUser) -> impl IntoView {
    let (message, label) = if current_user.has_password {
        ("Changing it signs you out everywhere else.", "Change password")
    } else {
        ("You have none yet.", "Set a password")
    };
    view! {
        <section class="card" aria-labelledby="password">
            <div class="card-head"><h2 class="section-title" id="password">"Password"</h2></div>
            <div class="row row-apart">
                <p class="muted small">{message}</p>
                <a class="btn" href="/change-password">{label}</a>
            </div>
        </section>
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
        (true, true) => "With your username or your email address.",
        (true, false) => "With your username. Once your address is confirmed, it works too.",
        (false, _) => "You have none yet.",
    };
    let microsoft = match microsoft {
        MicrosoftLink::Disabled => None,
        MicrosoftLink::NotLinked => Some(("Not linked.".to_owned(), "Link Microsoft")),
        MicrosoftLink::Linked(label) => Some((label, "Unlink Microsoft")),
    };
    view! {
        <section class="card" aria-labelledby="ways">
            <div class="card-head"><h2 class="section-title" id="ways">"Ways to sign in"</h2></div>
            <ul class="rows">
                <li><div><strong>"Password"</strong><p class="muted small">{message}</p></div></li>
                {microsoft.map(|(message, action)| view! {
                    <li>
                        <div><strong>"Microsoft"</strong><p class="muted small">{message}</p></div>
                        <a class="btn btn-sm" href="/profile/microsoft">{action}</a>
                    </li>
                })}
            </ul>
        </section>
    }
}

/// The sessions of the user.
#[component]
fn Sessions(sessions: Vec<SessionRow>) -> impl IntoView {
    let has_others = sessions.len() > 1;
    let can_end = sessions.iter().any(SessionRow::is_revocable);
    let rows = sessions.into_iter().map(|session| view! { <SessionItem session=session /> });
    view! {
        <section class="card" aria-labelledby="sessions">
            <div class="card-head">
                <h2 class="section-title" id="sessions">"Sessions"</h2>
                {can_end.then(|| view! {
                    <form method="post" action="/do/end_other_sessions">
                        <button class="btn btn-sm">"Sign out everywhere else"</button>
                    </form>
                })}
            </div>
            <ul class="rows">{rows.collect_view()}</ul>
            {if has_others {
                view! {
                    <p class="muted small">
                        "Something here that is not you? " <a href="/change-password">"Change your password"</a>
                        ": it signs everybody else out."
                    </p>
                }
                .into_any()
            } else {
                view! { <p class="muted small">"You are signed in nowhere else."</p> }.into_any()
            }}
        </section>
    }
    .into_any()
}

/// A session, with the action to end it if the user may end it.
#[component]
fn SessionItem(session: SessionRow) -> impl IntoView {
    let browser = session.browser.clone();
    let is_revocable = session.is_revocable();
    view! {
        <li>
            <div>
                <p class="row"><strong>{session.browser}</strong>
                {session.is_current.then(|| view! { " " <span class="badge badge-dot badge-active">"This one"</span> })}
                {session.shared.then(|| view! { " " <span class="badge">"Shared computer"</span> })}
                {session.restricted.then(|| view! { " " <span class="badge badge-dot badge-waiting">"Temporary password"</span> })}
                </p>
                <p class="muted small">"From " <span class="num">{session.ip_address}</span></p>
                <p class="muted small">"Signed in " <UtcTime at=session.created_at /></p>
                <p class="muted small">"Last seen " <UtcTime at=session.last_seen /></p>
                {session.restricted.then(|| view! {
                    <p class="muted small">"It can only choose another password, and ends within a quarter of an hour."</p>
                })}
            </div>
            {is_revocable.then(|| view! {
                <form method="post" action="/do/end_session">
                    <input type="hidden" name="handle" value=session.public_id />
                    <button class="btn btn-sm">"Sign out"<span class="sr-only">{format!(" {browser}")}</span></button>
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
            view! { <strong>{row.description}</strong> }.into_any()
        } else {
            row.description.into_any()
        };
        let by = (!row.actor.is_empty()).then(|| format!(" by {}", row.actor));
        let from = (!row.ip_address.is_empty()).then(|| format!("From {}, ", row.ip_address));
        view! {
            <li><div>{description}{by}<p class="muted small">{from}<UtcTime at=row.at /></p></div></li>
        }
    });
    view! {
        <section class="card" aria-labelledby="history">
            <div class="card-head"><h2 class="section-title" id="history">"History"</h2></div>
            <ul class="rows">{rows.collect_view()}</ul>
            {is_truncated.then(|| view! {
                <p class="muted small">{format!("The latest {RECENT_ACTIVITY_LIMIT}. All of it is in the download below.")}</p>
            })}
        </section>
    }
    .into_any()
}

/// The links to download the data and to delete the account.
#[component]
fn YourData() -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="data">
            <div class="card-head"><h2 class="section-title" id="data">"My data"</h2></div>
            <p class="muted small">"Download everything the portal keeps about you in one file, or delete your account for good."</p>
            <div class="card-foot row">
                <a class="btn" href="/profile/data.json" download>"Download my data"</a>
                <a class="btn btn-danger" href="/profile/delete">"Delete my account"</a>
            </div>
        </section>
    }
}
