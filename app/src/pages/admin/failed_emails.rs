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
    let lead = "These emails could not be sent. Confirmation links, sign-in links and temporary passwords are replaced when you send an email again."
        .to_owned();
    let is_empty = failed.total == 0;
    let can_send_all = delayed.is_some() || !is_empty;
    let send_all = if failed.total > MAX_RESENT {
        format!("Send {MAX_RESENT} emails again")
    } else {
        "Send all emails again".to_owned()
    };
    let next_url = failed.next.map(|before| format!("/admin/mail?before={before}"));
    view! {
        <SignedInLayout request=request.clone() title="Mail".to_owned() lead=lead section=NavSection::Admin narrow=false>
            <div class="stack">
                <AdminTabs current="mail" failed_count=failed.total />
                <FlashError request=request />
                {delayed.map(|delayed| view! { <WarningAlert message=delayed_message(&delayed) /> })}
                {can_send_all.then(|| view! {
                    <form method="post" action="/do/resend_all_mails">
                        <button class="btn"><Icon name=IconName::RotateCcw />{send_all}</button>
                    </form>
                })}
                <div class="list">
                    {is_empty.then(|| view! {
                        <div class="empty">
                            <Icon name=IconName::MailCheck />
                            <h2 class="empty-title">"No failed emails"</h2>
                            <p>"An email appears here if the mail server refuses the recipient, or if attempts fail for about a day."</p>
                        </div>
                    })}
                    {failed.rows.into_iter().map(|email| view! { <FailedEmailItem email=email /> }).collect_view()}
                </div>
                {next_url.map(|url| view! { <p><a class="btn btn-sm" href=url>"Older failed emails"</a></p> })}
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
    let attempts = if email.attempts == 1 { "1 try".to_owned() } else { format!("{} tries", email.attempts) };
    view! {
        <article class="mail">
            <div class="row row-apart">
                <div>
                    <h2 class="mail-subject">{email.kind}</h2>
                    <p class="mail-meta">
                        "To " {email.recipient.clone()} ", written " {utc_text(email.written)} ", given up after " {attempts}
                    </p>
                    <p class="mail-meta">{email.reason}</p>
                </div>
                <form class="row" method="post" action="/do/resend_mail">
                    <input type="hidden" name="id" value=email.id />
                    <button class="btn btn-sm">
                        <Icon name=IconName::RotateCcw />"Send again"
                        <span class="sr-only">{format!(" to {}", email.recipient)}</span>
                    </button>
                    <button class="btn btn-sm" formaction="/do/dismiss_mail">
                        "Dismiss email"
                        <span class="sr-only">{format!(" to {}", email.recipient)}</span>
                    </button>
                </form>
            </div>
        </article>
    }
}
