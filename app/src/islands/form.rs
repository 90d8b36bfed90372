//! The form of all actions: a plain HTML form that posts to a server function. Once hydrated, it sends itself with `fetch` and
//! shows the result in place.
//!
//! # Guarantees
//!
//! - Without scripts, the page shows the same errors and the input again.
//! - A form is not sent again while a response is pending.
//! - After an error, the error summary has the focus, and the title begins with "Error:".
//! - After an error, the input is still there, except for the passwords that were sent.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{FormData, HtmlElement, HtmlFormElement, HtmlInputElement, SubmitEvent};

use crate::api::action_result::ActionResult;
use crate::components::alert::SuccessAlert;
use crate::components::icon::{Icon, IconName};
use crate::islands::api_client::send_form;
use domain::errors::{ErrorCode, Field, FormErrors};
use domain::flash_message::FlashMessage;
use domain::status::PublicStatus;

/// The state of a form, shared with its fields through the context.
#[derive(Clone, Copy)]
pub struct FormState {
    /// The errors of the last response.
    pub errors: RwSignal<FormErrors>,
    /// The number of responses, so that a field can tell a new error from the one before its own validation.
    pub response_count: RwSignal<u32>,
    /// True while a response is pending. The form cannot be sent meanwhile.
    pub busy: RwSignal<bool>,
    /// True while a pointer is pressed on the form.
    pub pointer_down: RwSignal<bool>,
}

/// The time that the next page may take to load before the form can be sent again.
const NAVIGATION_TIMEOUT: Duration = Duration::from_secs(10);

/// A form that posts to `action`, or to the `formaction` of the pressed button. The name and value of the button are not sent. The
/// password is not sent for a button with `formnovalidate`, whose action does not use the fields. With the attribute `data-page`, a
/// button sends the form without scripts and opens the page of the answer.
#[island]
pub fn FormIsland(
    /// The path of the server function.
    action: String,
    /// The errors of the last submission, if it was sent without scripts.
    errors: FormErrors,
    /// The fields and buttons.
    children: Children,
) -> impl IntoView {
    let state = FormState {
        errors: RwSignal::new(errors),
        response_count: RwSignal::new(1),
        busy: RwSignal::new(false),
        pointer_down: RwSignal::new(false),
    };
    provide_context(state);
    let flash = RwSignal::new(Option::<FlashMessage>::None);
    let submit = move |event: SubmitEvent| {
        let form = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
        let Some(form) = form else { return };
        // The answer to such a button is a page.
        if event.submitter().is_some_and(|button| button.has_attribute("data-page")) {
            return;
        }
        event.prevent_default();
        if state.busy.get_untracked() {
            return;
        }
        state.busy.set(true);
        flash.set(None);
        let button = event.submitter().or_else(|| submit_button(&form));
        let formaction = button.as_ref().and_then(|button| button.get_attribute("formaction"));
        if let Some(button) = &button {
            let _ = button.set_attribute("aria-busy", "true");
        }
        let finish = move |button: Option<HtmlElement>| {
            state.busy.set(false);
            if let Some(button) = button {
                let _ = button.remove_attribute("aria-busy");
            }
        };
        spawn_local(async move {
            let Ok(data) = FormData::new_with_form(&form) else { return finish(button) };
            if button.as_ref().is_some_and(|button| button.has_attribute("formnovalidate")) {
                data.delete(Field::Password.name());
            }
            let url = formaction.unwrap_or_else(|| form.action());
            let outcome = send_form(&url, &data).await;
            if show_result(&form, &data, state, flash, outcome) {
                finish(button);
            } else {
                // The form stays busy until the next page loads, or the timeout passes because the user stopped it.
                set_timeout(move || finish(button), NAVIGATION_TIMEOUT);
            }
        });
    };
    view! {
        <form
            class="flex max-w-100 flex-col gap-5"
            method="post"
            action=action
            novalidate
            on:submit=submit
            on:pointerdown=move |_| state.pointer_down.set(true)
            on:pointerup=move |_| state.pointer_down.set(false)
            on:keydown=move |_| state.pointer_down.set(false)
        >
            // Without scripts, the refusal is shown in the tab that sent the form.
            <input type="hidden" name="tab" value="yes" />
            <ErrorSummary errors=state.errors />
            {move || flash.get().map(|message| view! { <SuccessAlert message=message.message() /> })}
            {children()}
        </form>
    }
}

