//! The results of actions, as toasts. The server renders their markup, hidden.

use std::time::Duration;

use leptos::prelude::set_timeout;
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::islands::admin_lists::dialog;
use crate::islands::admin_lists::dom::{all, attribute, find, find_in};

/// The time for which a success without an undo button is shown.
const SUCCESS_LIFETIME: Duration = Duration::from_secs(8);

/// Shows the result of an action about the person `name`, in place of the previous result about them. A success with something to
/// undo (the name and the value of a field) has a button for it, and stays until that is no longer possible.
pub(super) fn show_success(name: &str, message: &str, undo: Option<(&str, &str)>) {
    let Some(toast) = add("toast-success", name, message) else { return };
    let window = find("#toasts").and_then(|toasts| attribute(&toasts, "data-undo-window").parse().ok());
    let lifetime = match (&undo, window) {
        (Some(_), Some(seconds)) => Duration::from_secs(seconds),
        _ => SUCCESS_LIFETIME,
    };
    if let Some(form) = find_in(&toast, "form") {
        match (undo, find_in(&form, "input")) {
            (Some((field, value)), Some(input)) => {
                let _ = input.set_attribute("name", field);
                let _ = input.set_attribute("value", value);
                let _ = form.set_attribute("data-name", name);
            }
            _ => form.remove(),
        }
    }
    set_timeout(move || toast.remove(), lifetime);
}

/// Shows an error: in the dialog if it is open, otherwise as a toast that stays until someone closes it.
pub(super) fn show_error(name: &str, message: &str) {
    if !dialog::show_error(message) {
        add("toast-error", name, message);
    }
}

/// The number of people about whom one request decides.
const PART: u32 = 50;

/// The progress of a decision about many people: a toast with a bar. Closing it stops the decision after the current part.
pub(super) struct Progress {
    toast: Element,
    total: u32,
}

impl Progress {
    /// Shows the progress after the first part, when `remaining` people remain.
    pub(super) fn start(remaining: u32) -> Option<Self> {
        Some(Self { toast: add("toast-progress", "", "")?, total: remaining + PART })
    }

    /// Shows how many people remain. Returns false if someone has stopped the decision.
    pub(super) fn show(&self, remaining: u32) -> bool {
        let done = self.total.saturating_sub(remaining);
        if let Some(bar) = find_in(&self.toast, "progress") {
            let _ = bar.set_attribute("max", &self.total.to_string());
            let _ = bar.set_attribute("value", &done.to_string());
        }
        if let Some(text) = find_in(&self.toast, "[data-text]") {
            text.set_text_content(Some(&format!("{done} of {}", self.total)));
        }
        self.toast.is_connected()
    }

    /// Removes the bar.
    pub(super) fn end(self) {
        self.toast.remove();
    }
}

/// Adds a copy of the toast in the element with this id.
fn add(template: &str, name: &str, message: &str) -> Option<Element> {
    for toast in all("#toasts > *") {
        if attribute(&toast, "data-name") == name {
            toast.remove();
        }
    }
    let toast = find(&format!("#{template} > *"))?;
    let toast = toast.clone_node_with_deep(true).ok()?.unchecked_into::<Element>();
    toast.set_attribute("data-name", name).ok()?;
    let message = if name.is_empty() { message.to_owned() } else { format!("{name}: {message}") };
    find_in(&toast, "[data-text]")?.set_text_content(Some(&message));
    find("#toasts")?.append_child(&toast).ok()?;
    Some(toast)
}
