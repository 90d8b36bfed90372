//! `/profile`: who one is, how one signs in, where one is signed in, and what was done to the account.

use std::sync::Arc;

use leptos::prelude::*;

use super::error_page::broken;
use super::frame::{House, Part, Refused};
use super::request::PageRequest;
use crate::backend::error::Failure;
use crate::backend::queries::profile::{Account, HISTORY, Lists};
use crate::backend::sessions::Viewer;
use crate::components::address::MailAddress;
use crate::components::badge::{AddressBadge, RoleBadge, StatusBadge};
use crate::components::icon::{Icon, IconName};
use crate::domain::status::PublicStatus;
use crate::domain::view::{HistoryRow, SessionRow};
use crate::islands::times::{LiveTimes, Time};

/// The page.
#[component]
pub fn ProfilePage() -> impl IntoView {
    let request = PageRequest::get()?;
    let viewer = request.viewer().cloned()?;
    // It came with its reader.
    let Some(account) = request.caller.account.clone() else {
        return Some(broken(&Failure::Data("a profile without its account")));
    };
    Some(view! { <Profile request=request viewer=viewer account=Arc::unwrap_or_clone(account) /> }.into_any())
}

#[component]
fn Profile(request: PageRequest, viewer: Viewer, account: Account) -> impl IntoView {
    let Account { lists: Lists { sessions, history }, microsoft } = account;
    let microsoft = match (&request.backend.microsoft, microsoft) {
        (None, _) => Microsoft::Off,
        (Some(_), None) => Microsoft::NotLinked,
        (Some(_), Some(label)) => Microsoft::Linked(label),
    };
    view! {
        <House request=request.clone() title="Profile".to_owned() lead=String::new() part=Part::Profile narrow=true>
            <div class="stack">
                <Refused request=request />
                <WhoIAm viewer=viewer.clone() />
                <PasswordCard viewer=viewer.clone() />
                <WaysToSignIn viewer=viewer microsoft=microsoft />
                <Sessions sessions=sessions />
                <History history=history />
                <MyData />
            </div>
            <LiveTimes />
        </House>
    }
}

