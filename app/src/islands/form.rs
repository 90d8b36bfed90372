//! The one form: a plain HTML form that posts to a server function; when hydrated it sends itself and answers in place.
//!
//! Guarantees: without scripts the same refusal comes back on the page with what was typed; nothing is sent twice while
//! an answer is awaited; after a refusal the summary has the focus, the title begins with "Error:", what was typed is still
//! there, and the passwords that were sent are not.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{FormData, HtmlElement, HtmlFormElement, HtmlInputElement, SubmitEvent};

use super::send::send_form;
use crate::components::icon::{Icon, IconName};
use crate::components::notice::GoodNews;
use crate::domain::answer::{Notice, Outcome};
use crate::domain::problem::{Field, Problem, Refusal};
use crate::domain::status::PublicStatus;

/// What the fields of a form know of it.
#[derive(Clone, Copy)]
pub struct FormState {
    /// Why it was refused last.
    pub refusal: RwSignal<Refusal>,
    /// Counts the answers, so that a field can tell a new refusal from the one it has dealt with.
    pub answers: RwSignal<u32>,
    /// Whether an answer is awaited: nothing is sent meanwhile.
    pub busy: RwSignal<bool>,
    /// Whether a pointer is pressed on the form.
    pub pressed: RwSignal<bool>,
}

/// How long the way to the next page may take before the form can be sent again.
const LEAVING: Duration = Duration::from_secs(10);

/// A form that posts to `action`, or to where the pressed button's own `formaction` leads (its name and value don't go along).
#[island]
pub fn FormIsland(
    /// The server function's address.
    action: String,
    /// Why it was refused, when it comes back without scripts.
    refusal: Refusal,
    /// Its fields and buttons.
    children: Children,
) -> impl IntoView {
    let state = FormState {
        refusal: RwSignal::new(refusal),
        answers: RwSignal::new(1),
        busy: RwSignal::new(false),
        pressed: RwSignal::new(false),
    };
    provide_context(state);
    let said = RwSignal::new(Option::<Notice>::None);
    let submit = move |event: SubmitEvent| {
        let form = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
        let Some(form) = form else { return };
        event.prevent_default();
        if state.busy.get_untracked() {
            return;
        }
        state.busy.set(true);
        said.set(None);
        let button = event.submitter().or_else(|| button_of(&form));
        let to = button.as_ref().and_then(|button| button.get_attribute("formaction"));
        if let Some(button) = &button {
            let _ = button.set_attribute("aria-busy", "true");
        }
        let rest = move |button: Option<HtmlElement>| {
            state.busy.set(false);
            if let Some(button) = button {
                let _ = button.remove_attribute("aria-busy");
            }
        };
        spawn_local(async move {
            let Ok(data) = FormData::new_with_form(&form) else { return rest(button) };
            if to.is_some() {
                // Another way to do it than the fields': no secret goes along.
                data.delete(Field::Password.name());
            }
            let to = to.unwrap_or_else(|| form.action());
            let outcome = send_form(&to, &data).await;
            if settle(&form, &data, state, said, outcome) {
                rest(button);
            } else {
                // It stays busy until the next page is there, or somebody has stopped the way to it.
                set_timeout(move || rest(button), LEAVING);
            }
        });
    };
    view! {
        <form
            class="form"
            method="post"
            action=action
            novalidate
            on:submit=submit
            on:pointerdown=move |_| state.pressed.set(true)
            on:pointerup=move |_| state.pressed.set(false)
            on:keydown=move |_| state.pressed.set(false)
        >
            <Summary refusal=state.refusal />
            {move || said.get().map(|notice| view! { <GoodNews words=notice.words() /> })}
            {children()}
        </form>
    }
}

/// The button that a form is sent with by default.
fn button_of(form: &HtmlFormElement) -> Option<HtmlElement> {
    form.query_selector("button:not([type=button])").ok()??.dyn_into().ok()
}

/// What came of sending `sent`; whether the page stays.
fn settle(
    form: &HtmlFormElement,
    sent: &FormData,
    state: FormState,
    said: RwSignal<Option<Notice>>,
    outcome: Outcome,
) -> bool {
    match outcome {
        Outcome::Goto(to) => {
            let _ = window().location().assign(&to);
            return false;
        }
        Outcome::Done { notice, .. } => {
            state.refusal.set(Refusal::default());
            said.set(Some(notice));
        }
        Outcome::Refused(refusal) | Outcome::Stale(refusal, _) => {
            // What may never have arrived can be sent again as it is.
            if refusal.form != Some(Problem::Unreachable) {
                empty_passwords(form, sent);
            }
            state.refusal.set(refusal);
            announce();
        }
    }
    state.answers.update(|answers| *answers += 1);
    true
}

/// Empties the passwords that were sent, shown or not: after a refusal they are typed anew, as on the page without
/// scripts. What somebody has typed since stays.
fn empty_passwords(form: &HtmlFormElement, sent: &FormData) {
    let Ok(inputs) = form.query_selector_all("input[autocomplete$=password]") else { return };
    for index in 0..inputs.length() {
        if let Some(input) = inputs.item(index).and_then(|node| node.dyn_into::<HtmlInputElement>().ok())
            && sent.get(&input.name()).as_string().is_none_or(|was| was == input.value())
        {
            input.set_value("");
        }
    }
}

/// Gives the summary the focus and marks the title, once the summary is there.
fn announce() {
    request_animation_frame(|| {
        let title = document().title();
        if !title.starts_with("Error: ") {
            document().set_title(&format!("Error: {title}"));
        }
        let summary = document().query_selector(".error-summary").ok().flatten();
        if let Some(summary) = summary.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            let _ = summary.focus();
        }
    });
}

/// Everything that is wrong, with links to the fields.
#[component]
fn Summary(refusal: RwSignal<Refusal>) -> impl IntoView {
    move || {
        let refusal = refusal.get();
        (!refusal.is_empty()).then(|| {
            let items = refusal.fields.iter().map(|p| {
                view! { <li><a href=format!("#{}", p.field.name())>{p.problem.words()}</a></li> }
            });
            let items: Vec<_> = items.collect();
            let count = items.len();
            let title = match (refusal.form, count) {
                (Some(problem), _) => problem.words(),
                (None, 1) => "One thing needs another look".to_owned(),
                (None, count) => format!("{count} things need another look"),
            };
            // Who waits has done nothing wrong.
            let waits =
                matches!(refusal.form, Some(Problem::NotActive(PublicStatus::Pending | PublicStatus::Held)));
            let (class, icon) = if waits {
                ("error-summary notice-warning", IconName::Clock)
            } else {
                ("error-summary", IconName::AlertCircle)
            };
            view! {
                <div class=class role="alert" tabindex="-1" autofocus aria-labelledby="errors">
                    <Icon name=icon />
                    <div>
                        <h2 class="error-summary-title" id="errors">{title}</h2>
                        {(count > 0).then(|| view! { <ul>{items}</ul> })}
                    </div>
                </div>
            }
        })
    }
}

/// The text of another field of the form that `input` stands in.
pub fn text_beside(input: &HtmlInputElement, field: Field) -> String {
    input
        .form()
        .and_then(|form| FormData::new_with_form(&form).ok())
        .and_then(|data| data.get(field.name()).as_string())
        .unwrap_or_default()
}
