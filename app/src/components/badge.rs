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
        PublicStatus::Pending => "badge badge-soft badge-warning",
        PublicStatus::Held => "badge badge-soft badge-info",
        PublicStatus::Active => "badge badge-soft badge-success",
        PublicStatus::Rejected => "badge badge-soft badge-error",
        PublicStatus::Deactivated => "badge badge-soft",
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
        view! { <span class="badge badge-soft badge-primary"><Icon name=IconName::Shield />{role.message()}</span> }
    })
}

/// The badge that tells if an email address is confirmed.
#[component]
pub fn ConfirmationBadge(
    /// True if the email address is confirmed.
    confirmed: bool,
) -> impl IntoView {
    if confirmed {
        view! { <span class="inline-flex items-center gap-1.5 text-success"><Icon name=IconName::MailCheck />"Email confirmed"</span> }
    } else {
        view! { <span class="inline-flex items-center gap-1.5 text-warning"><Icon name=IconName::MailWarning />"Email not confirmed"</span> }
    }
}
