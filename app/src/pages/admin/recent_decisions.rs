//! Decisions on the list of people: those that can be undone, and the results of a decision about several people.

use leptos::prelude::*;

use crate::components::alert::WarningAlert;
use crate::pages::page_request::PageRequest;
use crate::pages::rendered::{IntoRendered as _, RenderedChildren};
use backend::admin::decisions::{describe_report, recent_decisions};
use backend::error::InternalError;
use domain::decision::{BatchReport, DecisionResult, FilteredQueue, RecentDecision, UndoTarget};
use domain::errors::{ErrorCode, Field};
use domain::status::UserId;
use domain::time::{Timestamp, ago, utc_time};

/// The decisions on the list of people.
#[derive(Clone, Debug)]
pub struct DecisionsView {
    /// The decisions that can be undone, the newest first.
    pub recent: Vec<RecentDecision>,
    /// The results of the decision about several people that the request follows.
    pub report: Option<BatchReport>,
    /// The texts of that decision, for its next part.
    pub texts: Vec<(Field, String)>,
    /// The current time.
    pub now: Timestamp,
}

impl DecisionsView {
    /// Returns the end of the time in which this batch can be undone, or `None` if it cannot be undone.
    pub fn undo_until(&self, batch: &str) -> Option<Timestamp> {
        let is_batch =
            |decision: &&RecentDecision| matches!(&decision.target, UndoTarget::Batch(id) if id == batch);
        self.recent.iter().find(is_batch).map(|decision| decision.undo_until)
    }
}

/// Reads the decisions for the list of people, as the administrator `current_user` sees them.
pub async fn read_decisions(
    request: &PageRequest,
    current_user: UserId,
) -> Result<DecisionsView, InternalError> {
    let mut report = request.flash().and_then(|flash| flash.report.clone());
    if let Some(report) = &mut report {
        report.people = describe_report(&request.backend, report, current_user).await?;
    }
    let recent = recent_decisions(&request.backend, current_user).await?;
    let texts = request.flash().map_or_else(Vec::new, |flash| flash.input.clone());
    Ok(DecisionsView { recent, report, texts, now: request.backend.now() })
}

/// The decisions that can be undone, each with its button. Renders nothing without decisions. Scripts remove each element with
/// `data-seconds` after that time.
#[component]
pub fn RecentDecisions(
    /// The decisions, the newest first.
    decisions: Vec<RecentDecision>,
    /// The page (path and query) to return to.
    page: String,
    /// The current time.
    now: Timestamp,
) -> impl IntoView {
    let seconds = seconds_to_undo(&decisions, now);
    let items: Vec<_> = decisions
        .into_iter()
        .map(|decision| {
            let (id, batch) = match &decision.target {
                UndoTarget::Decision(id) => (id.to_string(), String::new()),
                UndoTarget::Batch(batch) => (String::new(), batch.clone()),
            };
            let seconds = decision.undo_until.since(now).as_secs().to_string();
            let sentence = sentence(&decision, now);
            let subject = decision.action.noun(&people_text(&decision));
            view! {
                <li class="flex flex-wrap items-center justify-between gap-x-4 gap-y-2 py-3" data-seconds=seconds>
                    <p class="min-w-0 wrap-anywhere">
                        {sentence} " " <span class="text-muted">{deadline(&decision)}</span>
                    </p>
                    <UndoForm id=id batch=batch next=None page=page.clone()>
                        "Undo" <span class="sr-only">{format!(" {subject}")}</span>
                    </UndoForm>
                </li>
            }
        })
        .collect();
    (!items.is_empty()).then(|| {
        view! {
            <section class="flex flex-col gap-1" aria-labelledby="recent-title" data-seconds=seconds.to_string()>
                <h2 class="font-semibold" id="recent-title">"Recent decisions"</h2>
                <ul class="divide-y divide-base-300">{items}</ul>
            </section>
        }
    })
}

/// Returns the seconds until none of the decisions can be undone.
pub fn seconds_to_undo(decisions: &[RecentDecision], now: Timestamp) -> u64 {
    decisions.iter().map(|decision| decision.undo_until.since(now).as_secs()).max().unwrap_or_default()
}

