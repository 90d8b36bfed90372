//! The current user's sessions.

use leptos::prelude::*;

use crate::api::action_result::{ActionError, ActionResult};

/// Ends one of the current user's sessions. `handle` is its public id.
#[server(prefix = "/do", endpoint = "end_session")]
pub async fn end_session(#[server(default)] handle: String) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action};
    use backend::sessions::revoke_session;
    use domain::errors::ErrorCode;
    use domain::flash_message::FlashMessage;

    action("/profile")
        .run(async move |cx| {
            let user = cx.require_user()?;
            if !revoke_session(&cx.backend, &user, &handle, &cx.request.client_ip.to_string()).await? {
                return Err(ErrorCode::SessionNotFound.into());
            }
            if handle == user.public_id {
                cx.request.session.delete_record(&cx.backend).await;
                return Ok(ActionResponse::redirect_with("/login", FlashMessage::SignedOut));
            }
            Ok(ActionResponse::redirect_with("/profile", FlashMessage::SessionRevoked))
        })
        .await
}

/// Ends all of the current user's sessions except the current one.
#[server(prefix = "/do", endpoint = "end_other_sessions")]
pub async fn end_other_sessions() -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action};
    use backend::sessions::revoke_other_sessions;
    use domain::flash_message::FlashMessage;

    action("/profile")
        .run(async |cx| {
            let user = cx.require_user()?;
            let known = revoke_other_sessions(&cx.backend, &user, &cx.request.browser()).await?;
            cx.remember_browser(known);
            Ok(ActionResponse::redirect_with("/profile", FlashMessage::OtherSessionsRevoked))
        })
        .await
}
