//! The fields of a form.
//!
//! # Guarantees
//!
//! - A field has a label, a hint, an error and an input in this order, associated for screen readers.
//! - Validation runs when the user leaves a field, not during the first typing.
//! - An error disappears as soon as the value is valid.
//! - Paste is never blocked, and no input is truncated.

use js_sys::JsString;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Event, FocusEvent, HtmlButtonElement, HtmlInputElement};

use crate::components::icon::{Icon, IconName};
use crate::islands::form::{FormState, sibling_value};
use domain::errors::{ErrorCode, Field, FormErrors};
use domain::validation::check_field;

/// The validation state of a field.
#[derive(Clone, Copy)]
struct FieldState {
    field: Field,
    /// The minimum length of a password, or `None` if the field is not validated in the browser.
    min_length: Option<usize>,
    form: Option<FormState>,
    /// The result of the browser's validation, with the number of server responses before it.
    local: RwSignal<(u32, Option<ErrorCode>)>,
    /// True if the value has changed since the user last left the field.
    dirty: RwSignal<bool>,
}

impl FieldState {
    fn new(field: Field, min_length: Option<usize>) -> Self {
        let form = use_context::<FormState>();
        Self { field, min_length, form, local: RwSignal::new((0, None)), dirty: RwSignal::new(false) }
    }

    /// Returns the error of the browser's validation if it ran after the last response, otherwise the server's error.
    fn code(self) -> Option<ErrorCode> {
        let form = self.form?;
        let (after, code) = self.local.get();
        if after == form.response_count.get() {
            code
        } else {
            form.errors.with(|errors| errors.code_of(self.field))
        }
    }

    fn validate(self, input: &HtmlInputElement) {
        let (Some(min_length), Some(form)) = (self.min_length, self.form) else { return };
        let other = if self.field == Field::ConfirmPassword {
            // A form has only one of the two fields.
            sibling_value(input, Field::Password) + &sibling_value(input, Field::NewPassword)
        } else {
            String::new()
        };
        let code = check_field(self.field, &input.value(), &other, min_length, normalize);
        self.local.set((form.response_count.get_untracked(), code));
    }

    /// Returns true if the field loses the focus because a pointer is pressed on a button. Then no error appears, because it would
    /// move the button away from the pointer.
    fn is_button_pressed(self, event: &FocusEvent) -> bool {
        let pointer_down = self.form.is_some_and(|form| form.pointer_down.get_untracked());
        let to_button = event.related_target().is_some_and(|to| to.dyn_ref::<HtmlButtonElement>().is_some());
        pointer_down && to_button
    }

    /// Validates the field when the input, or the button next to it, loses the focus, but not while a pointer is pressed on a button.
    /// The submit button then shows the server's response, and the button next to the input later loses the focus itself.
    fn on_blur(self, event: &FocusEvent) {
        let button = self.is_button_pressed(event);
        let input = document().get_element_by_id(self.field.name());
        if let Some(input) = input.and_then(|input| input.dyn_into::<HtmlInputElement>().ok())
            && self.dirty.get_untracked()
            && !button
        {
            self.dirty.set(false);
            self.validate(&input);
        }
    }

    fn on_input(self, event: &Event) {
        self.dirty.set(true);
        let input = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
        if let Some(input) = input
            && untrack(|| self.code()).is_some()
        {
            self.validate(&input);
        }
    }

    /// Returns true if the field gets the focus. If there are errors, the error summary gets it instead.
    fn has_autofocus(self, autofocus: bool) -> bool {
        autofocus && self.form.is_none_or(|form| form.errors.with_untracked(FormErrors::is_empty))
    }

    fn aria_invalid(self) -> Option<&'static str> {
        self.code().map(|_| "true")
    }

    fn aria_describedby(self, hint: bool) -> Option<String> {
        let name = self.field.name();
        let hint = hint.then(|| format!("{name}-hint"));
        let error = self.code().map(|_| format!("{name}-error"));
        let parts: Vec<String> = hint.into_iter().chain(error).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }
}

/// Returns a password in the normal form in which the server measures and compares it. The Unicode tables are the browser's own.
fn normalize(password: &str) -> String {
    JsString::from(password).normalize("NFKC").into()
}

/// The error between hint and input. It takes no space if there is no error.
#[component]
fn FieldErrorMessage(state: FieldState) -> impl IntoView {
    let id = format!("{}-error", state.field.name());
    view! {
        <p class="flex gap-1.5 text-sm font-semibold text-error empty:hidden" id=id>
            {move || state.code().map(|code| {
                view! { <Icon name=IconName::AlertCircle /><span class="min-w-0">{code.message()}</span> }
            })}
        </p>
    }
}

/// A field for one line of text.
#[island]
pub fn TextField(
    /// The field.
    field: Field,
    /// The label.
    label: String,
    /// The hint. Empty if there is none.
    hint: String,
    /// The initial value.
    value: String,
    /// The attribute `autocomplete`.
    autocomplete: String,
    /// True if the field gets the focus when the page loads.
    autofocus: bool,
    /// True if the field is validated when the user leaves it.
    validate: bool,
) -> impl IntoView {
    // The minimum length applies to passwords only, so any number works.
    let state = FieldState::new(field, validate.then_some(1));
    let name = field.name();
    let email = field == Field::Email;
    let has_hint = !hint.is_empty();
    view! {
        <div class="flex flex-col gap-2">
            <label class="text-sm font-semibold" for=name>{label}</label>
            {has_hint.then(|| view! { <p class="-mt-1.5 text-sm text-pretty text-muted" id=format!("{name}-hint")>{hint}</p> })}
            <FieldErrorMessage state=state />
            <input
                class="input w-full border-line text-base aria-invalid:border-error"
                id=name
                name=name
                type=if email { "email" } else { "text" }
                inputmode=email.then_some("email")
                autocomplete=autocomplete
                autocapitalize="none"
                spellcheck="false"
                autofocus=state.has_autofocus(autofocus)
                value=value
                aria-invalid=move || state.aria_invalid()
                aria-describedby=move || state.aria_describedby(has_hint)
                on:blur=move |event| state.on_blur(&event)
                on:input=move |event| state.on_input(&event)
            />
        </div>
    }
}

