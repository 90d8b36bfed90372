//! The selected rows of the queue.

use leptos::prelude::{on_cleanup, window_event_listener_untyped};

use wasm_bindgen::JsCast;
use web_sys::HtmlInputElement;

use crate::islands::admin_lists::dom::{all, find, set_checked};
use crate::islands::session_timeout::is_restored;

/// The checkboxes that select people: those of the rows, and the choice of everyone who matches the filter.
const PEOPLE: &str = "#queue [name='people[]'], #all-matching [type=checkbox]";

/// Selects no one when the browser restores the page, because other people may be in the rows by then.
pub(super) fn clear_when_restored() {
    let listener = window_event_listener_untyped("pageshow", |event| {
        if is_restored(&event) {
            clear();
        }
    });
    on_cleanup(move || listener.remove());
}

fn clear() {
    for checkbox in all(PEOPLE) {
        set_checked(&checkbox, false);
    }
}

/// Empties the bar for decisions about several registrations, and selects no one. A hidden reason must not go to other people.
pub(super) fn empty_bar() {
    clear();
    for checkbox in all("#bulk [type=checkbox]") {
        set_checked(&checkbox, false);
    }
    if let Some(reason) = find("#bulk textarea") {
        // A text area has the same property.
        reason.unchecked_ref::<HtmlInputElement>().set_value("");
    }
}
