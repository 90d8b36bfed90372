//! The form of a page.

use leptos::prelude::*;

use crate::islands::form::FormIsland;
use crate::pages::rendered::RenderedChildren;
use domain::errors::FormErrors;

/// A form that posts to `action`: a [`FormIsland`] whose fields are rendered.
#[component]
pub fn Form(
    /// The path of the server function.
    action: String,
    /// The errors of the last submission, if it was sent without scripts.
    errors: FormErrors,
    /// The fields and buttons.
    children: RenderedChildren,
) -> impl IntoView {
    view! { <FormIsland action=action errors=errors>{children.render()}</FormIsland> }
}
