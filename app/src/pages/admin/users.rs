//! `/admin`: the lists of pending registrations and of all users.

use leptos::prelude::*;

use crate::components::alert::{ErrorAlert, WarningAlert};
use crate::islands::admin_lists::AdminLists;
use crate::islands::relative_time::RelativeTimes;
use crate::pages::admin::accounts::AccountList;
use crate::pages::admin::list_dialogs::ListDialogs;
use crate::pages::admin::queue::Queue;
use crate::pages::admin::recent_decisions::{
    BatchResult, DecisionsView, RecentDecisions, read_decisions, seconds_to_undo,
};
use crate::pages::admin::users_url::UsersUrl;
use crate::pages::error_page::{ErrorPage, internal_error_page};
use crate::pages::layouts::{FlashError, NavSection, SignedInLayout};
use crate::pages::page_request::PageRequest;
use crate::pages::rendered::IntoRendered as _;
use backend::admin::overdue_emails::OVERDUE_AFTER;
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
    let url = UsersUrl::read();
    let cursor =
        UsersCursor { pending_after: url.pending_after.clone(), users_after: url.users_after.clone() };
    Some(
        view! {
            <Suspense>
                {Suspend::new(async move {
                    let filter = url.filter.as_ref();
                    let lists = read_users_page(&request.backend, current_user, filter, &cursor).await;
                    let decisions = read_decisions(&request, current_user).await;
                    match lists.and_then(|lists| Ok((lists, decisions?))) {
                        Ok((lists, decisions)) => view! {
                            <Users request=request lists=lists decisions=decisions url=url />
                        }
                        .into_any(),
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
fn Users(
    request: PageRequest,
    lists: UsersPageView,
    decisions: DecisionsView,
    url: UsersUrl,
) -> impl IntoView {
    let next_users = lists.users.next.as_ref().map(|next| url.with_users_after(next));
    let undo_window = request.settings().undo_window;
    let page = url.to_string();
    let field_error = request.errors().fields.first().map(|error| error.code.message());
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
    let can_approve_unconfirmed = !request.settings().require_confirmed_email;
    let undo_seconds = seconds_to_undo(&decisions.recent, decisions.now);
    let undo_until = decisions.report.as_ref().and_then(|report| decisions.undo_until(&report.batch));
    let overdue = (lists.overdue_emails > 0).then(|| overdue_message(lists.overdue_emails));
    let (failed_count, read_at) = (lists.failed_emails, lists.read_at);
    let lists = view! {
        <nav class="flex flex-wrap gap-x-6 text-sm" id="on-this-page" aria-label="On this page" data-live>
            {(!decisions.recent.is_empty()).then(|| view! {
                <a class="link py-2" href="#recent-title" data-seconds=undo_seconds.to_string()>"Recent decisions"</a>
            })}
            <a class="link py-2" href="#people-title">"All accounts"</a>
        </nav>
        <div class="flex flex-col gap-6 empty:hidden" id="results" data-live>
            <FlashError request=request.clone() />
            {field_error.map(|message| view! { <ErrorAlert message=message /> })}
            {decisions.report.map(|report| view! {
                <BatchResult
                    report=report
                    texts=decisions.texts
                    undo_until=undo_until
                    can_approve_unconfirmed=can_approve_unconfirmed
                    page=page.clone()
                    now=decisions.now
                />
            })}
        </div>
        <Queue request=request.clone() queue=lists.queue url=url read_at=lists.read_at />
        <div id="recent" class="empty:hidden" data-live><RecentDecisions decisions=decisions.recent page=page now=decisions.now /></div>
        <AccountList users=lists.users next=next_users />
        <ListDialogs undo_window=undo_window />
    }
    .rendered();
    view! {
        <SignedInLayout request=request title="People".to_owned() lead="Pending registrations and all accounts.".to_owned() section=NavSection::Admin narrow=false>
            <div class="flex flex-col gap-6">
                <div class="flex flex-wrap-reverse items-center justify-between gap-x-4 gap-y-2 border-b border-base-300">
                    <AdminTabs current="people" failed_count=failed_count />
                    <p class="text-sm text-muted">
                        "Last updated " <time datetime=rfc3339(read_at)>{utc_text(read_at)}</time>
                    </p>
                </div>
                {proxy_warning.map(|message| view! { <WarningAlert message=message.to_owned() /> })}
                {overdue.map(|message| view! { <WarningAlert message=message /> })}
                {secret_warning.map(|message| view! { <WarningAlert message=message /> })}
                <AdminLists>{lists}</AdminLists>
                <RelativeTimes />
            </div>
        </SignedInLayout>
    }
}

/// Returns the warning about emails that should have been sent.
fn overdue_message(count: u64) -> String {
    let minutes = OVERDUE_AFTER.as_secs() / 60;
    let emails = if count == 1 { "1 email is".to_owned() } else { format!("{count} emails are") };
    format!(
        "{emails} overdue by more than {minutes} minutes. If this does not change, tell the person who runs this server."
    )
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

/// The tabs of the admin pages, as links.
#[component]
pub fn AdminTabs(
    /// The current tab: `people`, `email` or `reasons`.
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
            <a class="tab not-aria-[current=page]:text-muted" href="/admin/reasons" aria-current=aria_current("reasons")>"Reasons"</a>
        </nav>
    }
}
