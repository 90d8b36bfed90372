//! The approval queue on `/admin`: pending registrations with the facts for a decision, and the bar for decisions about several.

use leptos::prelude::*;

use crate::components::badge::{ConfirmationBadge, StatusBadge};
use crate::components::icon::{Icon, IconName};
use crate::islands::relative_time::UtcTime;
use crate::pages::admin::accounts::{Menu, NextPage, UserName, icon_of};
use crate::pages::admin::queue_bar::QueueBar;
use crate::pages::admin::queue_facts::Facts;
use crate::pages::admin::users_url::UsersUrl;
use crate::pages::page_request::PageRequest;
use crate::pages::rendered::IntoRendered as _;
use domain::queue::{QueueRow, QueueView};
use domain::status::{AdminAction, PublicStatus, UserId};
use domain::time::Timestamp;
use domain::view_models::UserRow;

/// The approval queue.
#[component]
pub fn Queue(
    /// The request that the page answers.
    request: PageRequest,
    /// The registrations of this page.
    queue: QueueView,
    /// The URL of the page.
    url: UsersUrl,
    /// The time at which the page was read.
    read_at: Timestamp,
) -> impl IntoView {
    let next = queue.next.as_ref().map(|next| url.with_pending_after(next));
    let count_class = if queue.total.count == 0 {
        "badge badge-soft rounded-full px-2"
    } else {
        "badge badge-primary rounded-full px-2"
    };
    let heading = if url.filter.is_some() { "Matching registrations " } else { "Pending registrations " };
    let is_empty = queue.rows.is_empty();
    let page = url.to_string();
    let total = queue.total.text();
    let highest_id = queue.highest_id;
    let bar = view! { <QueueBar request=request total=queue.total highest_id=highest_id url=url.clone() read_at=read_at /> };
    let rows = queue.rows.into_iter().map(|row| view! { <QueueTableRow row=row page=page.clone() /> });
    view! {
        <section class="flex flex-col gap-3" id="waiting" aria-labelledby="waiting-title">
            <div class="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
                <h2 class="flex items-center gap-2 font-semibold" id="waiting-title" tabindex="-1" data-live>
                    {heading} <span class=count_class>{total}</span>
                </h2>
                <FilterForm url=url.clone() />
            </div>
            {bar}
            <div class="flex flex-col gap-3" id="queue" data-live data-keys>
                <div class="card card-border border-base-300 bg-base-100">
                    {if is_empty {
                        view! { <EmptyQueue filtered=url.filter.is_some() /> }.rendered()
                    } else {
                        view! {
                            // Long answers wrap in their own column, because the widths of the others are fixed.
                            <table class="table responsive-table lg:table-fixed" role="table" aria-labelledby="waiting-title">
                                <thead class="text-muted" role="rowgroup"><tr role="row">
                                    <th class="lg:w-14" role="columnheader" scope="col"><span class="sr-only">"Select"</span></th>
                                    <th class="lg:w-56" role="columnheader" scope="col">"Name"</th>
                                    <th role="columnheader" scope="col">"Request"</th>
                                    <th class="lg:w-36" role="columnheader" scope="col">"Registered"</th>
                                    <th class="lg:w-48" role="columnheader" scope="col"><span class="sr-only">"Decision"</span></th>
                                    <th class="lg:w-19" role="columnheader" scope="col"><span class="sr-only">"More actions"</span></th>
                                </tr></thead>
                                <tbody role="rowgroup">{rows.collect_view()}</tbody>
                            </table>
                        }
                        .rendered()
                    }}
                </div>
                {next.map(|next| view! { <NextPage url=next label="More pending registrations" /> })}
            </div>
        </section>
    }
}

#[component]
fn EmptyQueue(filtered: bool) -> impl IntoView {
    let (title, text) = if filtered {
        (
            "No matching registrations",
            "No pending registration matches this filter. Enter a whole email domain, for example example.org, or a whole IP address.",
        )
    } else {
        ("No pending registrations", "New registrations appear here.")
    };
    view! {
        <div class="flex flex-col items-center gap-1 px-6 py-12 text-center text-sm text-balance text-muted">
            <span class="mb-2 text-2xl"><Icon name=IconName::DoorClosed /></span>
            <h3 class="text-base font-semibold text-base-content">{title}</h3>
            <p>{text}</p>
        </div>
    }
}

/// The form that filters the queue by email domain or IP address.
#[component]
fn FilterForm(url: UsersUrl) -> impl IntoView {
    let value = url.filter_text();
    let clear = url.filter.is_some().then(|| url.without_filter());
    let after = url.users_after.clone();
    view! {
        <form class="flex max-w-full min-w-0 flex-wrap items-center gap-2 text-sm" method="get" action="/admin" role="search" aria-label="Pending registrations">
            {after.map(|after| view! { <input type="hidden" name="after" value=after /> })}
            <label for="filter">"Email domain or IP address"</label>
            <input class="input w-full max-w-52 border-line" id="filter" name="filter" value=value autocapitalize="none" spellcheck="false" autocomplete="off" maxlength="253" />
            <button class="btn border-line">"Filter"</button>
            {clear.map(|clear| view! { <a class="btn btn-ghost" href=clear>"Show everyone"</a> })}
            <button class="btn btn-ghost noscript:hidden" type="button" data-open="keys-help">"Keyboard shortcuts"</button>
        </form>
    }
}

