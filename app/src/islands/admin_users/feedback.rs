//! The confirmation dialog before an action, and the toasts after it.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

use crate::components::icon::{Icon, IconName};
use crate::islands::admin_users::UsersPageState;

/// The dialog that asks for confirmation.
#[component]
pub(super) fn ConfirmationDialog(state: UsersPageState) -> impl IntoView {
    let close = move || {
        if let Some(dialog) = state.dialog.get_untracked() {
            let dialog: HtmlDialogElement = dialog.unchecked_into();
            dialog.close();
        }
    };
    let confirm = move |_| {
        close();
        if let Some((user, action)) = state.dialog_action.get_untracked() {
            state.apply_action(&user, action);
        }
    };
    let label = move || state.dialog_action.get().map(|(user, action)| action.label(user.confirmed));
    let title = move || state.dialog_action.get().map(|(user, action)| action.question(&user.username));
    let text = move || state.dialog_action.get().map(|(user, action)| action.consequence(&user));
    let class = move || match state.dialog_action.get() {
        Some((_, action)) if action.is_destructive() => "btn btn-error",
        _ => "btn btn-primary",
    };
    view! {
        <dialog class="modal" aria-labelledby="ask" node_ref=state.dialog>
            <div class="modal-box max-w-md">
                <h2 class="font-semibold" id="ask">{title}</h2>
                <p class="mt-2 text-sm text-muted">{text}</p>
                <div class="modal-action flex-wrap">
                    <button class="btn border-line" type="button" on:click=move |_| close()>"Cancel"</button>
                    <button class=class type="button" on:click=confirm>{label}</button>
                </div>
            </div>
        </dialog>
    }
}

/// The results of actions, the newest last.
#[component]
pub(super) fn Toasts(state: UsersPageState) -> impl IntoView {
    view! {
        <div class="toast toast-center z-50" role="status" aria-live="polite">
            {move || state.toasts.get().into_iter().map(|toast| {
                let id = toast.id;
                let (class, button_class, icon) = if toast.is_success {
                    ("alert alert-success py-1.5 pe-2", "btn btn-success btn-square outline-current", IconName::CheckCircle)
                } else {
                    ("alert alert-error py-1.5 pe-2", "btn btn-error btn-square outline-current", IconName::AlertCircle)
                };
                view! {
                    <div class=class>
                        <Icon name=icon />
                        <span class="wrap-anywhere">{toast.message}</span>
                        <button class=button_class type="button" aria-label="Close" on:click=move |_| state.close_toast(id)>
                            <Icon name=IconName::X />
                        </button>
                    </div>
                }
            }).collect_view()}
        </div>
    }
}
