//! `/admin/mail`: the emails that could not be sent.

use leptos::prelude::*;

use super::admin::DeskTabs;
use super::error_page::{Broken, broken};
use super::frame::{House, Part, Refused};
use super::request::{PageRequest, query};
use crate::backend::queries::mails::read_mails;
use crate::backend::resend::RESENT_AT_ONCE;
use crate::components::icon::{Icon, IconName};
use crate::components::notice::Warning;
use crate::domain::time::utc_text;
use crate::domain::view::{DelayedMails, GivenUpMail, MailsView};

/// The page.
#[component]
pub fn MailsPage() -> impl IntoView {
    let request = PageRequest::get()?;
    if request.administrator().is_none() {
        return Some(view! { <Broken status=403 fault=None /> }.into_any());
    }
    let before = query("before").and_then(|before| before.parse().ok());
    Some(
        view! {
            <Suspense>
                {Suspend::new(async move {
                    match read_mails(&request.backend, before).await {
                        Ok(mails) => view! { <Mails request=request mails=mails /> }.into_any(),
                        Err(failure) => broken(&failure),
                    }
                })}
            </Suspense>
        }
        .into_any(),
    )
}

#[component]
fn Mails(request: PageRequest, mails: MailsView) -> impl IntoView {
    let MailsView { delayed, failed } = mails;
    let lead = "These emails could not be sent. Confirmation links, sign-in links and temporary passwords are replaced when you send an email again."
        .to_owned();
    let empty = failed.total == 0;
    let can_send_all = delayed.is_some() || !empty;
    let send_all = if failed.total > RESENT_AT_ONCE {
        format!("Send {RESENT_AT_ONCE} emails again")
    } else {
        "Send all emails again".to_owned()
    };
    let next = failed.next.map(|before| format!("/admin/mail?before={before}"));
    view! {
        <House request=request.clone() title="Mail".to_owned() lead=lead part=Part::Desk narrow=false>
            <div class="stack">
                <DeskTabs present="mail" given_up=failed.total />
                <Refused request=request />
                {delayed.map(|delayed| view! { <Warning words=delayed_words(&delayed) /> })}
                {can_send_all.then(|| view! {
                    <form method="post" action="/do/resend_all_mails">
                        <button class="btn"><Icon name=IconName::RotateCcw />{send_all}</button>
                    </form>
                })}
                <div class="list">
                    {empty.then(|| view! {
                        <div class="empty">
                            <Icon name=IconName::MailCheck />
                            <h2 class="empty-title">"No failed emails"</h2>
                            <p>"An email appears here if the mail server refuses the recipient, or if attempts fail for about a day."</p>
                        </div>
                    })}
                    {failed.rows.into_iter().map(|mail| view! { <Mail mail=mail /> }).collect_view()}
                </div>
                {next.map(|next| view! { <p><a class="btn btn-sm" href=next>"Older failed emails"</a></p> })}
            </div>
        </House>
    }
}

fn delayed_words(delayed: &DelayedMails) -> String {
    let (since, reason) = (utc_text(delayed.since), &delayed.reason);
    match delayed.count {
        1 => format!("1 email has not been sent yet. It was written on {since}. Its last error: {reason}"),
        count => format!(
            "{count} emails have not been sent yet. The oldest email was written on {since}. Its last error: {reason}"
        ),
    }
}

#[component]
fn Mail(mail: GivenUpMail) -> impl IntoView {
    let tries = if mail.attempts == 1 { "1 try".to_owned() } else { format!("{} tries", mail.attempts) };
    view! {
        <article class="mail">
            <div class="row row-apart">
                <div>
                    <h2 class="mail-subject">{mail.kind}</h2>
                    <p class="mail-meta">
                        "To " {mail.recipient.clone()} ", written " {utc_text(mail.written)} ", given up after " {tries}
                    </p>
                    <p class="mail-meta">{mail.reason}</p>
                </div>
                <form class="row" method="post" action="/do/resend_mail">
                    <input type="hidden" name="id" value=mail.id />
                    <button class="btn btn-sm">
                        <Icon name=IconName::RotateCcw />"Send again"
                        <span class="sr-only">{format!(" to {}", mail.recipient)}</span>
                    </button>
                    <button class="btn btn-sm" formaction="/do/dismiss_mail">
                        "Dismiss email"
                        <span class="sr-only">{format!(" to {}", mail.recipient)}</span>
                    </button>
                </form>
            </div>
        </article>
    }
}
