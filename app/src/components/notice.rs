//! What the portal says above the content.

use leptos::prelude::*;

use crate::components::icon::{Icon, IconName};

/// Good news.
#[component]
pub fn GoodNews(
    /// The words.
    words: String,
) -> impl IntoView {
    view! {
        <div class="notice notice-success" role="status"><Icon name=IconName::CheckCircle /><p>{words}</p></div>
    }
}

/// Something to know.
#[component]
pub fn Warning(
    /// The words.
    words: String,
) -> impl IntoView {
    view! {
        <div class="notice notice-warning" role="status"><Icon name=IconName::AlertTriangle /><p>{words}</p></div>
    }
}

/// Bad news.
#[component]
pub fn BadNews(
    /// The words.
    words: String,
) -> impl IntoView {
    view! {
        <div class="notice notice-error" role="alert"><Icon name=IconName::AlertCircle /><p>{words}</p></div>
    }
}
