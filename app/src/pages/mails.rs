//! `/admin/mail`: the mails that were given up.

use leptos::prelude::*;

use super::admin::DeskTabs;
use super::error_page::{Broken, broken};
use super::frame::{House, Part, Refused};
use super::request::PageRequest;
use crate::backend::queries::mails::read_given_up;
use crate::components::icon::{Icon, IconName};
use crate::domain::time::utc_text;
use crate::domain::view::GivenUpMail;

/// The page.
#[component]
pub fn MailsPage() -> impl IntoView {
    let request = PageRequest::get()?;
    if request.administrator().is_none() {
        return Some(view! { <Broken status=403 fault=None /> }.into_any());
    }
    Some(
        view! {
            <Suspense>
                {Suspend::new(async move {
                    match read_given_up(&request.backend).await {
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
fn Mails(request: PageRequest, mails: Vec<GivenUpMail>) -> impl IntoView {
    let count = u64::try_from(mails.len()).unwrap_or(0);
    let lead = "Mails that no server would take. Sending one again makes new links.".to_owned();
    let empty = mails.is_empty();
    view! {
        <House request=request.clone() title="Mail".to_owned() lead=lead part=Part::Desk narrow=false>
            <div class="stack">
                <DeskTabs present="mail" given_up=count />
                <Refused request=request />
                <div class="list">
                    {empty.then(|| view! {
                        <div class="empty">
                            <Icon name=IconName::MailCheck />
                            <h2 class="empty-title">"No mail was given up"</h2>
                            <p>"What a mail server refuses, or can't be delivered for a day, appears here."</p>
                        </div>
                    })}
                    {mails.into_iter().map(|mail| view! { <Mail mail=mail /> }).collect_view()}
                </div>
            </div>
        </House>
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
                <form method="post" action="/do/resend_mail">
                    <input type="hidden" name="id" value=mail.id />
                    <button class="btn btn-sm">
                        <Icon name=IconName::RotateCcw />"Send again"
                        <span class="sr-only">{format!(" to {}", mail.recipient)}</span>
                    </button>
                </form>
            </div>
        </article>
    }
}
