//! The dialogs and toasts of `/admin`, which scripts fill and show.

use std::time::Duration;

use leptos::prelude::*;

use crate::components::icon::{Icon, IconName};

/// The keys, each with its action.
const SHORTCUTS: [(&str, &str); 9] = [
    ("j", "Go to the next registration"),
    ("k", "Go to the previous registration"),
    ("x", "Select the registration"),
    ("a", "Approve"),
    ("r", "Reject silently"),
    ("h", "Ask a question and put the registration on hold"),
    ("u", "Undo the latest decision"),
    ("/", "Filter the registrations"),
    ("?", "Show this list"),
];

/// The dialogs and toasts.
#[component]
pub fn ListDialogs(
    /// The time for which a decision can be undone.
    undo_window: Duration,
) -> impl IntoView {
    view! {
        <dialog class="modal" id="ask" aria-labelledby="ask-title">
            <div class="modal-box max-w-md">
                <h2 class="font-semibold" id="ask-title"></h2>
                <p class="mt-2 text-sm text-muted" data-lead></p>
                <p class="mt-2 text-sm font-semibold text-error empty:hidden" role="alert" data-error></p>
                <div class="mt-4" data-form></div>
            </div>
        </dialog>
        <ShortcutsDialog />
        <div id="toasts" class="toast toast-center z-50" role="status" aria-live="polite" data-undo-window=undo_window.as_secs()></div>
        <div id="toast-success" hidden>
            <div class="alert alert-success py-1.5 pe-2">
                <Icon name=IconName::CheckCircle />
                <span class="wrap-anywhere" data-text></span>
                <div class="flex gap-1">
                    <form class="contents" method="post" action="/do/undo_decision" data-act>
                        <input type="hidden" />
                        <button class="btn btn-success outline-current">"Undo"</button>
                    </form>
                    <CloseButton class="btn btn-success btn-square outline-current" />
                </div>
            </div>
        </div>
        <div id="toast-progress" hidden>
            <div class="alert border-line py-1.5 pe-2">
                <span class="tabular-nums" data-text></span>
                <progress class="progress progress-primary w-40"></progress>
                <button class="btn border-line" type="button" data-close>"Stop"</button>
            </div>
        </div>
        <div id="toast-error" hidden>
            <div class="alert alert-error py-1.5 pe-2">
                <Icon name=IconName::AlertCircle />
                <span class="wrap-anywhere" data-text></span>
                <CloseButton class="btn btn-error btn-square outline-current" />
            </div>
        </div>
    }
}

#[component]
fn CloseButton(class: &'static str) -> impl IntoView {
    view! { <button class=class type="button" aria-label="Close" data-close><Icon name=IconName::X /></button> }
}

/// The list of keyboard shortcuts, with the switch that turns them off.
#[component]
fn ShortcutsDialog() -> impl IntoView {
    let rows = SHORTCUTS.map(|(key, text)| {
        view! { <div class="contents"><dt><kbd class="font-mono font-semibold">{key}</kbd></dt><dd>{text}</dd></div> }
    });
    view! {
        <dialog class="modal" id="keys-help" aria-labelledby="keys-title">
            <div class="modal-box max-w-md">
                <h2 class="font-semibold" id="keys-title">"Keyboard shortcuts"</h2>
                <p class="mt-2 text-sm text-muted">"They work while the focus is in the list of pending registrations, but not while you type."</p>
                <dl class="mt-4 grid grid-cols-[2rem_1fr] gap-2 text-sm">{rows}</dl>
                <label class="mt-4 flex items-center gap-2">
                    <input class="checkbox border-line" type="checkbox" id="keys-on" checked />
                    "Use keyboard shortcuts"
                </label>
                <div class="modal-action"><button class="btn border-line" type="button" data-close>"Close"</button></div>
            </div>
        </dialog>
    }
}
