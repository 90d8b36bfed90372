//! The choice of a saved reason in the form of a decision. It fills in the field in place. Without scripts, the server renders the
//! page again with the field filled in.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, HtmlInputElement, MouseEvent};

use domain::saved_reason::fill_in;

/// The list of saved reasons and its button. Each option has the text (`data-text`), the name of the field that it fills in
/// (`data-field`) and, for a silent decision, `data-silent`.
#[island]
pub fn SavedReasonChoice(
    /// The list and the button.
    children: Children,
) -> impl IntoView {
    let choose = |event: MouseEvent| {
        let element = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let button = element.and_then(|element| element.closest("button").ok().flatten());
        if button.is_some_and(|button| use_chosen_reason(&button).is_some()) {
            event.prevent_default();
        }
    };
    view! {
        <div class="flex max-w-100 flex-wrap items-end gap-3" on:click=choose>{children()}</div>
    }
}

/// Fills in the field of the chosen reason without losing a typed text, and chooses whether the person is told. Returns `None` if the
/// page has no such field.
fn use_chosen_reason(button: &Element) -> Option<()> {
    let options = texts_of_options();
    let option = button.parent_element()?.query_selector("option:checked").ok().flatten()?;
    let (field, text) = (option.get_attribute("data-field")?, option.get_attribute("data-text")?);
    let area = document().get_element_by_id(&field)?;
    // A text area has the same property.
    let input = area.unchecked_ref::<HtmlInputElement>();
    input.set_value(&fill_in(&input.value(), &text, &options));
    let silent = if option.has_attribute("data-silent") { "yes" } else { "no" };
    let choice = document().query_selector(&format!("input[name=silent][value={silent}]")).ok().flatten();
    if let Some(choice) = choice.and_then(|choice| choice.dyn_into::<HtmlInputElement>().ok()) {
        choice.set_checked(true);
    }
    area.dyn_into::<HtmlElement>().ok()?.focus().ok()
}

/// Returns the texts of the saved reasons on this page.
fn texts_of_options() -> Vec<String> {
    let Ok(options) = document().query_selector_all("option[data-text]") else { return Vec::new() };
    (0..options.length())
        .filter_map(|index| options.get(index)?.unchecked_into::<Element>().get_attribute("data-text"))
        .collect()
}
