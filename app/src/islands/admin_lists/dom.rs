//! Small helpers for elements of the page.

use leptos::prelude::document;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement, HtmlInputElement};

/// Returns the element that an event is about.
pub(super) fn target(event: &Event) -> Option<Element> {
    event.target()?.dyn_into().ok()
}

/// Returns the element or its nearest ancestor that matches `selector`.
pub(super) fn closest(element: &Element, selector: &str) -> Option<Element> {
    element.closest(selector).ok().flatten()
}

/// Returns the first element below `root` that matches `selector`.
pub(super) fn find_in(root: &Element, selector: &str) -> Option<Element> {
    root.query_selector(selector).ok().flatten()
}

/// Returns the first element of the page that matches `selector`.
pub(super) fn find(selector: &str) -> Option<Element> {
    find_in(&document().document_element()?, selector)
}

/// Returns every element of the page that matches `selector`.
pub(super) fn all(selector: &str) -> Vec<Element> {
    let Some(found) = document().document_element().and_then(|root| root.query_selector_all(selector).ok())
    else {
        return Vec::new();
    };
    (0..found.length()).filter_map(|index| found.get(index)?.dyn_into().ok()).collect()
}

/// Returns the value of an attribute, or an empty text.
pub(super) fn attribute(element: &Element, name: &str) -> String {
    element.get_attribute(name).unwrap_or_default()
}

/// Moves the keyboard focus.
pub(super) fn focus(element: &Element) {
    let _ = element.unchecked_ref::<HtmlElement>().focus();
}

/// Presses a button, a link or a checkbox.
pub(super) fn press(element: &Element) {
    element.unchecked_ref::<HtmlElement>().click();
}

/// Returns true if a checkbox is checked.
pub(super) fn is_checked(element: &Element) -> bool {
    element.unchecked_ref::<HtmlInputElement>().checked()
}

/// Checks or unchecks a checkbox.
pub(super) fn set_checked(element: &Element, checked: bool) {
    element.unchecked_ref::<HtmlInputElement>().set_checked(checked);
}
