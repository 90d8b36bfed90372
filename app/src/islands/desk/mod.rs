//! The desk's lists, alive: a decision is carried out in place and answers with a toast.
//!
//! Guarantees: without scripts every action is a form or a page that asks first; what is shown after a decision is what
//! the server says the person is now.

mod answers;
mod rows;

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement};

use answers::{Question, Toasts};
use rows::{List, Lists};

use super::send::send;
use crate::api::desk::Decide;
use crate::components::icon::{Icon, IconName};
use crate::domain::answer::Outcome;
use crate::domain::problem::{Problem, Refusal};
use crate::domain::status::{Decision, PublicStatus, UserId};
use crate::domain::view::{Page, PersonRow};

/// What a toast says.
#[derive(Clone, PartialEq, Eq)]
struct Toast {
    id: u32,
    words: String,
    good: bool,
}

/// What the pieces of the desk share. Handed down as a prop: contexts don't end at an island's edge.
#[derive(Clone, Copy)]
struct Desk {
    waiting: RwSignal<Vec<PersonRow>>,
    people: RwSignal<Vec<PersonRow>>,
    still_waiting: RwSignal<u64>,
    toasts: RwSignal<Vec<Toast>>,
    counter: StoredValue<u32>,
    /// Whose decision is on its way.
    busy: RwSignal<Option<UserId>>,
    /// What the dialog asks.
    asked: RwSignal<Option<(PersonRow, Decision)>>,
    dialog: NodeRef<leptos::html::Dialog>,
    /// The page to come back to without scripts.
    page: StoredValue<String>,
}

impl Desk {
    /// Says what came of a decision about `name`, in place of what was said about them before.
    fn say(self, name: &str, words: &str, good: bool) {
        let id = self.counter.with_value(|id| id + 1);
        self.counter.set_value(id);
        let about = format!("{name}: ");
        self.toasts.update(|toasts| {
            toasts.retain(|toast| !toast.words.starts_with(&about));
            toasts.push(Toast { id, words: format!("{about}{words}"), good });
        });
        if good {
            set_timeout(move || self.close(id), std::time::Duration::from_secs(8));
        }
    }

    fn close(self, id: u32) {
        self.toasts.update(|toasts| toasts.retain(|toast| toast.id != id));
    }

    /// Puts somebody where they belong now.
    fn place(self, person: &PersonRow) {
        let waits = matches!(person.status, PublicStatus::Pending | PublicStatus::Held);
        self.waiting.update(|rows| {
            let before = rows.len();
            match rows.iter_mut().find(|row| row.id == person.id) {
                Some(row) if waits => *row = person.clone(),
                Some(_) => rows.retain(|row| row.id != person.id),
                None if waits => rows.push(person.clone()),
                None => {}
            }
            let (before, now) = (before as u64, rows.len() as u64);
            self.still_waiting.update(|count| *count = (*count + now).saturating_sub(before));
        });
        self.people.update(|rows| {
            if let Some(row) = rows.iter_mut().find(|row| row.id == person.id) {
                *row = person.clone();
            }
        });
    }

    /// Decides, and shows what came of it.
    fn decide(self, person: &PersonRow, decision: Decision) {
        if self.busy.get_untracked().is_some() {
            return;
        }
        let (id, name) = (person.id, person.username.clone());
        let waited = matches!(person.status, PublicStatus::Pending | PublicStatus::Held);
        self.busy.set(Some(id));
        spawn_local(async move {
            let number = id.to_string();
            let fields =
                [("id", number.as_str()), ("decision", decision.slug()), ("from", "/admin"), ("stay", "yes")];
            match send(Decide::PATH, &fields).await {
                Outcome::Done { notice, person } => {
                    if let Some(person) = person {
                        self.place(&person);
                    }
                    self.say(&name, &notice.words(), true);
                }
                Outcome::Goto(to) => {
                    let _ = window().location().assign(&to);
                }
                Outcome::Refused(refusal) => self.refuse(&name, &refusal),
                Outcome::Stale(refusal, person) => {
                    self.place(&person);
                    self.refuse(&name, &refusal);
                }
            }
            self.busy.set(None);
            keep_focus(id, waited);
        });
    }

    fn refuse(self, name: &str, refusal: &Refusal) {
        let words = refusal.form.map_or_else(String::new, Problem::words);
        self.say(name, &words, false);
    }

    fn ask(self, event: &Event, person: &PersonRow, decision: Decision) {
        let Some(dialog) = self.dialog.get_untracked() else {
            return;
        };
        event.prevent_default();
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        if let Some(menu) = target.and_then(|target| target.closest("details").ok().flatten()) {
            let _ = menu.remove_attribute("open");
        }
        self.asked.set(Some((person.clone(), decision)));
        let _ = dialog.show_modal();
    }
}

/// Whoever decided by keyboard goes on where they were: among those who wait, else at the person's new row.
fn keep_focus(id: UserId, waited: bool) {
    request_animation_frame(move || {
        let lost = document().active_element().is_none_or(|active| active.tag_name() == "BODY");
        let find = |selector: &str| document().query_selector(selector).ok().flatten();
        let row = if waited { None } else { find(&format!("#people a[href='/admin/users/{id}']")) };
        let to = row.or_else(|| find("#waiting-title"));
        if lost && let Some(to) = to.and_then(|to| to.dyn_into::<HtmlElement>().ok()) {
            let _ = to.focus();
        }
    });
}

/// The two lists of the desk.
#[island]
pub fn DeskLists(
    /// Who waits.
    waiting: Page<PersonRow>,
    /// Everybody.
    people: Page<PersonRow>,
    /// This page's address, with its query.
    page: String,
    /// The address of the next page of those who wait; empty for none.
    next_waiting: String,
    /// The address of the next page of people; empty for none.
    next_people: String,
) -> impl IntoView {
    let total = people.total;
    let desk = Desk {
        still_waiting: RwSignal::new(waiting.total),
        waiting: RwSignal::new(waiting.rows),
        people: RwSignal::new(people.rows),
        toasts: RwSignal::new(Vec::new()),
        counter: StoredValue::new(0),
        busy: RwSignal::new(None),
        asked: RwSignal::new(None),
        dialog: NodeRef::new(),
        page: StoredValue::new(page),
    };
    view! {
        <section class="stack stack-sm" id="waiting" aria-labelledby="waiting-title">
            <h2 class="section-title" id="waiting-title" tabindex="-1">
                "Waiting " <span class="count count-due">{move || desk.still_waiting.get()}</span>
            </h2>
            <Lists desk=desk list=List::Waiting />
            <Pager next=next_waiting label="More people who wait" />
        </section>
        <section class="stack stack-sm" id="people" aria-labelledby="people-title">
            <h2 class="section-title" id="people-title">"People " <span class="count">{total}</span></h2>
            <Lists desk=desk list=List::People />
            <Pager next=next_people label="More people" />
        </section>
        <Question desk=desk />
        <Toasts desk=desk />
    }
}

#[component]
fn Pager(next: String, label: &'static str) -> impl IntoView {
    (!next.is_empty()).then(|| {
        view! {
            <nav class="pager" aria-label=label>
                <span></span>
                <a class="btn btn-sm" href=next rel="next">"Next"<Icon name=IconName::ChevronRight /></a>
            </nav>
        }
    })
}
