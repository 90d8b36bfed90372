//! The saved reasons on the page of a decision.

use leptos::prelude::*;

use crate::islands::saved_reasons::SavedReasonChoice;
use crate::pages::page_request::PageRequest;
use crate::pages::rendered::IntoRendered as _;
use domain::errors::Field;
use domain::saved_reason::SavedReason;

/// The list and the button that fill in a field of the decision with a saved reason. They are part of its form, and not shown if
/// there is no saved reason.
#[component]
pub fn SavedReasons(
    /// The request.
    request: PageRequest,
    /// The saved reasons for the action of the page.
    reasons: Vec<SavedReason>,
    /// The path of the page.
    page: String,
) -> impl IntoView {
    let chosen: Option<i64> = request.typed(Field::SavedReason).parse().ok();
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
        let choice = view! {
            <div class="flex min-w-0 grow flex-col gap-2">
                <label class="text-sm font-semibold" for="saved">"Saved reason"</label>
                <select class="select w-full border-line text-base" id="saved" name=Field::SavedReason.name()>
                    {options}
                </select>
            </div>
            <button class="btn border-line" formaction=format!("{page}/use-reason") data-page>"Use reason"</button>
        }
        .rendered();
        view! { <SavedReasonChoice>{choice}</SavedReasonChoice> }
    })
}
