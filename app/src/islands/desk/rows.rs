//! The rows of the desk's lists, and what can be done about each.

use leptos::prelude::*;

use super::Desk;
use crate::components::address::MailAddress;
use crate::components::badge::{AddressBadge, RoleBadge, StatusBadge};
use crate::components::icon::{Icon, IconName};
use crate::domain::status::{Decision, Role, UserId};
use crate::domain::view::PersonRow;
use crate::islands::times::When;

/// The two lists are one piece of code: what differs is data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
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
pub(super) fn Lists(desk: Desk, list: List) -> impl IntoView {
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
    (person.id, person.status_since.0, person.confirmed, person.role == Role::Admin)
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
            <span class="person-mail"><MailAddress address=person.email /></span>
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
            let class = if decision.takes() { "menu-item menu-item-danger" } else { "menu-item" };
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
