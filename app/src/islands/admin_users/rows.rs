//! The tables of the users page, their rows and the actions of each row.

use leptos::prelude::*;

use crate::components::badge::{ConfirmationBadge, RoleBadge, StatusBadge};
use crate::components::email_address::EmailAddressText;
use crate::components::icon::{Icon, IconName};
use crate::islands::admin_users::UsersPageState;
use crate::islands::relative_time::RelativeTime;
use domain::status::{AdminAction, Role, UserId};
use domain::view_models::UserRow;

/// The list that a table shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Pending,
    Users,
}

impl List {
    fn columns(self) -> [&'static str; 4] {
        match self {
            Self::Pending => ["Name", "Email status", "Registered", ""],
            Self::Users => ["Name", "Status", "Sign-in", "Last sign-in"],
        }
    }

    fn title_id(self) -> &'static str {
        match self {
            Self::Pending => "waiting-title",
            Self::Users => "people-title",
        }
    }
}

#[component]
pub(super) fn UserTable(state: UsersPageState, list: List) -> impl IntoView {
    let rows = if list == List::Pending { state.pending } else { state.users };
    let columns = list.columns().into_iter().filter(|name| !name.is_empty());
    let header_cells =
        columns.map(|name| view! { <th role="columnheader" scope="col">{name}</th> }).collect_view();
    let empty = move || rows.with(Vec::is_empty);
    view! {
        <div class="card card-border border-base-300 bg-base-100">
            <div class="flex flex-col items-center gap-1 px-6 py-12 text-center text-sm text-balance text-muted" hidden=move || !empty()>
                <span class="mb-2 text-2xl"><Icon name=IconName::DoorClosed /></span>
                <h3 class="text-base font-semibold text-base-content">"No pending registrations"</h3>
                <p>"New registrations appear here."</p>
            </div>
            <table class="table responsive-table" role="table" aria-labelledby=list.title_id() hidden=empty>
                <thead class="text-muted" role="rowgroup"><tr role="row">
                    {header_cells}
                    <th role="columnheader" scope="col"><span class="sr-only">"Actions"</span></th>
                </tr></thead>
                <tbody role="rowgroup">
                    <For each=move || rows.get() key=key_of let:user>
                        <UserTableRow state=state user=user list=list />
                    </For>
                </tbody>
            </table>
        </div>
    }
}

/// Returns the key of a row. A row is rendered again when its key has changed.
fn key_of(user: &UserRow) -> (UserId, i64, bool, bool) {
    (user.id, user.status_since.0, user.confirmed, user.role == Role::Admin)
}

#[component]
fn UserTableRow(state: UsersPageState, user: UserRow, list: List) -> impl IntoView {
    let id = user.id;
    let busy_class = move || (list == List::Pending && state.is_busy(id)).then_some("opacity-50");
    // Two options instead of a boxed view, because a boxed view adds code for every way of rendering to the browser's download.
    let pending_cells = (list == List::Pending).then(|| pending_cells(state, &user));
    let user_cells = (list == List::Users).then(|| user_cells(state, &user));
    view! {
        <tr role="row" class=busy_class>
            <th role="rowheader" scope="row"><UserName user=user /></th>
            {pending_cells}
            {user_cells}
        </tr>
    }
}

fn pending_cells(state: UsersPageState, user: &UserRow) -> impl IntoView + use<> {
    view! {
        <td role="cell"><span class="flex flex-wrap gap-2"><ConfirmationBadge confirmed=user.confirmed /></span></td>
        <td role="cell" data-label="Registered"><RelativeTime at=user.registered now=state.now /></td>
        <td role="cell">
            <div class="flex grow gap-2 max-lg:mt-2 max-lg:flex-wrap lg:justify-end">
                <ActionButton state=state user=user.clone() action=AdminAction::Approve class="btn btn-soft btn-primary max-lg:w-full" />
                <ActionButton state=state user=user.clone() action=AdminAction::Reject class="btn border-line max-lg:w-full" />
            </div>
        </td>
    }
}

