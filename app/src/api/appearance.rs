//! How the portal looks in this browser.

use leptos::prelude::*;

use crate::domain::answer::{Fault, Outcome};

/// Remembers the theme: `light`, `dark`, or anything else for the system's choice.
#[server(prefix = "/do", endpoint = "set_theme")]
pub async fn set_theme(
    #[server(default)] theme: String,
    #[server(default)] from: String,
) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply, Theme};
    use crate::domain::next::NextPage;

    let from = NextPage::parse(&from);
    let page = from.as_ref().map_or("/", NextPage::as_str);
    let call = Call::begin(page)?;
    call.remember_theme(Theme::parse(&theme));
    call.answer(Ok(Reply::to(page)))
}