/// A field for text of several lines.
#[island]
pub fn TextAreaField(
    /// The field.
    field: Field,
    /// The label.
    label: String,
    /// The hint. Empty if there is none.
    hint: String,
    /// The initial value.
    value: String,
    /// True if the field must be filled in.
    required: bool,
    /// The number of lines that are visible.
    rows: u32,
) -> impl IntoView {
    let state = FieldState::new(field, Some(1));
    let name = field.name();
    let has_hint = !hint.is_empty();
    let check = move |event: &Event| {
        if let Some(form) = state.form {
            let code = check_field(field, &event_target_value(event), "", 1, normalize);
            state.local.set((form.response_count.get_untracked(), code));
        }
    };
    view! {
        <div class="flex flex-col gap-2">
            <label class="text-sm font-semibold" for=name>{label}</label>
            {has_hint.then(|| view! { <p class="-mt-1.5 text-sm text-pretty text-muted" id=format!("{name}-hint")>{hint}</p> })}
            <FieldErrorMessage state=state />
            <textarea
                class="textarea w-full border-line text-base aria-invalid:border-error"
                id=name
                name=name
                rows=rows
                aria-required=required.then_some("true")
                aria-invalid=move || state.aria_invalid()
                aria-describedby=move || state.aria_describedby(has_hint)
                on:blur=move |event| {
                    if state.dirty.get_untracked() && !state.is_button_pressed(&event) {
                        state.dirty.set(false);
                        check(event.as_ref());
                    }
                }
                on:input=move |event| {
                    state.dirty.set(true);
                    if untrack(|| state.code()).is_some() {
                        check(&event);
                    }
                }
                // Leptos does not escape the text of this element on the server.
                inner_html=text_area_html(&value)
            />
        </div>
    }
}

/// Returns a text as the content of a `<textarea>`. The first line feed after the tag does not count, so there is one more.
fn text_area_html(text: &str) -> String {
    let first = if text.starts_with('\n') { "\n" } else { "" };
    format!("{first}{}", text.replace('&', "&amp;").replace('<', "&lt;"))
}

/// A field for a password, which can be made visible once scripts run.
#[island]
pub fn PasswordField(
    /// The field.
    field: Field,
    /// The label.
    label: String,
    /// The hint. Empty if there is none.
    hint: String,
    /// The attribute `autocomplete`: `current-password` or `new-password`.
    autocomplete: String,
    /// True if the field gets the focus when the page loads.
    autofocus: bool,
    /// The minimum length if the field is validated when the user leaves it, otherwise 0.
    min_length: usize,
) -> impl IntoView {
    let state = FieldState::new(field, (min_length > 0).then_some(min_length));
    let name = field.name();
    let has_hint = !hint.is_empty();
    let (shown, hydrated) = (RwSignal::new(false), RwSignal::new(false));
    Effect::new(move |_| hydrated.set(true));
    view! {
        <div class="flex flex-col gap-2">
            <label class="text-sm font-semibold" for=name>{label}</label>
            {has_hint.then(|| view! { <p class="-mt-1.5 text-sm text-pretty text-muted" id=format!("{name}-hint")>{hint}</p> })}
            <FieldErrorMessage state=state />
            <div class="relative">
                <input
                    class="input w-full border-line pe-24 text-base aria-invalid:border-error"
                    id=name
                    name=name
                    type=move || if shown.get() { "text" } else { "password" }
                    autocomplete=autocomplete
                    autocapitalize="none"
                    spellcheck="false"
                    autofocus=state.has_autofocus(autofocus)
                    aria-invalid=move || state.aria_invalid()
                    aria-describedby=move || state.aria_describedby(has_hint)
                    on:blur=move |event| state.on_blur(&event)
                    on:input=move |event| state.on_input(&event)
                />
                <button
                    class="btn btn-ghost absolute end-0 top-0 min-w-22 px-3 text-link"
                    type="button"
                    hidden=move || !hydrated.get()
                    aria-controls=name
                    aria-pressed=move || shown.get().to_string()
                    aria-label=move || if shown.get() { "Hide password" } else { "Show password" }
                    on:click=move |_| shown.update(|shown| *shown = !*shown)
                    on:blur=move |event| state.on_blur(&event)
                >
                    {move || if shown.get() {
                        view! { <Icon name=IconName::EyeOff />"Hide" }
                    } else {
                        view! { <Icon name=IconName::Eye />"Show" }
                    }}
                </button>
            </div>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::text_area_html;

    #[test]
    fn the_text_of_a_text_area_is_never_markup() {
        assert_eq!(
            text_area_html("</textarea><script>alert(1)</script>&amp;"),
            "&lt;/textarea>&lt;script>alert(1)&lt;/script>&amp;amp;"
        );
        assert_eq!(text_area_html("\n\nlines\n"), "\n\n\nlines\n");
    }
}
