//! The text of an email address.

use leptos::prelude::*;

/// An email address as text. If the line is too short, it breaks after the `@` rather than inside a name.
#[component]
pub fn EmailAddressText(
    /// The email address.
    address: String,
) -> impl IntoView {
    let domain_begins = address.rfind('@').map_or(0, |at| at + 1);
    let (local_part, domain) = address.split_at(domain_begins);
    view! { <span>{local_part.to_owned()}<wbr />{domain.to_owned()}</span> }
}
