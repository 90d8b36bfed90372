//! The facts about one pending registration.

use leptos::prelude::*;

use crate::islands::relative_time::UtcTime;
use crate::pages::admin::users_url::UsersUrl;
use domain::decision::QueueFilter;
use domain::queue::{AskedQuestion, Counted, EarlierDecision, QueueRow};

/// The facts about a registration: its origin, its answers, and earlier decisions about the same email address.
#[component]
pub fn Facts(
    /// The registration.
    row: QueueRow,
) -> impl IntoView {
    let domain = QueueFilter::Domain(row.domain);
    let client = row.client_ip.map(QueueFilter::ClientIp);
    let unconfirmed = !row.user.confirmed;
    view! {
        <ul class="flex min-w-0 flex-col gap-2 text-sm wrap-anywhere">
            {unconfirmed.then(|| view! {
                <li class="text-muted">"The email address is not confirmed, so it may belong to someone else."</li>
            })}
            {row.user.disputed_at.map(|at| view! {
                <li>"The owner of this email address says that they did not register. " <UtcTime at=at /></li>
            })}
            <li><SameKind filter=domain others=row.same_domain /></li>
            {client.map(|client| view! { <li>"From IP address " <SameKind filter=client others=row.same_client /></li> })}
            {(!row.user.has_password).then(|| view! { <li>"Signs in with Microsoft."</li> })}
            {row.question.zip(row.answer).map(|(question, answer)| view! {
                <li><span class="text-muted">{question}</span><p class="whitespace-pre-line">{answer}</p></li>
            })}
            {row.asked.into_iter().map(|asked| view! { <Asked asked=asked /> }).collect_view()}
            {row.earlier.into_iter().map(|earlier| view! { <Earlier earlier=earlier /> }).collect_view()}
        </ul>
    }
}

/// A domain or an IP address, and the number of other pending registrations with it. Both are a link that filters the queue.
#[component]
fn SameKind(filter: QueueFilter, others: Counted) -> impl IntoView {
    let text = match &filter {
        QueueFilter::Domain(domain) => domain.clone(),
        QueueFilter::ClientIp(client_ip) => client_ip.clone(),
    };
    let count = match others.count {
        0 => "no others pending".to_owned(),
        1 if !others.more => "1 other pending".to_owned(),
        _ => format!("{} others pending", others.text()),
    };
    view! { <a href=UsersUrl::of(filter).to_string()>{text}</a> <span class="text-muted">{format!(" – {count}")}</span> }
}

/// A question of an administrator, with the answer.
#[component]
fn Asked(asked: AskedQuestion) -> impl IntoView {
    let by = asked.asked_by.unwrap_or_else(|| "An administrator".to_owned());
    view! {
        <li>
            <span class="text-muted">{by} " asked " <UtcTime at=asked.asked_at /></span>
            <p class="whitespace-pre-line">{asked.question}</p>
            {match asked.answer {
                Some(answer) => view! {
                    <span class="text-muted">"Answered " {asked.answered_at.map(|at| view! { <UtcTime at=at /> })}</span>
                    <p class="whitespace-pre-line">{answer}</p>
                }
                .into_any(),
                None => view! { <span class="text-muted">"No answer yet."</span> }.into_any(),
            }}
        </li>
    }
}

/// An earlier decision about the same email address.
#[component]
fn Earlier(earlier: EarlierDecision) -> impl IntoView {
    let by = earlier.by.map(|by| format!(" by {by}"));
    let account = match earlier.account {
        Some((id, username)) => {
            view! { "Account " <a href=format!("/admin/users/{id}")>{username}</a> ": " }.into_any()
        }
        None => "A deleted account with this email address: ".into_any(),
    };
    view! {
        <li>
            {account} {earlier.outcome.message()} {by} " " <UtcTime at=earlier.at />
            {earlier.reason.map(|reason| view! { <p class="whitespace-pre-line"><span class="text-muted">"Reason: "</span>{reason}</p> })}
            {earlier.note.map(|note| view! { <p class="whitespace-pre-line"><span class="text-muted">"Note: "</span>{note}</p> })}
        </li>
    }
}
