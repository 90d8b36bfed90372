//! Cards: the parts of a page.

use leptos::prelude::*;

use crate::pages::rendered::RenderedChildren;

/// A card. Its first child is usually its heading.
#[component]
pub fn Card(
    /// The id of the heading.
    labelled_by: &'static str,
    /// The content.
    children: RenderedChildren,
) -> impl IntoView {
    view! {
        <section class="card card-border border-base-300 bg-base-100" aria-labelledby=labelled_by>
            <div class="card-body gap-4 max-md:p-4">{children.render()}</div>
        </section>
    }
}
