//! The selected rows of the queue.

use leptos::prelude::{on_cleanup, window_event_listener_untyped};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlInputElement};

use crate::islands::admin_lists::dom::{all, find, is_checked, set_checked};
use crate::islands::session_timeout::is_restored;

/// The checkboxes that select people: those of the rows, and the choice of everyone who matches the filter.
const PEOPLE: &str = "#queue [name='people[]'], #all-matching [type=checkbox]";

/// The checkboxes of the rows.
const ROWS: &str = "#queue [name='people[]']";

/// Returns the values of the selected rows.
pub(super) fn selected() -> Vec<String> {
    all(ROWS).iter().filter(|row| is_checked(row)).map(value).collect()
}

/// Selects the rows with these values, and no others.
pub(super) fn select(values: &[String]) {
    for row in all(ROWS) {
        set_checked(&row, values.contains(&value(&row)));
    }
    show_select_all();
}

/// Selects every row of the page, or none.
pub(super) fn select_all(checked: bool) {
    for row in all(ROWS) {
        set_checked(&row, checked);
    }
    show_select_all();
}

/// Shows the number of selected rows, and on "Select all on this page" if all rows are selected, some, or none.
pub(super) fn show_select_all() {
    let rows = all(ROWS);
    let count = rows.iter().filter(|row| is_checked(row)).count();
    if let Some(text) = find("#selected-count") {
        let selected = if count == 0 { String::new() } else { format!("{count} selected") };
        text.set_text_content(Some(&selected));
    }
    if let Some(checkbox) = find("#select-all") {
        set_checked(&checkbox, count > 0 && count == rows.len());
        checkbox.unchecked_ref::<HtmlInputElement>().set_indeterminate(count > 0 && count < rows.len());
    }
}

fn value(checkbox: &Element) -> String {
    checkbox.unchecked_ref::<HtmlInputElement>().value()
}

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
    show_select_all();
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
