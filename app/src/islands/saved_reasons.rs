//! The choice of a saved reason on the page of a decision. It fills in the field in place. Without scripts, the server renders the
//! page again with the field filled in.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, HtmlFormElement, HtmlInputElement, SubmitEvent};

/// The form with the list of saved reasons. Each of its options has the text (`data-text`), the name of the field that it fills in
/// (`data-field`) and, for a silent decision, `data-silent`.
#[island]
pub fn SavedReasonForm(
    /// The path of the page.
    page: String,
    /// The list and the button.
    children: Children,
) -> impl IntoView {
    let submit = |event: SubmitEvent| {
        let form = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
        let option = form.and_then(|form| form.query_selector("option:checked").ok().flatten());
        if option.is_some_and(|option| fill_in(&option).is_some()) {
            event.prevent_default();
        }
    };
    view! {
        <form class="flex max-w-100 flex-wrap items-end gap-3" method="get" action=page on:submit=submit>
            {children()}
        </form>
    }
}

/// Fills in the field of a saved reason without losing a typed text, and chooses whether the person is told. Returns `None` if the
/// page has no such field.
fn fill_in(option: &Element) -> Option<()> {
    let (field, text) = (option.get_attribute("data-field")?, option.get_attribute("data-text")?);
    let area = document().get_element_by_id(&field)?;
    // A text area has the same property.
    let input = area.unchecked_ref::<HtmlInputElement>();
    let typed = input.value();
    if typed.trim().is_empty() || is_saved(&typed) {
        input.set_value(&text);
    } else {
        input.set_value(&format!("{}\n\n{text}", typed.trim_end()));
    }
    let silent = if option.has_attribute("data-silent") { "yes" } else { "no" };
    let choice = document().query_selector(&format!("input[name=silent][value={silent}]")).ok().flatten();
    if let Some(choice) = choice.and_then(|choice| choice.dyn_into::<HtmlInputElement>().ok()) {
        choice.set_checked(true);
    }
    area.dyn_into::<HtmlElement>().ok()?.focus().ok()
}

/// Returns true if a text is that of a saved reason.
fn is_saved(text: &str) -> bool {
    let Ok(options) = document().query_selector_all("option[data-text]") else { return false };
    (0..options.length())
        .filter_map(|index| Some(options.get(index)?.unchecked_into::<Element>()))
        .any(|option| option.get_attribute("data-text").is_some_and(|saved| saved == text))
}