/// Returns the decision as a sentence: "grace rejected 50 people 2 minutes ago."
fn sentence(decision: &RecentDecision, now: Timestamp) -> String {
    let by = match decision.decided_by.as_deref() {
        _ if decision.by_you => "You",
        Some(by) => by,
        None => "An administrator",
    };
    let ago = ago(now, decision.decided_at);
    format!("{by} {} {ago}.", decision.action.clause(&people_text(decision)))
}

/// Returns the name of the affected user, or the number of people of a batch.
fn people_text(decision: &RecentDecision) -> String {
    match decision.count {
        0 | 1 => decision.username.clone(),
        count => format!("{count} people"),
    }
}

/// Returns the end of the time for undoing, and the time at which the email is sent.
fn deadline(decision: &RecentDecision) -> String {
    let at = utc_time(decision.undo_until);
    match (decision.email, decision.count) {
        (true, 0 | 1) => format!("We'll send the email at {at}."),
        (true, _) => format!("We'll send the first email at {at}."),
        (false, _) => format!("You can undo this until {at}."),
    }
}

/// The next decisions of a batch to undo.
#[derive(Clone, Copy)]
struct NextUndoPart {
    /// The last id of the part before.
    after: i64,
    /// The number of decisions that remain.
    remaining: u64,
    /// The number of decisions of the parts before that were not undone.
    not_done: u32,
}

/// The form that undoes a decision, or the next decisions of a batch.
#[component]
fn UndoForm(
    /// The id of the decision. Empty for a batch.
    id: String,
    /// The id of the batch.
    batch: String,
    /// The next part of a batch.
    next: Option<NextUndoPart>,
    /// The page to return to.
    page: String,
    /// The label of the button.
    children: RenderedChildren,
) -> impl IntoView {
    // A script shows the result of one decision as a toast, and that of a batch on the page.
    let act = if batch.is_empty() { "" } else { "page" };
    view! {
        <form
            method="post"
            action="/do/undo_decision"
            id=next.map(|_| "continue")
            data-act=act
            data-remaining=next.map(|next| next.remaining.to_string())
        >
            <input type="hidden" name="id" value=id />
            <input type="hidden" name="batch" value=batch />
            <input type="hidden" name="after" value=next.map(|next| next.after.to_string()).unwrap_or_default() />
            <input type="hidden" name="not_done" value=next.map(|next| next.not_done.to_string()).unwrap_or_default() />
            <input type="hidden" name="from" value=page />
            <button class="btn border-line" data-key=next.is_none().then_some("u")>{children.render()}</button>
        </form>
    }
}

/// The hint below the number of people who were approved, if the email addresses of some are not confirmed.
const APPROVE_UNCONFIRMED: &str = "To approve people whose email address is not confirmed, select them again, and select \
    “Approve even if the email address is not confirmed”.";

/// The class that hides an element while scripts continue with the next part by themselves. Meanwhile, a toast shows the progress.
const HIDDEN_MEANWHILE: &str = "[body:has(#toasts_progress)_&]:hidden";