#[component]
fn WhoIAm(viewer: Viewer) -> impl IntoView {
    let confirmed = viewer.email_confirmed_at.is_some();
    view! {
        <section class="card" aria-labelledby="who">
            <div class="card-head">
                <h2 class="section-title" id="who">"Who I am"</h2>
                <span class="badges"><StatusBadge status=PublicStatus::Active /><RoleBadge role=viewer.role /></span>
            </div>
            <dl class="facts">
                <div><dt>"Username"</dt><dd>{viewer.username}</dd></div>
                <div><dt>"Email address"</dt><dd><MailAddress address=viewer.email /> " " <AddressBadge confirmed=confirmed /></dd></div>
                <div><dt>"Role"</dt><dd>{viewer.role.words()}</dd></div>
                <div><dt>"Member since"</dt><dd><Time at=viewer.registered /></dd></div>
                <div><dt>"Last sign-in"</dt><dd><Time at=viewer.last_sign_in /></dd></div>
            </dl>
            <div class="card-foot row">
                <a class="btn" href="/profile/address">"Change address"</a>
                {(!confirmed).then(|| view! {
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

#[component]
fn PasswordCard(viewer: Viewer) -> impl IntoView {
    let (words, label) = if viewer.has_password {
        ("Changing it signs you out everywhere else.", "Change password")
    } else {
        ("You have none yet.", "Set a password")
    };
    view! {
        <section class="card" aria-labelledby="password">
            <div class="card-head"><h2 class="section-title" id="password">"Password"</h2></div>
            <div class="row row-apart">
                <p class="muted small">{words}</p>
                <a class="btn" href="/change-password">{label}</a>
            </div>
        </section>
    }
}

/// How the viewer stands with Microsoft.
enum Microsoft {
    /// It is not set up here.
    Off,
    /// No account there is linked.
    NotLinked,
    /// The one that is called so.
    Linked(String),
}

#[component]
fn WaysToSignIn(viewer: Viewer, microsoft: Microsoft) -> impl IntoView {
    let by_address = viewer.email_confirmed_at.is_some();
    let words = match (viewer.has_password, by_address) {
        (true, true) => "With your username or your email address.",
        (true, false) => "With your username. Once your address is confirmed, it works too.",
        (false, _) => "You have none yet.",
    };
    let microsoft = match microsoft {
        Microsoft::Off => None,
        Microsoft::NotLinked => Some(("Not linked.".to_owned(), "Link Microsoft")),
        Microsoft::Linked(label) => Some((label, "Unlink Microsoft")),
    };
    view! {
        <section class="card" aria-labelledby="ways">
            <div class="card-head"><h2 class="section-title" id="ways">"Ways to sign in"</h2></div>
            <ul class="rows">
                <li><div><strong>"Password"</strong><p class="muted small">{words}</p></div></li>
                {microsoft.map(|(words, action)| view! {
                    <li>
                        <div><strong>"Microsoft"</strong><p class="muted small">{words}</p></div>
                        <a class="btn btn-sm" href="/profile/microsoft">{action}</a>
                    </li>
                })}
            </ul>
        </section>
    }
}

#[component]
fn Sessions(sessions: Vec<SessionRow>) -> impl IntoView {
    let others = sessions.len() > 1;
    let can_end = sessions.iter().any(SessionRow::can_be_ended);
    let rows = sessions.into_iter().map(|session| view! { <OneSession session=session /> });
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
            {if others {
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

#[component]
fn OneSession(session: SessionRow) -> impl IntoView {
    let browser = session.browser.clone();
    let can_be_ended = session.can_be_ended();
    view! {
        <li>
            <div>
                <p class="row"><strong>{session.browser}</strong>
                {session.is_this.then(|| view! { " " <span class="badge badge-dot badge-active">"This one"</span> })}
                {session.shared.then(|| view! { " " <span class="badge">"Shared computer"</span> })}
                {session.restricted.then(|| view! { " " <span class="badge badge-dot badge-waiting">"Temporary password"</span> })}
                </p>
                <p class="muted small">"From " <span class="num">{session.address}</span></p>
                <p class="muted small">"Signed in " <Time at=session.opened /></p>
                <p class="muted small">"Last seen " <Time at=session.last_seen /></p>
                {session.restricted.then(|| view! {
                    <p class="muted small">"It can only choose another password, and ends within a quarter of an hour."</p>
                })}
            </div>
            {can_be_ended.then(|| view! {
                <form method="post" action="/do/end_session">
                    <input type="hidden" name="handle" value=session.handle />
                    <button class="btn btn-sm">"Sign out"<span class="sr-only">{format!(" {browser}")}</span></button>
                </form>
            })}
        </li>
    }
}

#[component]
fn History(history: Vec<HistoryRow>) -> impl IntoView {
    let full = u64::try_from(history.len()).is_ok_and(|count| count >= HISTORY);
    let rows = history.into_iter().map(|row| {
        // What changed the account stands out among the comings and goings.
        let what = if row.is_change {
            view! { <strong>{row.what}</strong> }.into_any()
        } else {
            row.what.into_any()
        };
        let by = (!row.by.is_empty()).then(|| format!(" by {}", row.by));
        let from = (!row.address.is_empty()).then(|| format!("From {}, ", row.address));
        view! {
            <li><div>{what}{by}<p class="muted small">{from}<Time at=row.at /></p></div></li>
        }
    });
    view! {
        <section class="card" aria-labelledby="history">
            <div class="card-head"><h2 class="section-title" id="history">"History"</h2></div>
            <ul class="rows">{rows.collect_view()}</ul>
            {full.then(|| view! {
                <p class="muted small">{format!("The latest {HISTORY}. All of it is in the download below.")}</p>
            })}
        </section>
    }
    .into_any()
}

#[component]
fn MyData() -> impl IntoView {
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