/// Returns the default submit button of the form.
fn submit_button(form: &HtmlFormElement) -> Option<HtmlElement> {
    form.query_selector("button:not([type=button])").ok()??.dyn_into().ok()
}

/// Shows the result of sending the fields `sent`. Returns true if the page stays open.
fn show_result(
    form: &HtmlFormElement,
    sent: &FormData,
    state: FormState,
    flash: RwSignal<Option<FlashMessage>>,
    outcome: ActionResult,
) -> bool {
    match outcome {
        ActionResult::Goto(to) => {
            let _ = window().location().assign(&to);
            return false;
        }
        ActionResult::Done { message, .. } => {
            state.errors.set(FormErrors::default());
            flash.set(Some(message));
        }
        // The page shows the results after a reload. No form has such a result yet.
        ActionResult::Batch(_) => {
            let _ = window().location().reload();
            return false;
        }
        ActionResult::Refused(errors) | ActionResult::Stale(errors, _) => {
            // The server may not have received the form, so it stays complete for the next attempt.
            if errors.form != Some(ErrorCode::Unreachable) {
                empty_passwords(form, sent);
            }
            state.errors.set(errors);
            focus_error_summary();
        }
    }
    state.response_count.update(|count| *count += 1);
    true
}

/// Empties the passwords that were sent, visible or not: after an error they must be typed again, as on the page without
/// scripts. Passwords that have been typed since then stay.
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

/// Focuses the error summary once it has been rendered, and adds "Error:" to the title.
fn focus_error_summary() {
    request_animation_frame(|| {
        let title = document().title();
        if !title.starts_with("Error: ") {
            document().set_title(&format!("Error: {title}"));
        }
        let summary = document().query_selector("#error-summary").ok().flatten();
        if let Some(summary) = summary.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            let _ = summary.focus();
        }
    });
}

/// The summary of all errors, with links to the fields.
#[component]
fn ErrorSummary(errors: RwSignal<FormErrors>) -> impl IntoView {
    move || {
        let errors = errors.get();
        (!errors.is_empty()).then(|| {
            let items = errors.fields.iter().map(|error| {
                view! {
                    <li><a class="link inline-block py-1" href=format!("#{}", error.field.name())>{error.code.message()}</a></li>
                }
            });
            let items: Vec<_> = items.collect();
            let title = errors.form.map_or_else(|| "There is a problem".to_owned(), ErrorCode::message);
            // A pending account is not an error of the user.
            let is_pending =
                matches!(errors.form, Some(ErrorCode::NotActive(PublicStatus::Pending | PublicStatus::Held)));
            let (class, icon) = if is_pending {
                ("alert alert-soft alert-warning items-start border-current", IconName::Clock)
            } else {
                ("alert alert-soft alert-error items-start border-current", IconName::AlertCircle)
            };
            view! {
                <div class=class id="error-summary" role="alert" tabindex="-1" autofocus aria-labelledby="errors">
                    <Icon name=icon />
                    <div class="min-w-0 wrap-anywhere">
                        <h2 class="font-semibold text-base-content" id="errors">{title}</h2>
                        {(!items.is_empty()).then(|| view! { <ul>{items}</ul> })}
                    </div>
                </div>
            }
        })
    }
}

/// Returns the value of another field in the same form as `input`.
pub fn sibling_value(input: &HtmlInputElement, field: Field) -> String {
    input
        .form()
        .and_then(|form| FormData::new_with_form(&form).ok())
        .and_then(|data| data.get(field.name()).as_string())
        .unwrap_or_default()
}