#[component]
fn QueueTableRow(row: QueueRow, page: String) -> impl IntoView {
    let user = row.user.clone();
    let (id, name) = (user.id, user.username.clone());
    let person = format!("{id}:{}", user.mark());
    let assigned = row.assigned.clone();
    view! {
        <tr role="row" data-row=id.0 class="has-aria-busy:opacity-50 lg:[&>*]:align-top">
            <td role="cell">
                <input
                    class="checkbox border-line"
                    type="checkbox"
                    name="people[]"
                    value=person
                    form="bulk"
                    autocomplete="off"
                    data-key="x"
                    aria-label=format!("Select {name}")
                />
            </td>
            <th role="rowheader" scope="row">
                <UserName id=id username=name.clone() email=user.email.clone() is_you=false />
            </th>
            <td role="cell">
                <div class="flex min-w-0 flex-col gap-2">
                    <span class="flex flex-wrap gap-2">
                        <ConfirmationBadge confirmed=user.confirmed />
                        {(user.status == PublicStatus::Held).then(|| view! { <StatusBadge status=user.status /> })}
                        {assigned.as_ref().map(|assigned| {
                            let to = if assigned.is_you { "you" } else { &assigned.to };
                            view! { <span class="badge badge-soft badge-primary">{format!("Assigned to {to}")}</span> }
                        })}
                    </span>
                    <Facts row=row.clone() />
                </div>
            </td>
            <td class="lg:[&_.when]:w-full" role="cell" data-label="Registered"><UtcTime at=user.registered /></td>
            <RowActions row=row page=page />
        </tr>
    }
}

/// The cells with the actions of a row: buttons that act immediately, and a menu with the others.
#[component]
fn RowActions(row: QueueRow, page: String) -> impl IntoView {
    let is_yours = row.assigned.as_ref().is_some_and(|assigned| assigned.is_you);
    let user = row.user;
    let (id, name) = (user.id, user.username.clone());
    let can_ask = user.allowed_actions.contains(&AdminAction::Ask);
    let approve = AdminAction::Approve.label(user.confirmed);
    let form = format!("assign-{id}");
    let (assign, assign_label) = if is_yours { ("", "Unassign") } else { ("me", "Assign to me") };
    view! {
        <td role="cell">
            <div class="flex grow gap-2 max-lg:mt-2 max-lg:flex-wrap lg:flex-col">
                <ActionButton user=user.clone() action=AdminAction::Approve key="a" label=approve page=page.clone() />
                <ActionButton user=user action=AdminAction::Reject key="r" label="Reject silently" page=page.clone() />
            </div>
        </td>
        <td role="cell">
            <form id=form.clone() method="post" action="/do/assign" data-act data-name=name.clone()>
                <input type="hidden" name="id" value=id.0 />
                <input type="hidden" name="to" value=assign />
                <input type="hidden" name="from" value=page />
            </form>
            <Menu name=name>
                <MenuLink id=id action=AdminAction::Reject key=None label="Reject with a reason" />
                {can_ask.then(|| view! { <MenuLink id=id action=AdminAction::Ask key=Some("h") label="Ask a question" /> })}
                <li><button class="py-3" form=form><Icon name=IconName::User />{assign_label}</button></li>
            </Menu>
        </td>
    }
}

/// A button for an action, if it is allowed.
#[component]
fn ActionButton(
    user: UserRow,
    action: AdminAction,
    key: &'static str,
    label: &'static str,
    page: String,
) -> impl IntoView {
    let is_allowed = user.allowed_actions.contains(&action);
    let class = if action == AdminAction::Approve {
        "btn btn-soft btn-primary w-full lg:text-nowrap"
    } else {
        "btn border-line w-full lg:text-nowrap"
    };
    is_allowed.then(|| {
        view! {
            <form class="max-lg:grow" method="post" action="/do/decide" data-act data-name=user.username.clone()>
                <input type="hidden" name="id" value=user.id.0 />
                <input type="hidden" name="mark" value=user.mark().to_string() />
                <input type="hidden" name="decision" value=action.slug() />
                <input type="hidden" name="from" value=page />
                <button class=class data-key=key>
                    <Icon name=icon_of(action) />{label}<span class="sr-only">{format!(" {}", user.username)}</span>
                </button>
            </form>
        }
    })
}

/// A link in the menu of a row to the page of an action.
#[component]
fn MenuLink(
    id: UserId,
    action: AdminAction,
    key: Option<&'static str>,
    label: &'static str,
) -> impl IntoView {
    let href = format!("/admin/{}/{id}", action.slug());
    view! { <li><a class="py-3" href=href data-key=key><Icon name=icon_of(action) />{label}</a></li> }
}
