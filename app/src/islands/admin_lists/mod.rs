//! Decisions on the admin page without leaving it. Only the server renders the lists: after each decision, the page is
//! fetched again and its lists are replaced. So the browser needs no code for them.
//!
//! # Guarantees
//!
//! - Without scripts, every action is a form or a page that asks for confirmation.
//! - An action that is chosen while another one is being sent waits for its turn.
//! - After an action, the lists show what the server knows, and a toast shows the result.
//! - Selected rows and the keyboard focus survive the replacement of a list.
//! - After the browser's Back button, no one is selected.

mod dialog;
mod dom;
mod expiry;
mod keys;
mod refresh;
mod selection;
mod send_queue;
mod toasts;

use leptos::prelude::*;
use web_sys::{Event, KeyboardEvent, SubmitEvent};

use crate::islands::admin_lists::dom::{closest, target};
use crate::islands::admin_lists::send_queue::SendQueue;

/// The lists of the admin page.
#[island]
pub fn AdminLists(
    /// The lists, as the server renders them.
    children: Children,
) -> impl IntoView {
    let queue = SendQueue::new();
    Effect::new(|_| {
        keys::show_switch();
        selection::show_select_all();
        selection::clear_when_restored();
        expiry::start_timers();
    });
    view! {
        <div
            class="contents"
            on:submit=move |event: SubmitEvent| queue.submit(&event)
            on:click=move |event| click(&event)
            on:change=move |event| change(&event)
            on:keydown=move |event: KeyboardEvent| keys::press(&event)
        >
            {children()}
        </div>
    }
}

/// Opens and closes dialogs, and closes toasts.
fn click(event: &Event) {
    let Some(target) = target(event) else { return };
    if let Some(link) = closest(&target, "a[data-dialog]") {
        dialog::open_page(event, &link);
    } else if let Some(button) = closest(&target, "[data-open]") {
        // Safari does not focus a pressed button.
        dom::focus(&button);
        dialog::open(&button.get_attribute("data-open").unwrap_or_default());
    } else if closest(&target, "[data-close]").is_some() {
        event.prevent_default();
        if let Some(toast) = closest(&target, "#toasts > *") {
            toast.remove();
        } else {
            dialog::close();
        }
    }
}

/// Keeps the rows and "Select all on this page" in step, and remembers the switch of the keyboard shortcuts.
fn change(event: &Event) {
    let Some(target) = target(event) else { return };
    match target.id().as_str() {
        "select-all" => selection::select_all(dom::is_checked(&target)),
        "keys-on" => keys::remember_switch(dom::is_checked(&target)),
        _ => selection::show_select_all(),
    }
}
