//! The list of all accounts on `/admin`.

use leptos::prelude::*;

use crate::components::badge::{ConfirmationBadge, RoleBadge, StatusBadge};
use crate::components::email_address::EmailAddressText;
use crate::components::icon::{Icon, IconName};
use crate::islands::relative_time::UtcTime;
use crate::pages::rendered::{IntoRendered as _, RenderedChildren};
use domain::status::{AdminAction, UserId};
use domain::view_models::{Page, UserRow};

/// The list of all accounts.
#[component]
pub fn AccountList(
    /// The accounts of this page.
    users: Page<UserRow>,
    /// The URL of the next page, if there is one.
    next: Option<String>,
) -> impl IntoView {
    let rows = users.rows.into_iter().map(|user| view! { <AccountRow user=user /> });
    view! {
        <section class="flex flex-col gap-3" id="people" data-live aria-labelledby="people-title">
            <h2 class="flex items-center gap-2 font-semibold" id="people-title" tabindex="-1">
                "All accounts " <span class="badge badge-soft rounded-full px-2">{users.total.text()}</span>
            </h2>
            <div class="card card-border border-base-300 bg-base-100">
                <table class="table responsive-table" role="table" aria-labelledby="people-title">
                    <thead class="text-muted" role="rowgroup"><tr role="row">
                        {["Name", "Status", "Sign-in", "Last sign-in"].map(|name| view! { <th role="columnheader" scope="col">{name}</th> })}
                        <th role="columnheader" scope="col"><span class="sr-only">"Actions"</span></th>
                    </tr></thead>
                    <tbody role="rowgroup">{rows.collect_view()}</tbody>
                </table>
            </div>
            {next.map(|next| view! { <NextPage url=next label="More accounts" /> })}
        </section>
    }
}

#[component]
fn AccountRow(user: UserRow) -> impl IntoView {
    let (id, sign_in_method) = (user.id.0, user.sign_in_method());
    view! {
        <tr role="row" data-row=id>
            <th role="rowheader" scope="row"><UserName id=user.id username=user.username.clone() email=user.email.clone() is_you=user.is_you /></th>
            <td role="cell">
                <span class="flex flex-wrap gap-2">
                    <StatusBadge status=user.status />
                    <RoleBadge role=user.role />
                    {(!user.confirmed).then(|| view! { <ConfirmationBadge confirmed=false /> })}
                </span>
            </td>
            <td role="cell" data-label="Sign-in">{sign_in_method}</td>
            <td role="cell" data-label="Last sign-in">{match user.last_sign_in {
                Some(at) => view! { <UtcTime at=at /> }.rendered(),
                None => view! { <span class="text-muted">"Never"</span> }.rendered(),
            }}</td>
            <td role="cell"><div class="flex grow gap-2 max-lg:flex-wrap lg:justify-end"><AccountMenu user=user /></div></td>
        </tr>
    }
}

/// The menu of allowed actions, as links to pages that ask for confirmation. With scripts, a dialog asks instead.
#[component]
fn AccountMenu(user: UserRow) -> impl IntoView {
    let UserRow { id, confirmed, username, allowed_actions, .. } = user;
    let has_actions = !allowed_actions.is_empty();
    let items = allowed_actions.into_iter().map(move |action| {
        let class = if action.is_destructive() { "py-3 text-error" } else { "py-3" };
        // These two have fields that need the whole page.
        let in_dialog = !matches!(action, AdminAction::Reject | AdminAction::Ask);
        view! {
            <li>
                <a class=class href=format!("/admin/{}/{id}", action.slug()) data-dialog=in_dialog>
                    <Icon name=icon_of(action) />{action.label(confirmed)}
                </a>
            </li>
        }
    });
    has_actions.then(|| view! { <Menu name=username>{items.collect_view()}</Menu> })
}

/// A menu with more actions for a person.
#[component]
pub fn Menu(
    /// The username.
    name: String,
    /// The items.
    children: RenderedChildren,
) -> impl IntoView {
    view! {
        <details class="dropdown dropdown-end">
            <summary class="btn btn-ghost btn-square" aria-label=format!("More actions for {name}")>
                <Icon name=IconName::Ellipsis />
            </summary>
            <ul class="dropdown-content menu mt-1 w-max max-w-[calc(100vw-2rem)] rounded-box border border-base-300 bg-base-100 shadow-lg sm:min-w-48">
                {children.render()}
            </ul>
        </details>
    }
}

/// The username as a link to the account, and the email address.
#[component]
pub fn UserName(
    /// The id of the account.
    id: UserId,
    /// The username.
    username: String,
    /// The email address.
    email: String,
    /// True for the administrator who views the page.
    is_you: bool,
) -> impl IntoView {
    view! {
        <span class="flex min-w-0 flex-col wrap-anywhere">
            <span class="font-semibold">
                <a class="link link-hover -my-2 inline-block py-2" href=format!("/admin/users/{id}")>{username}</a>
                {is_you.then(|| view! { " " <span class="font-normal text-muted">"(you)"</span> })}
            </span>
            <span class="text-muted"><EmailAddressText address=email /></span>
        </span>
    }
}

/// The link to the next page of a list.
#[component]
pub fn NextPage(
    /// The URL.
    url: String,
    /// The name of the navigation.
    label: &'static str,
) -> impl IntoView {
    view! {
        <nav class="flex justify-end" aria-label=label>
            <a class="btn border-line" href=url rel="next">"Next"<Icon name=IconName::ChevronRight /></a>
        </nav>
    }
}

/// Returns the icon of an action.
pub fn icon_of(action: AdminAction) -> IconName {
    match action {
        AdminAction::Approve => IconName::Check,
        AdminAction::Reject => IconName::X,
        AdminAction::Reconsider | AdminAction::Reactivate => IconName::RotateCcw,
        AdminAction::Deactivate => IconName::Ban,
        AdminAction::MakeAdmin => IconName::Shield,
        AdminAction::RemoveAdmin => IconName::ShieldOff,
        AdminAction::Ask => IconName::MessageCircleQuestionMark,
    }
}
