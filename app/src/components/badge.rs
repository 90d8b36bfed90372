//! Badges for statuses and roles. Every badge has text, so that colour is never the only sign.

use leptos::prelude::*;

use crate::components::icon::{Icon, IconName};
use domain::status::{PublicStatus, Role};

/// The badge of a status.
#[component]
pub fn StatusBadge(
    /// The status.
    status: PublicStatus,
) -> impl IntoView {
    let class = match status {
        PublicStatus::Pending => "badge badge-dot badge-waiting",
        PublicStatus::Held => "badge badge-dot badge-held",
        PublicStatus::Active => "badge badge-dot badge-active",
        PublicStatus::Rejected => "badge badge-dot badge-rejected",
        PublicStatus::Deactivated => "badge badge-dot badge-deactivated",
    };
    view! { <span class=class>{status.message()}</span> }
}

/// The badge of an administrator. Members have none.
#[component]
pub fn RoleBadge(
    /// The role.
    role: Role,
) -> impl IntoView {
    (role == Role::Admin).then(|| {
        view! { <span class="badge badge-admin"><Icon name=IconName::Shield />{role.message()}</span> }
    })
}

/// The badge that tells if an email address is confirmed.
#[component]
pub fn ConfirmationBadge(
    /// True if the email address is confirmed.
    confirmed: bool,
) -> impl IntoView {
    if confirmed {
        view! { <span class="badge badge-plain badge-confirmed"><Icon name=IconName::MailCheck />"Address confirmed"</span> }
    } else {
        view! { <span class="badge badge-plain badge-unconfirmed"><Icon name=IconName::MailWarning />"Not confirmed yet"</span> }
    }
}
