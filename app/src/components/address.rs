//! Addresses of mail, as they are shown.

use leptos::prelude::*;

/// An address. Where the line is too short for it, it breaks after its `@` before it breaks in the middle of a name.
#[component]
pub fn MailAddress(
    /// The address.
    address: String,
) -> impl IntoView {
    let domain_begins = address.rfind('@').map_or(0, |at| at + 1);
    let (local_part, domain) = address.split_at(domain_begins);
    view! { <span>{local_part.to_owned()}<wbr />{domain.to_owned()}</span> }
}
