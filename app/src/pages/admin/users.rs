//! `/admin`: the lists of pending registrations and of all users.

use leptos::prelude::*;

use crate::components::alert::WarningAlert;
use crate::http::escape;
use crate::islands::admin_users::UserLists;
use crate::pages::error_page::{ErrorPage, internal_error_page};
use crate::pages::layouts::{FlashError, NavSection, SignedInLayout};
use crate::pages::page_request::{PageRequest, query};
use backend::admin::users::{UsersCursor, read_users_page};
use domain::time::{Timestamp, rfc3339, utc_date, utc_text};
use domain::view_models::UsersPageView;

/// The page with the lists of users.
#[component]
pub fn UsersPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let Some(current_user) = request.administrator().map(|current_user| current_user.user_id) else {
        return Some(view! { <ErrorPage status=403 reference=None /> }.into_any());
    };
    let cursor = UsersCursor { pending_after: list_cursor("waiting"), users_after: list_cursor("after") };
    Some(
        view! {
            <Suspense>
                {Suspend::new(async move {
                    match read_users_page(&request.backend, current_user, &cursor).await {
                        Ok(lists) => view! { <Users request=request lists=lists cursor=cursor /> }.into_any(),
                        Err(error) => internal_error_page(&error),
                    }
                })}
            </Suspense>
        }
        .into_any(),
    )
}

/// The content of the page: the tabs, warnings for operators and the lists.
#[component]
fn Users(request: PageRequest, lists: UsersPageView, cursor: UsersCursor) -> impl IntoView {
    let next_pending = users_page_url(lists.pending.next.as_ref(), cursor.users_after.as_ref());
    let next_users = users_page_url(cursor.pending_after.as_ref(), lists.users.next.as_ref());
    let next_pending =
        if lists.pending.next.is_some() { format!("{next_pending}#waiting") } else { String::new() };
    let next_users = if lists.users.next.is_some() { format!("{next_users}#people") } else { String::new() };
    let page_url = users_page_url(cursor.pending_after.as_ref(), cursor.users_after.as_ref());
    let proxy_warning = request.context.untrusted_proxy.then_some(
        "We may not be seeing visitors' real IP addresses, so everyone may share one limit on attempts. Ask \
         the person who runs this server to check the portal's log.",
    );
    let now = request.backend.now();
    let microsoft = request.settings().microsoft.as_ref();
    let secret_warning = microsoft
        .filter(|microsoft| microsoft.secret_warning(now).is_some())
        .and_then(|microsoft| microsoft.secret_expires_at)
        .map(|expires_at| secret_message(expires_at, now));
    view! {
        <SignedInLayout request=request.clone() title="People".to_owned() lead="Pending registrations and all accounts.".to_owned() section=NavSection::Admin narrow=false>
            <div class="flex flex-col gap-6">
                <div class="flex flex-wrap-reverse items-center justify-between gap-x-4 gap-y-2 border-b border-base-300">
                    <AdminTabs current="people" failed_count=lists.failed_emails />
                    <p class="text-sm text-muted">
                        "Last updated " <time datetime=rfc3339(lists.read_at)>{utc_text(lists.read_at)}</time>
                    </p>
                </div>
                <FlashError request=request />
                {proxy_warning.map(|message| view! { <WarningAlert message=message.to_owned() /> })}
                {secret_warning.map(|message| view! { <WarningAlert message=message /> })}
                <UserLists
                    pending=lists.pending
                    users=lists.users
                    page=page_url
                    next_pending=next_pending
                    next_users=next_users
                />
            </div>
        </SignedInLayout>
    }
}

/// Returns the warning about the client secret, in words for administrators. The log has the one for operators.
fn secret_message(expires_at: Timestamp, now: Timestamp) -> String {
    let day = utc_date(expires_at);
    if expires_at <= now {
        format!(
            "The portal's access to Microsoft expired on {day}. Sign-in with Microsoft no longer works, and emails through \
             Microsoft are not sent. Ask the person who runs this server to renew the client secret."
        )
    } else {
        format!(
            "The portal's access to Microsoft expires on {day}. Before that, ask the person who runs this server to renew the \
             client secret."
        )
    }
}

/// The maximum length of a cursor in characters. It exceeds the length of every name, including imported names.
const MAX_CURSOR_LENGTH: usize = 128;

/// Returns a list cursor from the query string, truncated, because each row repeats it.
fn list_cursor(parameter: &str) -> Option<String> {
    query(parameter).map(|cursor| cursor.chars().take(MAX_CURSOR_LENGTH).collect())
}

/// Returns the URL of the page with the cursors of its two lists.
fn users_page_url(pending_after: Option<&String>, users_after: Option<&String>) -> String {
    let pending = pending_after.map(|at| format!("waiting={}", escape(at)));
    let users = users_after.map(|at| format!("after={}", escape(at)));
    let query: Vec<String> = pending.into_iter().chain(users).collect();
    if query.is_empty() { "/admin".to_owned() } else { format!("/admin?{}", query.join("&")) }
}

/// The tabs of the admin pages, as links.
#[component]
pub fn AdminTabs(
    /// The current tab: `people` or `email`.
    current: &'static str,
    /// The number of failed emails.
    failed_count: u64,
) -> impl IntoView {
    let aria_current = move |tab: &str| (current == tab).then_some("page");
    let class = if failed_count > 0 {
        "badge badge-primary rounded-full px-2"
    } else {
        "badge badge-soft rounded-full px-2"
    };
    view! {
        <nav class="tabs tabs-border font-semibold" aria-label="Admin">
            <a class="tab not-aria-[current=page]:text-muted" href="/admin" aria-current=aria_current("people")>"People"</a>
            <a class="tab gap-2 not-aria-[current=page]:text-muted" href="/admin/mail" aria-current=aria_current("email")>
                "Email " <span class=class>{failed_count}<span class="sr-only">" failed"</span></span>
            </a>
        </nav>
    }
}
