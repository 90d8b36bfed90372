//! Saved reasons of administrators.

use leptos::prelude::*;

use crate::api::action_result::{ActionError, ActionResult};

/// Saves a reason. `used_for` is the decision that it is for.
#[server(prefix = "/do", endpoint = "add_reason")]
pub async fn add_reason(
    #[server(default)] used_for: String,
    #[server(default)] title: String,
    #[server(default)] reason: String,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action, page_with_use};
    use backend::admin::saved_reasons::add_reason;
    use domain::errors::Field;
    use domain::flash_message::FlashMessage;
    use domain::saved_reason::ReasonForm;

    action(&page_with_use("/admin/reasons/new", &used_for))
        .keep(Field::Title, &title)
        .keep(Field::Reason, &reason)
        .run(async move |cx| {
            let admin = cx.require_admin()?;
            let form = ReasonForm::parse(&used_for, &title, &reason)?;
            add_reason(&cx.backend, &form, &admin, &cx.request.client_ip.to_string()).await?;
            Ok(ActionResponse::redirect_with("/admin/reasons", FlashMessage::SavedReasonAdded))
        })
        .await
}

/// Changes a saved reason. `changed_at` is the time of its last change that the page has shown.
#[server(prefix = "/do", endpoint = "change_reason")]
pub async fn change_reason(
    #[server(default)] id: String,
    #[server(default)] changed_at: String,
    #[server(default)] used_for: String,
    #[server(default)] title: String,
    #[server(default)] reason: String,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action, page_with_use};
    use backend::admin::saved_reasons::change_reason;
    use domain::errors::{ErrorCode, Field};
    use domain::flash_message::FlashMessage;
    use domain::saved_reason::ReasonForm;
    use domain::time::Timestamp;

    let id: Option<i64> = id.trim().parse().ok();
    let page = id.map_or_else(|| "/admin/reasons".to_owned(), |id| format!("/admin/reasons/{id}"));
    action(&page_with_use(&page, &used_for))
        .keep(Field::Title, &title)
        .keep(Field::Reason, &reason)
        .run(async move |cx| {
            let admin = cx.require_admin()?;
            let id = id.ok_or(ErrorCode::SavedReasonNotFound)?;
            let changed_at = changed_at.parse().map(Timestamp).map_err(|_| ErrorCode::FormMalformed)?;
            let form = ReasonForm::parse(&used_for, &title, &reason)?;
            let client_ip = cx.request.client_ip.to_string();
            change_reason(&cx.backend, id, changed_at, &form, &admin, &client_ip).await?;
            Ok(ActionResponse::redirect_with("/admin/reasons", FlashMessage::SavedReasonUpdated))
        })
        .await
}

/// Deletes a saved reason.
#[server(prefix = "/do", endpoint = "delete_reason")]
pub async fn delete_reason(#[server(default)] id: String) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action};
    use backend::admin::saved_reasons::delete_reason;
    use domain::errors::ErrorCode;
    use domain::flash_message::FlashMessage;

    action("/admin/reasons")
        .run(async move |cx| {
            let admin = cx.require_admin()?;
            let id: i64 = id.trim().parse().map_err(|_| ErrorCode::SavedReasonNotFound)?;
            delete_reason(&cx.backend, id, &admin, &cx.request.client_ip.to_string()).await?;
            Ok(ActionResponse::redirect_with("/admin/reasons", FlashMessage::SavedReasonDeleted))
        })
        .await
}
