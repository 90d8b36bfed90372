//! The selected rows of the queue.

use leptos::prelude::{on_cleanup, window_event_listener_untyped};

use crate::islands::admin_lists::dom::{all, set_checked};
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
