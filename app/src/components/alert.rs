//! Alerts above the content of a page.

use leptos::prelude::*;

use crate::components::icon::{Icon, IconName};

/// An alert for success.
#[component]
pub fn SuccessAlert(
    /// The text.
    message: String,
) -> impl IntoView {
    view! {
        <div class="alert alert-soft alert-success items-start" role="status"><Icon name=IconName::CheckCircle /><p class="wrap-anywhere text-base-content">{message}</p></div>
    }
}

/// An alert for information that is neither a success nor a warning.
#[component]
pub fn InfoAlert(
    /// The text.
    message: String,
) -> impl IntoView {
    view! {
        <div class="alert alert-soft alert-info items-start" role="status"><Icon name=IconName::Info /><p class="wrap-anywhere text-base-content">{message}</p></div>
    }
}

/// An alert for success that ends with a link.
#[component]
pub fn SuccessAlertWithLink(
    /// The text.
    message: String,
    /// The path of the page that the link leads to.
    href: &'static str,
    /// The text of the link.
    label: &'static str,
) -> impl IntoView {
    view! {
        <div class="alert alert-soft alert-success items-start" role="status">
            <Icon name=IconName::CheckCircle />
            <p class="wrap-anywhere text-base-content">{message} " " <a href=href>{label}</a></p>
        </div>
    }
}

/// An alert for a warning.
#[component]
pub fn WarningAlert(
    /// The text.
    message: String,
) -> impl IntoView {
    view! {
        <div class="alert alert-soft alert-warning items-start" role="status"><Icon name=IconName::AlertTriangle /><p class="wrap-anywhere text-base-content">{message}</p></div>
    }
}

/// An alert for an error.
#[component]
pub fn ErrorAlert(
    /// The text.
    message: String,
) -> impl IntoView {
    view! {
        <div class="alert alert-soft alert-error items-start" role="alert"><Icon name=IconName::AlertCircle /><p class="wrap-anywhere text-base-content">{message}</p></div>
    }
}
