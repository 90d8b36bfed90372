//! The facts about one pending registration.
//!
//! # Guarantees
//!
//! - The words of applicants and administrators are quoted, below the facts of the portal, so that they cannot be taken for facts.

use leptos::prelude::*;

use crate::islands::relative_time::UtcTime;
use crate::pages::admin::users_url::UsersUrl;
use crate::pages::page_request::PageRequest;
use crate::pages::rendered::{IntoRendered as _, Rendered};
use backend::admin::queue::find_facts;
use domain::decision::QueueFilter;
use domain::queue::{AskedQuestion, Counted, EarlierDecision, QueueRow};
use domain::status::{PublicStatus, UserId};
use domain::view_models::UserRow;

/// Reads the facts about the registration of the account `id` and the decisions about it, and renders their card. Returns `None` for
/// an account without any.
pub async fn registration_card(request: &PageRequest, id: UserId) -> Option<Rendered> {
    let current_user = request.administrator()?.user_id;
    // The facts are optional here. The queue reports a failed query.
    let row = find_facts(&request.backend, current_user, id).await.ok().flatten()?;
    let has_facts =
        is_waiting(&row.user) || row.answer.is_some() || !row.asked.is_empty() || !row.earlier.is_empty();
    has_facts.then(|| {
        view! {
            <section class="card card-border border-base-300 bg-base-100" aria-labelledby="registration-title">
                <div class="card-body gap-4 max-md:p-4">
                    <h2 class="card-title text-base" id="registration-title">"Registration and decisions"</h2>
                    <Facts row=row />
                </div>
            </section>
        }
        .rendered()
    })
}

fn is_waiting(user: &UserRow) -> bool {
    matches!(user.status, PublicStatus::Pending | PublicStatus::Held)
}

/// The words of a person.
#[component]
fn Quote(text: String) -> impl IntoView {
    view! {
        <blockquote class="mt-1 w-0 min-w-full overflow-clip border-s-4 border-base-300 ps-3 whitespace-pre-line" dir="auto">{text}</blockquote>
    }
}

/// The facts about a registration: its origin, earlier decisions about the same email address, and its answers.
#[component]
pub fn Facts(
    /// The registration.
    row: QueueRow,
) -> impl IntoView {
    let is_waiting = is_waiting(&row.user);
    let domain = is_waiting.then_some(QueueFilter::Domain(row.domain));
    let client = row.client_ip.filter(|_| is_waiting).map(QueueFilter::ClientIp);
    let unconfirmed = is_waiting && !row.user.confirmed;
    view! {
        <ul class="flex min-w-0 flex-col gap-2 text-sm wrap-anywhere">
            {unconfirmed.then(|| view! {
                <li class="text-muted">"The email address is not confirmed, so it may belong to someone else."</li>
            })}
            {row.user.disputed_at.map(|at| view! {
                <li>"The owner of this email address says that they did not register. " <UtcTime at=at /></li>
            })}
            {domain.map(|domain| view! { <li><SameKind filter=domain others=row.same_domain /></li> })}
            {client.map(|client| view! { <li>"From IP address " <SameKind filter=client others=row.same_client /></li> })}
            {(is_waiting && !row.user.has_password).then(|| view! { <li>"Signs in with Microsoft."</li> })}
            {row.earlier.into_iter().map(|earlier| view! { <Earlier earlier=earlier user_id=row.user.id /> }).collect_view()}
            {row.question.zip(row.answer).map(|(question, answer)| view! {
                <li><span class="text-muted">{question}</span><Quote text=answer /></li>
            })}
            {row.asked.into_iter().map(|asked| view! { <Asked asked=asked /> }).collect_view()}
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
            <Quote text=asked.question />
            {match asked.answer {
                Some(answer) => view! {
                    <span class="text-muted">"Answered " {asked.answered_at.map(|at| view! { <UtcTime at=at /> })}</span>
                    <Quote text=answer />
                }
                .rendered(),
                None => view! { <span class="text-muted">"No answer yet."</span> }.rendered(),
            }}
        </li>
    }
}

/// An earlier decision about the account `user_id`, or about another one with the same email address.
#[component]
fn Earlier(earlier: EarlierDecision, user_id: UserId) -> impl IntoView {
    let by = earlier.by.map(|by| format!(" by {by}"));
    let account = match earlier.account {
        Some((id, _)) if id == user_id => ().rendered(),
        Some((id, username)) => {
            view! { "Account " <a href=format!("/admin/users/{id}")>{username}</a> ": " }.rendered()
        }
        None => "A deleted account with this email address: ".rendered(),
    };
    view! {
        <li>
            {account} {earlier.outcome.message()} {by} " " <UtcTime at=earlier.at />
            {earlier.reason.map(|reason| view! { <p class="text-muted">"Reason:"</p><Quote text=reason /> })}
            {earlier.note.map(|note| view! { <p class="text-muted">"Note:"</p><Quote text=note /> })}
        </li>
    }
}
