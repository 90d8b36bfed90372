//! The desk's lists, alive: a decision is carried out in place and answers with a toast.
//!
//! Guarantees: without scripts every action is a form or a page that asks first; what is shown after a decision is what
//! the server says the person is now.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{Event, HtmlDialogElement};

use super::send::send;
use super::times::When;
use crate::api::desk::Decide;
use crate::components::badge::{AddressBadge, RoleBadge, StatusBadge};
use crate::components::icon::{Icon, IconName};
use crate::domain::account::{Decision, Status, UserId};
use crate::domain::answer::{Outcome, Refusal};
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
    fn say(self, words: String, good: bool) {
        let id = self.counter.with_value(|id| id + 1);
        self.counter.set_value(id);
        self.toasts.update(|toasts| toasts.push(Toast { id, words, good }));
        if good {
            set_timeout(move || self.close(id), std::time::Duration::from_secs(8));
        }
    }

    fn close(self, id: u32) {
        self.toasts.update(|toasts| toasts.retain(|toast| toast.id != id));
    }

    /// Puts somebody where they belong now.
    fn place(self, person: &PersonRow) {
        let waits = matches!(person.status, Status::Pending | Status::Held);
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
                    self.say(format!("{name}: {}", notice.words()), true);
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
        });
    }

    fn refuse(self, name: &str, refusal: &Refusal) {
        let words = refusal.form.map_or_else(String::new, |problem| problem.words());
        self.say(format!("{name}: {words}"), false);
    }

    fn ask(self, event: &Event, person: &PersonRow, decision: Decision) {
        let Some(dialog) = self.dialog.get_untracked() else {
            return;
        };
        event.prevent_default();
        self.asked.set(Some((person.clone(), decision)));
        let _ = dialog.show_modal();
    }
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
            <h2 class="section-title" id="waiting-title">
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

/// The two lists are one piece of code: what differs is data.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Waiting,
    People,
}

impl List {
    fn columns(self) -> [&'static str; 4] {
        match self {
            Self::Waiting => ["Person", "Address", "Registered", ""],
            Self::People => ["Person", "Status", "Sign-in", "Last sign-in"],
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Waiting => "waiting-title",
            Self::People => "people-title",
        }
    }
}

#[component]
fn Lists(desk: Desk, list: List) -> impl IntoView {
    let rows = if list == List::Waiting { desk.waiting } else { desk.people };
    let columns = list.columns().into_iter().filter(|name| !name.is_empty());
    let heads = columns.map(|name| view! { <th role="columnheader" scope="col">{name}</th> }).collect_view();
    let empty = move || rows.with(Vec::is_empty);
    view! {
        <div class="list">
            <div class="empty" hidden=move || !empty()>
                <Icon name=IconName::DoorClosed />
                <h3 class="empty-title">"Nobody is waiting"</h3>
                <p>"Whoever registers next appears here, and you get a mail."</p>
            </div>
            <table class="people" role="table" aria-labelledby=list.label() hidden=empty>
                <thead role="rowgroup"><tr role="row">
                    {heads}
                    <th role="columnheader" scope="col"><span class="sr-only">"Actions"</span></th>
                </tr></thead>
                <tbody role="rowgroup">
                    <For each=move || rows.get() key=key_of let:person>
                        <Row desk=desk person=person list=list />
                    </For>
                </tbody>
            </table>
        </div>
    }
}

/// A row is made anew when the person has changed.
fn key_of(person: &PersonRow) -> (UserId, i64, bool, bool) {
    (person.id, person.status_since.0, person.confirmed, person.role == crate::domain::account::Role::Admin)
}

#[component]
fn Row(desk: Desk, person: PersonRow, list: List) -> impl IntoView {
    let id = person.id;
    let leaving =
        move || (list == List::Waiting && desk.busy.get() == Some(id)).then_some("people-row-leaving");
    // Two options and no boxed view: a boxed one brings every way of rendering it along.
    let waiting = (list == List::Waiting).then(|| waiting_cells(desk, &person));
    let cells = (list == List::People).then(|| person_cells(desk, &person));
    view! {
        <tr role="row" class=leaving>
            <th role="rowheader" scope="row"><Name person=person /></th>
            {waiting}
            {cells}
        </tr>
    }
}

fn waiting_cells(desk: Desk, person: &PersonRow) -> impl IntoView + use<> {
    view! {
        <td role="cell"><span class="badges"><AddressBadge confirmed=person.confirmed /></span></td>
        <td role="cell" data-label="Registered"><When at=person.registered /></td>
        <td role="cell">
            <div class="row-actions">
                <Act desk=desk person=person.clone() decision=Decision::Approve class="btn btn-sm btn-tint" />
                <Act desk=desk person=person.clone() decision=Decision::Reject class="btn btn-sm" />
            </div>
        </td>
    }
}

fn person_cells(desk: Desk, person: &PersonRow) -> impl IntoView + use<> {
    let last = person.last_sign_in.map(|at| view! { <When at=at /> });
    let never = last.is_none().then(|| view! { <span class="muted">"Never"</span> });
    view! {
        <td role="cell">
            <span class="badges">
                <StatusBadge status=person.status />
                <RoleBadge role=person.role />
                {(!person.confirmed).then(|| view! { <AddressBadge confirmed=false /> })}
            </span>
        </td>
        <td role="cell" data-label="Sign-in">{person.sign_in_method()}</td>
        <td role="cell" data-label="Last sign-in">{last} {never}</td>
        <td role="cell"><div class="row-actions"><More desk=desk person=person.clone() /></div></td>
    }
}

