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
        <dialog class="dialog" aria-labelledby="ask" node_ref=state.dialog>
            <h2 class="dialog-title" id="ask">{title}</h2>
            <p class="dialog-text">{text}</p>
            <div class="dialog-foot">
                <button class="btn" type="button" on:click=move |_| close()>"Cancel"</button>
                <button class=class type="button" on:click=confirm>{label}</button>
            </div>
        </dialog>
    }
}

/// The results of actions, the newest last.
#[component]
pub(super) fn Toasts(state: UsersPageState) -> impl IntoView {
    view! {
        <div class="toasts" role="status" aria-live="polite">
            {move || state.toasts.get().into_iter().map(|toast| {
                let (id, icon) = (toast.id, if toast.is_success { IconName::CheckCircle } else { IconName::AlertCircle });
                view! {
                    <div class="toast">
                        <Icon name=icon />
                        <span class="toast-text">{toast.message}</span>
                        <button class="toast-act" type="button" aria-label="Close" on:click=move |_| state.close_toast(id)>
                            <Icon name=IconName::X />
                        </button>
                    </div>
                }
            }).collect_view()}
        </div>
    }
}
