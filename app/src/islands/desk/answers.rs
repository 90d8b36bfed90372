//! What the desk asks and answers: the dialog before a decision, the toasts after it.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

use super::Desk;
use crate::components::icon::{Icon, IconName};

/// The dialog that asks before something that is not undone at a press.
#[component]
pub(super) fn Question(desk: Desk) -> impl IntoView {
    let close = move || {
        if let Some(dialog) = desk.dialog.get_untracked() {
            let dialog: HtmlDialogElement = dialog.unchecked_into();
            dialog.close();
        }
    };
    let go = move |_| {
        close();
        if let Some((person, decision)) = desk.asked.get_untracked() {
            desk.decide(&person, decision);
        }
    };
    let label = move || desk.asked.get().map(|(person, decision)| decision.label(person.confirmed));
    let title = move || desk.asked.get().map(|(person, decision)| decision.question(&person.username));
    let text = move || desk.asked.get().map(|(person, decision)| decision.consequence(&person));
    let class = move || match desk.asked.get() {
        Some((_, decision)) if decision.takes() => "btn btn-error",
        _ => "btn btn-primary",
    };
    view! {
        <dialog class="dialog" aria-labelledby="ask" node_ref=desk.dialog>
            <h2 class="dialog-title" id="ask">{title}</h2>
            <p class="dialog-text">{text}</p>
            <div class="dialog-foot">
                <button class="btn" type="button" on:click=move |_| close()>"Cancel"</button>
                <button class=class type="button" on:click=go>{label}</button>
            </div>
        </dialog>
    }
}

/// What came of decisions, newest last.
#[component]
pub(super) fn Toasts(desk: Desk) -> impl IntoView {
    view! {
        <div class="toasts" role="status" aria-live="polite">
            {move || desk.toasts.get().into_iter().map(|toast| {
                let (id, icon) = (toast.id, if toast.good { IconName::CheckCircle } else { IconName::AlertCircle });
                view! {
                    <div class="toast">
                        <Icon name=icon />
                        <span class="toast-text">{toast.words}</span>
                        <button class="toast-act" type="button" aria-label="Close" on:click=move |_| desk.close(id)>
                            <Icon name=IconName::X />
                        </button>
                    </div>
                }
            }).collect_view()}
        </div>
    }
}