fn user_cells(state: UsersPageState, user: &UserRow) -> impl IntoView + use<> {
    let last = user.last_sign_in.map(|at| view! { <RelativeTime at=at now=state.now /> });
    let never = last.is_none().then(|| view! { <span class="text-muted">"Never"</span> });
    view! {
        <td role="cell">
            <span class="flex flex-wrap gap-2">
                <StatusBadge status=user.status />
                <RoleBadge role=user.role />
                {(!user.confirmed).then(|| view! { <ConfirmationBadge confirmed=false /> })}
            </span>
        </td>
        <td role="cell" data-label="Sign-in">{user.sign_in_method()}</td>
        <td role="cell" data-label="Last sign-in">{last} {never}</td>
        <td role="cell"><div class="flex grow gap-2 max-lg:flex-wrap lg:justify-end"><ActionMenu state=state user=user.clone() /></div></td>
    }
}

#[component]
fn UserName(user: UserRow) -> impl IntoView {
    view! {
        <span class="flex min-w-0 flex-col wrap-anywhere">
            <span class="font-semibold">
                <a class="link link-hover -my-2 inline-block py-2" href=format!("/admin/users/{}", user.id)>{user.username}</a>
                {user.is_you.then(|| view! { " " <span class="font-normal text-muted">"(you)"</span> })}
            </span>
            <span class="text-muted"><EmailAddressText address=user.email /></span>
        </span>
    }
}

/// A button for an action without a dialog. Without scripts it is a form, with scripts it acts in place.
#[component]
fn ActionButton(
    state: UsersPageState,
    user: UserRow,
    action: AdminAction,
    class: &'static str,
) -> impl IntoView {
    let is_allowed = user.allowed_actions.contains(&action);
    let (id, name, confirmed) = (user.id, user.username.clone(), user.confirmed);
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        state.apply_action(&user, action);
    };
    let busy = move || state.is_busy(id).then_some("true");
    is_allowed.then(|| {
        view! {
            <form class="max-lg:grow" method="post" action="/do/decide" on:submit=submit>
                <input type="hidden" name="id" value=id.0 />
                <input type="hidden" name="decision" value=action.slug() />
                <input type="hidden" name="from" value=state.page.get_value() />
                <button class=class aria-busy=busy>
                    <Icon name=icon_of(action) />
                    {action.label(confirmed)}
                    <span class="sr-only">{format!(" {name}")}</span>
                </button>
            </form>
        }
    })
}

/// Returns the icon of an action.
fn icon_of(action: AdminAction) -> IconName {
    match action {
        AdminAction::Approve => IconName::Check,
        AdminAction::Reject => IconName::X,
        AdminAction::Reconsider | AdminAction::Reactivate => IconName::RotateCcw,
        AdminAction::Deactivate => IconName::Ban,
        AdminAction::MakeAdmin => IconName::Shield,
        AdminAction::RemoveAdmin => IconName::ShieldOff,
    }
}

/// The menu of allowed actions, as links to pages that ask for confirmation. With scripts, a dialog asks instead.
#[component]
fn ActionMenu(state: UsersPageState, user: UserRow) -> impl IntoView {
    let (name, confirmed, allowed_actions) =
        (user.username.clone(), user.confirmed, user.allowed_actions.clone());
    let user = StoredValue::new(user);
    let items = move || {
        let items = allowed_actions.iter().copied().map(|action| {
            let href = format!("/admin/{}/{}", action.slug(), user.with_value(|user| user.id));
            let class = if action.is_destructive() { "py-3 text-error" } else { "py-3" };
            let open = move |event: web_sys::MouseEvent| {
                user.with_value(|user| state.open_dialog(event.as_ref(), user, action));
            };
            view! {
                <li><a class=class href=href on:click=open><Icon name=icon_of(action) />{action.label(confirmed)}</a></li>
            }
        });
        items.collect_view()
    };
    let has_actions = user.with_value(|user| !user.allowed_actions.is_empty());
    has_actions.then(|| {
        view! {
            <details class="dropdown dropdown-end">
                <summary class="btn btn-ghost btn-square" aria-label=format!("More actions for {name}")>
                    <Icon name=IconName::Ellipsis />
                </summary>
                <ul class="dropdown-content menu mt-1 w-max max-w-[calc(100vw-2rem)] rounded-box border border-base-300 bg-base-100 shadow-lg sm:min-w-48">
                    {items()}
                </ul>
            </details>
        }
    })
}
