//! The dialogs of the admin page. The one that asks for confirmation has the text and the form of the page that asks without
//! scripts.

use leptos::prelude::window;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlDialogElement};

use crate::islands::admin_lists::dom::{all, attribute, closest, find, find_in, focus};
use crate::islands::admin_lists::refresh::fetch_page;

/// Opens the dialog with this id. When a dialog closes, the browser returns the focus to the element that had it before.
pub(super) fn open(id: &str) {
    if let Some(dialog) = find(&format!("#{id}")) {
        let _ = dialog.unchecked_ref::<HtmlDialogElement>().show_modal();
    }
}

/// Closes the dialog that is open.
pub(super) fn close() {
    for dialog in all("dialog[open]") {
        dialog.unchecked_ref::<HtmlDialogElement>().close();
    }
}

/// Opens the page of a link in the dialog. If it has no form of a decision, the browser goes there.
pub(super) fn open_page(event: &Event, link: &Element) {
    event.prevent_default();
    close_menu(link);
    let href = attribute(link, "href");
    spawn_local(async move {
        let shown = fetch_page(&href).await.and_then(|page| show(&page));
        if shown.is_none() {
            let _ = window().location().assign(&href);
        }
    });
}

/// Closes the menu around a link or button, if there is one. The focus goes to the menu, because its items are hidden now.
pub(super) fn close_menu(item: &Element) {
    if let Some(menu) = closest(item, "details.dropdown") {
        let _ = menu.remove_attribute("open");
        find_in(&menu, "summary").iter().for_each(focus);
    }
}

/// Shows the question, the consequences and the form of a page in the dialog.
fn show(page: &Element) -> Option<()> {
    let dialog = find("#ask")?;
    let form = find_in(page, "main form[action='/do/decide']")?;
    for (place, source) in [("h2", "h1"), ("[data-lead]", "h1 + p")] {
        let text = find_in(page, source).and_then(|element| element.text_content());
        find_in(&dialog, place)?.set_text_content(text.as_deref());
    }
    find_in(&dialog, "[data-error]")?.set_text_content(None);
    form.set_attribute("data-act", "").ok()?;
    if let Some(cancel) = find_in(&form, "a[href='/admin']") {
        cancel.set_attribute("data-close", "").ok()?;
        cancel.set_attribute("role", "button").ok()?;
    }
    let place = find_in(&dialog, "[data-form]")?;
    place.set_text_content(None);
    place.append_child(&form).ok()?;
    dialog.unchecked_ref::<HtmlDialogElement>().show_modal().ok()
}

/// Shows an error in the dialog that asks for confirmation. Returns false if it is not open.
pub(super) fn show_error(message: &str) -> bool {
    let place = find("#ask[open] [data-error]");
    if let Some(place) = &place {
        place.set_text_content(Some(message));
    }
    place.is_some()
}