#[component]
fn Name(person: PersonRow) -> impl IntoView {
    view! {
        <span class="person">
            <span class="person-name">
                <a href=format!("/admin/users/{}", person.id)>{person.username}</a>
                {person.is_you.then(|| view! { " " <span class="person-you">"(you)"</span> })}
            </span>
            <span class="person-mail">{person.email}</span>
        </span>
    }
}

/// A decision at a press: a form without scripts, in place with them.
#[component]
fn Act(desk: Desk, person: PersonRow, decision: Decision, class: &'static str) -> impl IntoView {
    let offered = person.offers.contains(&decision);
    let (id, name, confirmed) = (person.id, person.username.clone(), person.confirmed);
    let press = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        desk.decide(&person, decision);
    };
    let busy = move || (desk.busy.get() == Some(id)).then_some("true");
    offered.then(|| {
        view! {
            <form method="post" action="/do/decide" on:submit=press>
                <input type="hidden" name="id" value=id />
                <input type="hidden" name="decision" value=decision.slug() />
                <input type="hidden" name="from" value=desk.page.get_value() />
                <button class=class aria-busy=busy>
                    <Icon name=icon_of(decision) />
                    {decision.label(confirmed)}
                    <span class="sr-only">{format!(" {name}")}</span>
                </button>
            </form>
        }
    })
}

/// The icon of a decision.
fn icon_of(decision: Decision) -> IconName {
    match decision {
        Decision::Approve => IconName::Check,
        Decision::Reject => IconName::X,
        Decision::Reconsider | Decision::Reactivate => IconName::RotateCcw,
        Decision::Deactivate => IconName::Ban,
        Decision::MakeAdmin => IconName::Shield,
        Decision::RemoveAdmin => IconName::ShieldOff,
    }
}

/// What can be decided, as links to pages that ask; with scripts a dialog asks here.
#[component]
fn More(desk: Desk, person: PersonRow) -> impl IntoView {
    let (name, confirmed, offers) = (person.username.clone(), person.confirmed, person.offers.clone());
    let person = StoredValue::new(person);
    let items = move || {
        let items = offers.iter().copied().map(|decision| {
            let href = format!("/admin/{}/{}", decision.slug(), person.with_value(|person| person.id));
            let danger = matches!(decision, Decision::Deactivate | Decision::RemoveAdmin | Decision::Reject);
            let class = if danger { "menu-item menu-item-danger" } else { "menu-item" };
            let ask = move |event: web_sys::MouseEvent| {
                person.with_value(|person| desk.ask(event.as_ref(), person, decision));
            };
            view! {
                <a class=class href=href on:click=ask><Icon name=icon_of(decision) />{decision.label(confirmed)}</a>
            }
        });
        items.collect_view()
    };
    let any = person.with_value(|person| !person.offers.is_empty());
    any.then(|| {
        view! {
            <details class="menu">
                <summary class="btn btn-sm btn-ghost btn-square" aria-label=format!("More for {name}")>
                    <Icon name=IconName::Ellipsis />
                </summary>
                <div class="menu-list">{items()}</div>
            </details>
        }
    })
}

/// The dialog that asks before something that is not undone at a press.
#[component]
fn Question(desk: Desk) -> impl IntoView {
    let close = move || {
        if let Some(dialog) = desk.dialog.get_untracked() {
            let dialog: HtmlDialogElement = dialog.unchecked_into();
            dialog.close();
        }
    };
    let go = move |_| {
        close();
        if let Some((person, decision)) = desk.asked.get_untracked() {
            desk.decide(&person, decision);
        }
    };
    let label = move || desk.asked.get().map(|(person, decision)| decision.label(person.confirmed));
    let title = move || {
        desk.asked
            .get()
            .map(|(person, decision)| format!("{}: {}?", person.username, decision.label(person.confirmed)))
    };
    let text = move || desk.asked.get().map(|(_, decision)| decision.consequence());
    let class = move || match desk.asked.get() {
        Some((_, Decision::Deactivate | Decision::RemoveAdmin | Decision::Reject)) => "btn btn-error",
        _ => "btn btn-primary",
    };
    view! {
        <dialog class="dialog" aria-labelledby="ask" node_ref=desk.dialog>
            <h2 class="dialog-title" id="ask">{title}</h2>
            <p class="dialog-text">{text}</p>
            <div class="dialog-foot">
                <button class="btn" type="button" on:click=move |_| close()>"Cancel"</button>
                <button class=class type="button" on:click=go>{label}</button>
            </div>
        </dialog>
    }
}

#[component]
fn Toasts(desk: Desk) -> impl IntoView {
    view! {
        <div class="toasts" role="status" aria-live="polite">
            {move || desk.toasts.get().into_iter().map(|toast| {
                let (id, icon) = (toast.id, if toast.good { IconName::CheckCircle } else { IconName::AlertCircle });
                view! {
                    <div class="toast">
                        <Icon name=icon />
                        <span class="toast-text">{toast.words}</span>
                        <button class="toast-act" type="button" aria-label="Close" on:click=move |_| desk.close(id)>
                            <Icon name=IconName::X />
                        </button>
                    </div>
                }
            }).collect_view()}
        </div>
    }
}
