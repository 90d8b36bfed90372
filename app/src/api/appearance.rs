//! The appearance of the portal in this browser.

use leptos::prelude::*;

use crate::api::action_result::{ActionError, ActionResult};

/// Remembers the theme: `light`, `dark`, or anything else for the system's choice.
#[server(prefix = "/do", endpoint = "set_theme")]
pub async fn set_theme(
    #[server(default)] theme: String,
    #[server(default)] from: String,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, Theme, action};
    use domain::return_to::ReturnTo;

    let page = ReturnTo::parse(&from).map_or_else(|| "/".to_owned(), |page| page.as_str().to_owned());
    action(&page)
        .run(async move |cx| {
            cx.remember_theme(Theme::parse(&theme));
            Ok(ActionResponse::redirect(&page))
        })
        .await
}
