//! `/admin/mail`: the failed and the delayed emails.

use leptos::prelude::*;

use crate::components::alert::WarningAlert;
use crate::components::icon::{Icon, IconName};
use crate::pages::admin::users::AdminTabs;
use crate::pages::error_page::{ErrorPage, internal_error_page};
use crate::pages::layouts::{FlashError, NavSection, SignedInLayout};
use crate::pages::page_request::{PageRequest, query};
use backend::admin::failed_emails::{MAX_RESENT, read_failed_emails_page};
use domain::time::utc_text;
use domain::view_models::{DelayedEmails, FailedEmail, FailedEmailsView};

/// The page with the list of failed emails.
#[component]
pub fn FailedEmailsPage() -> impl IntoView {
    let request = PageRequest::get()?;
    if request.administrator().is_none() {
        return Some(view! { <ErrorPage status=403 reference=None /> }.into_any());
    }
    let before = query("before").and_then(|before| before.parse().ok());
    Some(
        view! {
            <Suspense>
                {Suspend::new(async move {
                    match read_failed_emails_page(&request.backend, before).await {
                        Ok(emails) => view! { <FailedEmails request=request emails=emails /> }.into_any(),
                        Err(error) => internal_error_page(&error),
                    }
                })}
            </Suspense>
        }
        .into_any(),
    )
}

/// The content of the page: the delayed emails as a warning, and the list of failed emails.
#[component]
fn FailedEmails(request: PageRequest, emails: FailedEmailsView) -> impl IntoView {
    let FailedEmailsView { delayed, failed } = emails;
    let lead = "Emails that could not be delivered. If you send an email again, we replace its confirmation link, sign-in link or temporary password."
        .to_owned();
    let is_empty = failed.total.count == 0;
    let can_send_all = delayed.is_some() || !is_empty;
    let send_all = if failed.total.count > MAX_RESENT {
        format!("Send {MAX_RESENT} emails again")
    } else {
        "Send all emails again".to_owned()
    };
    let next_url = failed.next.map(|before| format!("/admin/mail?before={before}"));
    view! {
        <SignedInLayout request=request.clone() title="Failed emails".to_owned() lead=lead section=NavSection::Admin narrow=false>
            <div class="flex flex-col gap-6">
                <div class="border-b border-base-300"><AdminTabs current="email" failed_count=failed.total.count /></div>
                <FlashError request=request />
                {delayed.map(|delayed| view! { <WarningAlert message=delayed_message(&delayed) /> })}
                {can_send_all.then(|| view! {
                    <form method="post" action="/do/resend_all_mails">
                        <button class="btn border-line"><Icon name=IconName::RotateCcw />{send_all}</button>
                    </form>
                })}
                <div class="card card-border divide-y divide-base-300 border-base-300 bg-base-100">
                    {is_empty.then(|| view! {
                        <div class="flex flex-col items-center gap-1 px-6 py-12 text-center text-sm text-balance text-muted">
                            <span class="mb-2 text-2xl"><Icon name=IconName::MailCheck /></span>
                            <h2 class="text-base font-semibold text-base-content">"No failed emails"</h2>
                            <p>"Emails appear here if the mail server rejects the recipient, or if sending fails for about a day."</p>
                        </div>
                    })}
                    {failed.rows.into_iter().map(|email| view! { <FailedEmailItem email=email /> }).collect_view()}
                </div>
                {next_url.map(|url| view! { <p><a class="btn border-line" href=url>"Older failed emails"</a></p> })}
            </div>
        </SignedInLayout>
    }
}

/// Returns the warning about delayed emails.
fn delayed_message(delayed: &DelayedEmails) -> String {
    let (since, reason) = (utc_text(delayed.since), &delayed.reason);
    match delayed.count {
        1 => format!("1 email has not been sent yet. It was written on {since}. Its last error: {reason}"),
        count => format!(
            "{count} emails have not been sent yet. The oldest email was written on {since}. Its last error: {reason}"
        ),
    }
}

/// A failed email, with the actions to send it again or dismiss it.
#[component]
fn FailedEmailItem(email: FailedEmail) -> impl IntoView {
    let attempts =
        if email.attempts == 1 { "1 attempt".to_owned() } else { format!("{} attempts", email.attempts) };
    view! {
        <article class="flex flex-wrap items-center justify-between gap-x-4 gap-y-3 p-4">
            <div class="min-w-0 grow basis-60 text-sm wrap-anywhere text-muted">
                <h2 class="text-base font-semibold text-base-content">{email.kind}</h2>
                <p>
                    "To " {email.recipient.clone()} ", written " {utc_text(email.written)} ", failed after " {attempts}
                </p>
                {email.account.map(|(id, username)| view! {
                    <p>"Account: " <a class="link" href=format!("/admin/users/{id}")>{username}</a></p>
                })}
                <p>{email.reason}</p>
            </div>
            <form class="flex flex-wrap items-center gap-3" method="post" action="/do/resend_mail">
                <input type="hidden" name="id" value=email.id />
                <button class="btn border-line">
                    <Icon name=IconName::RotateCcw />"Send again"
                    <span class="sr-only">{format!(" to {}", email.recipient)}</span>
                </button>
                <button class="btn border-line" formaction="/do/dismiss_mail">
                    "Dismiss email"
                    <span class="sr-only">{format!(" to {}", email.recipient)}</span>
                </button>
            </form>
        </article>
    }
}
