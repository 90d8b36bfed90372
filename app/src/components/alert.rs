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
        <div class="notice notice-success" role="status"><Icon name=IconName::CheckCircle /><p>{message}</p></div>
    }
}

/// An alert for a warning.
#[component]
pub fn WarningAlert(
    /// The text.
    message: String,
) -> impl IntoView {
    view! {
        <div class="notice notice-warning" role="status"><Icon name=IconName::AlertTriangle /><p>{message}</p></div>
    }
}

/// An alert for an error.
#[component]
pub fn ErrorAlert(
    /// The text.
    message: String,
) -> impl IntoView {
    view! {
        <div class="notice notice-error" role="alert"><Icon name=IconName::AlertCircle /><p>{message}</p></div>
    }
}
