//! The saved reasons on the page of a decision.

use leptos::prelude::*;

use crate::islands::saved_reasons::SavedReasonForm;
use crate::pages::page_request::{PageRequest, query};
use domain::errors::Field;
use domain::saved_reason::SavedReason;

/// Returns the saved reason that the URL of the page chooses (`?saved=ID`).
pub fn chosen_reason(reasons: &[SavedReason]) -> Option<&SavedReason> {
    let id: i64 = query("saved")?.parse().ok()?;
    reasons.iter().find(|reason| reason.id == id)
}

/// Returns the initial text of a field: the text that was typed or, before anything was typed, that of the chosen reason.
pub fn initial_text(request: &PageRequest, chosen: Option<&SavedReason>, field: Field) -> String {
    let is_sent = request.flash().is_some_and(|flash| !flash.input.is_empty());
    match chosen.filter(|reason| !is_sent && reason.used_for.field() == field) {
        Some(reason) => reason.text.clone(),
        None => request.typed(field),
    }
}

/// The form that fills in a field of the decision with a saved reason. It is not shown if there is none.
#[component]
pub fn SavedReasons(
    /// The saved reasons for the action of the page.
    reasons: Vec<SavedReason>,
    /// The path of the page.
    page: String,
) -> impl IntoView {
    let chosen = chosen_reason(&reasons).map(|reason| reason.id);
    let options: Vec<_> = reasons
        .into_iter()
        .map(|reason| {
            let label =
                if reason.used_for.is_silent() { format!("{} (silent)", reason.title) } else { reason.title };
            let is_chosen = chosen == Some(reason.id);
            view! {
                <option
                    value=reason.id
                    selected=is_chosen
                    data-field=reason.used_for.field().name()
                    data-text=reason.text
                    data-silent=reason.used_for.is_silent()
                >
                    {label}
                </option>
            }
        })
        .collect();
    (!options.is_empty()).then(|| {
        view! {
            <SavedReasonForm page=page>
                <div class="flex min-w-0 grow flex-col gap-2">
                    <label class="text-sm font-semibold" for="saved">"Saved reason"</label>
                    <select class="select w-full border-line text-base" id="saved" name="saved">{options}</select>
                </div>
                <button class="btn border-line">"Use reason"</button>
            </SavedReasonForm>
        }
    })
}
