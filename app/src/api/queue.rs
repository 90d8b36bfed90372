//! The actions on the approval queue that are no decisions.

use leptos::prelude::*;

use crate::api::action_result::{ActionError, ActionResult};

/// Assigns a request to the administrator if `to` is `me`. Otherwise, ends its assignment to the administrator. `from` is the page
/// to return to. A script that updates its own page sends `stay`.
#[server(prefix = "/do", endpoint = "assign")]
pub async fn assign(
    #[server(default)] id: String,
    #[server(default)] to: String,
    #[server(default)] from: String,
    #[server(default)] stay: String,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action, admin_page, list_page};
    use backend::admin::queue::assignment;
    use backend::admin::users::find_user_row;
    use domain::errors::ErrorCode;
    use domain::flash_message::FlashMessage;
    use domain::status::UserId;

    let page = list_page(&admin_page(&from)).to_owned();
    action(&page)
        .run(async move |cx| {
            let admin = cx.require_admin()?;
            let id: UserId = id.trim().parse().map_err(|_| ErrorCode::UserNotFound)?;
            let message = if to == "me" {
                assignment::assign(&cx.backend, id, &admin).await?;
                FlashMessage::Assigned
            } else {
                assignment::unassign(&cx.backend, id, &admin).await?;
                FlashMessage::Unassigned
            };
            let user = find_user_row(&cx.backend, admin.user_id, id).await?;
            if !stay.is_empty() {
                return Ok(ActionResponse::stay(message, user));
            }
            cx.set_affected_user(user.as_ref());
            Ok(ActionResponse::redirect_with(&page, message))
        })
        .await
}
