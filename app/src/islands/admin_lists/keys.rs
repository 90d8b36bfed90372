//! The keyboard shortcuts of the queue.
//!
//! # Guarantees
//!
//! - A key acts only while the focus is in the queue, and never while someone types (WCAG 2.1.4).
//! - A switch turns the keys off. The browser remembers it.

use leptos::prelude::window;
use web_sys::{Element, KeyboardEvent, Storage};

use crate::islands::admin_lists::dialog;
use crate::islands::admin_lists::dom::{
    all, closest, find, find_in, focus, press as press_element, set_checked, target,
};

/// The key of the switch in the browser's storage.
const SWITCH: &str = "keyboard-shortcuts";

/// Returns the browser's storage, or `None` if the browser forbids it.
fn storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

fn are_off() -> bool {
    storage().and_then(|storage| storage.get_item(SWITCH).ok().flatten()).is_some_and(|value| value == "off")
}

/// Shows the position of the switch.
pub(super) fn show_switch() {
    if let Some(switch) = find("#keys-on") {
        set_checked(&switch, !are_off());
    }
}

/// Remembers the position of the switch.
pub(super) fn remember_switch(on: bool) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(SWITCH, if on { "on" } else { "off" });
    }
}

/// Carries out the shortcut of a pressed key. In the row with the focus, it presses the element that names the key in `data-key`.
pub(super) fn press(event: &KeyboardEvent) {
    let Some(target) = target(event) else { return };
    let is_text = closest(&target, "textarea, select, input:not([type=checkbox])").is_some();
    let has_modifier = event.ctrl_key() || event.meta_key() || event.alt_key();
    let Some(list) = closest(&target, "[data-keys]") else { return };
    if is_text || has_modifier || are_off() {
        return;
    }
    let row = closest(&target, "tr[data-row]");
    let key = event.key();
    match key.as_str() {
        "/" => find("#filter").iter().for_each(focus),
        "j" => move_focus(&list, row.as_ref(), 1),
        "k" => move_focus(&list, row.as_ref(), -1),
        "?" => dialog::open("keys-help"),
        "u" => find("[data-key=u]").iter().for_each(press_element),
        "x" | "a" | "r" | "h" => {
            let element = row.and_then(|row| find_in(&row, &format!("[data-key={key}]")));
            element.iter().for_each(press_element);
        }
        _ => return,
    }
    event.prevent_default();
}

/// Moves the focus to the checkbox of the next or previous row.
fn move_focus(list: &Element, row: Option<&Element>, step: isize) {
    let rows = all(&format!("#{} tr[data-row]", list.id()));
    let index = row.and_then(|row| rows.iter().position(|other| other == row));
    let next = index.map_or(Some(0), |index| index.checked_add_signed(step));
    if let Some(checkbox) = next.and_then(|next| find_in(rows.get(next)?, "[data-key=x]")) {
        focus(&checkbox);
    }
}
