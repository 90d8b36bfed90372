//! The fields of a form.
//!
//! Guarantees: label, hint, error, input in this order, tied together for screen readers; checks run when a field is
//! left and never while it is first being typed, and clear as soon as it is right; paste is never blocked and nothing
//! is cut.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Event, FocusEvent, HtmlButtonElement, HtmlInputElement};

use super::form::{FormState, text_beside};
use crate::components::icon::{Icon, IconName};
use crate::domain::check::checked_field;
use crate::domain::problem::{Field, Problem, Refusal};

/// What a field looks at to find its problem.
#[derive(Clone, Copy)]
struct Checked {
    field: Field,
    least: Option<usize>,
    state: Option<FormState>,
    /// Its own opinion, and which answer of the server that came after.
    own: RwSignal<(u32, Option<Problem>)>,
    /// Whether it has changed since it was left.
    dirty: RwSignal<bool>,
}

impl Checked {
    fn new(field: Field, least: Option<usize>) -> Self {
        let state = use_context::<FormState>();
        Self { field, least, state, own: RwSignal::new((0, None)), dirty: RwSignal::new(false) }
    }

    /// Its own opinion where it has one since the server's last answer, else the server's.
    fn problem(self) -> Option<Problem> {
        let state = self.state?;
        let (after, problem) = self.own.get();
        if after == state.answers.get() { problem } else { state.refusal.with(|r| r.problem_of(self.field)) }
    }

    fn check(self, input: &HtmlInputElement) {
        let (Some(least), Some(state)) = (self.least, self.state) else { return };
        let other = if self.field == Field::ConfirmPassword {
            // The form has one of the two.
            text_beside(input, Field::Password) + &text_beside(input, Field::NewPassword)
        } else {
            String::new()
        };
        let problem = checked_field(self.field, &input.value(), &other, least);
        self.own.set((state.answers.get_untracked(), problem));
    }

    /// The input, or the button inside its box, was left. While a pointer is pressed on a button nothing is said yet: an
    /// error that appears now would move the button from under it. The form's own button brings the server's answer, and
    /// the one in the box is left in turn.
    fn left(self, event: &FocusEvent) {
        let pressed = self.state.is_some_and(|state| state.pressed.get_untracked());
        let to_button = event.related_target().is_some_and(|to| to.dyn_ref::<HtmlButtonElement>().is_some());
        let button = pressed && to_button;
        let input = document().get_element_by_id(self.field.name());
        if let Some(input) = input.and_then(|input| input.dyn_into::<HtmlInputElement>().ok())
            && self.dirty.get_untracked()
            && !button
        {
            self.dirty.set(false);
            self.check(&input);
        }
    }

    fn typed(self, event: &Event) {
        self.dirty.set(true);
        let input = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
        if let Some(input) = input
            && untrack(|| self.problem()).is_some()
        {
            self.check(&input);
        }
    }

    /// The first field has the focus, unless there are errors: then the summary has it.
    fn focused(self, first: bool) -> bool {
        first && self.state.is_none_or(|state| state.refusal.with_untracked(Refusal::is_empty))
    }

    fn invalid(self) -> Option<&'static str> {
        self.problem().map(|_| "true")
    }

    fn described(self, hint: bool) -> Option<String> {
        let name = self.field.name();
        let hint = hint.then(|| format!("{name}-hint"));
        let error = self.problem().map(|_| format!("{name}-error"));
        let parts: Vec<String> = hint.into_iter().chain(error).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }
}

/// The line between hint and input; empty, it takes no room.
#[component]
fn ErrorLine(checked: Checked) -> impl IntoView {
    let id = format!("{}-error", checked.field.name());
    view! {
        <p class="field-error" id=id>
            {move || checked.problem().map(|problem| {
                view! { <Icon name=IconName::AlertCircle /><span>{problem.words()}</span> }
            })}
        </p>
    }
}

/// A line of text.
#[island]
pub fn TextField(
    /// Which field.
    field: Field,
    /// Its label.
    label: String,
    /// Its hint; empty for none.
    hint: String,
    /// What was typed before.
    value: String,
    /// Its `autocomplete`.
    autocomplete: String,
    /// Whether the page begins here.
    first: bool,
    /// Whether it is checked when it is left, as a registration is.
    check: bool,
) -> impl IntoView {
    // No password here, so any length will do.
    let checked = Checked::new(field, check.then_some(1));
    let name = field.name();
    let email = field == Field::Email;
    let has_hint = !hint.is_empty();
    view! {
        <div class="field">
            <label class="field-label" for=name>{label}</label>
            {has_hint.then(|| view! { <p class="field-hint" id=format!("{name}-hint")>{hint}</p> })}
            <ErrorLine checked=checked />
            <input
                class="input"
                id=name
                name=name
                type=if email { "email" } else { "text" }
                inputmode=email.then_some("email")
                autocomplete=autocomplete
                autocapitalize="none"
                spellcheck="false"
                autofocus=checked.focused(first)
                value=value
                aria-invalid=move || checked.invalid()
                aria-describedby=move || checked.described(has_hint)
                on:blur=move |event| checked.left(&event)
                on:input=move |event| checked.typed(&event)
            />
        </div>
    }
}

/// A password, which can be shown once scripts run.
#[island]
pub fn PasswordField(
    /// Which field.
    field: Field,
    /// Its label.
    label: String,
    /// Its hint; empty for none.
    hint: String,
    /// `current-password` or `new-password`.
    autocomplete: String,
    /// Whether the page begins here.
    first: bool,
    /// The shortest that is accepted, where it is checked when it is left; 0 where it is not.
    least: usize,
) -> impl IntoView {
    let checked = Checked::new(field, (least > 0).then_some(least));
    let name = field.name();
    let has_hint = !hint.is_empty();
    let (shown, alive) = (RwSignal::new(false), RwSignal::new(false));
    Effect::new(move |_| alive.set(true));
    view! {
        <div class="field">
            <label class="field-label" for=name>{label}</label>
            {has_hint.then(|| view! { <p class="field-hint" id=format!("{name}-hint")>{hint}</p> })}
            <ErrorLine checked=checked />
            <div class="field-box">
                <input
                    class="input"
                    id=name
                    name=name
                    type=move || if shown.get() { "text" } else { "password" }
                    autocomplete=autocomplete
                    autocapitalize="none"
                    spellcheck="false"
                    autofocus=checked.focused(first)
                    aria-invalid=move || checked.invalid()
                    aria-describedby=move || checked.described(has_hint)
                    on:blur=move |event| checked.left(&event)
                    on:input=move |event| checked.typed(&event)
                />
                <button
                    class="field-reveal"
                    type="button"
                    hidden=move || !alive.get()
                    aria-controls=name
                    aria-pressed=move || shown.get().to_string()
                    aria-label=move || if shown.get() { "Hide password" } else { "Show password" }
                    on:click=move |_| shown.update(|shown| *shown = !*shown)
                    on:blur=move |event| checked.left(&event)
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