/// The results of a decision about several people, or of undoing it, with the button for the next part.
#[component]
pub fn BatchResult(
    /// The report.
    report: BatchReport,
    /// The texts of the decision, for its next part.
    texts: Vec<(Field, String)>,
    /// The end of the time in which the decisions can be undone, or `None` if they cannot be undone.
    undo_until: Option<Timestamp>,
    /// True if people whose email address is not confirmed can be approved.
    can_approve_unconfirmed: bool,
    /// The page (path and query) to return to.
    page: String,
    /// The current time.
    now: Timestamp,
) -> impl IntoView {
    let done = report.before.saturating_add(report.count(DecisionResult::Done) as u64);
    let total = done.saturating_add(report.not_done().into());
    let rows = report.people.iter().map(|person| {
        let name = if person.username.is_empty() { "A deleted account" } else { &person.username };
        let (name, message) = (name.to_owned(), person.message(report.action, report.undo, now));
        view! { <li class="py-2 wrap-anywhere"><span class="font-semibold">{name}</span> ": " {message}</li> }
    });
    let rows: Vec<_> = rows.collect();
    let unconfirmed = DecisionResult::Refused(ErrorCode::EmailUnconfirmed);
    let hint = (report.people.iter().any(|person| person.result == unconfirmed) && can_approve_unconfirmed)
        .then_some(APPROVE_UNCONFIRMED);
    let remaining = report.next.as_ref().map(|next| remaining_text(next.remaining));
    let undo = undo_until.filter(|_| !report.undo).map(|until| {
        view! {
            <div class="flex flex-wrap items-center gap-3" data-seconds=until.since(now).as_secs().to_string()>
                <UndoForm id=String::new() batch=report.batch.clone() next=None page=page.clone()>"Undo all"</UndoForm>
                <p class="text-sm text-muted">{format!("You can undo this until {}.", utc_time(until))}</p>
            </div>
        }
    });
    let title = if report.undo {
        format!("Undone for {done} of {}", people_count(total))
    } else {
        format!("{} {done} of {}", report.action.past(), people_count(total))
    };
    view! {
        <section class="flex flex-col gap-3" aria-labelledby="results-title" role="status">
            <h2 class="font-semibold" id="results-title" tabindex="-1">{title}</h2>
            {remaining.map(|message| view! { <div class=HIDDEN_MEANWHILE><WarningAlert message=message /></div> })}
            <div class=format!("flex flex-wrap items-center gap-3 empty:hidden {HIDDEN_MEANWHILE}")>
                <NextPartForm report=report texts=texts page=page />
                {undo}
            </div>
            {hint.map(|hint| view! { <p class="text-sm text-muted">{hint}</p> })}
            // Scripts add the rows of the parts before.
            <ul class="divide-y divide-base-300 empty:hidden" id="result-rows">{rows}</ul>
        </section>
    }
}

/// Returns a number of people as text.
fn people_count(count: u64) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{count} people") }
}

/// Returns how many people are left.
fn remaining_text(count: u64) -> String {
    if count == 1 { "1 person is left.".to_owned() } else { format!("{count} people are left.") }
}

/// The button that continues with the next part, if there is one.
#[component]
fn NextPartForm(report: BatchReport, texts: Vec<(Field, String)>, page: String) -> impl IntoView {
    let not_done = report.not_done();
    let next = report.next?;
    let (after, label) = (next.after.to_string(), format!("Continue with {}", people_count(next.remaining)));
    let Some(queue) = next.queue else {
        let next = NextUndoPart { after: next.after, remaining: next.remaining, not_done };
        return Some(
            view! {
                <UndoForm id=String::new() batch=report.batch next=Some(next) page=page>{label}</UndoForm>
            }
            .rendered(),
        );
    };
    let FilteredQueue { filter, up_to, shown_at } = queue;
    let texts = texts.into_iter().map(|(field, text)| view! { <HiddenText field=field text=text /> });
    let texts: Vec<_> = texts.collect();
    Some(
        view! {
            <form method="post" action="/do/decide_many" id="continue" data-act="page" data-remaining=next.remaining.to_string()>
                <input type="hidden" name="decision" value=report.action.slug() />
                <input type="hidden" name="batch" value=report.batch />
                <input type="hidden" name="after" value=after />
                <input type="hidden" name="not_done" value=not_done.to_string() />
                <input type="hidden" name="domain" value=filter.domain().to_owned() />
                <input type="hidden" name="ip" value=filter.client_ip().to_owned() />
                <input type="hidden" name="up_to" value=up_to.0 />
                <input type="hidden" name="shown_at" value=shown_at.0 />
                <input type="hidden" name="from" value=page />
                {texts}
                <button class="btn btn-primary">{label}</button>
            </form>
        }
        .rendered(),
    )
}

/// A hidden field with a text of the decision.
#[component]
fn HiddenText(field: Field, text: String) -> impl IntoView {
    view! { <input type="hidden" name=field.name() value=text /> }
}
