//! The actions of administrators, except decisions about accounts.

use leptos::prelude::*;

use crate::api::action_result::{ActionError, ActionResult};

/// Sends a failed email again.
#[server(prefix = "/do", endpoint = "resend_mail")]
pub async fn resend_mail(#[server(default)] id: String) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action};
    use backend::admin::failed_emails::resend_email;
    use domain::errors::ErrorCode;
    use domain::flash_message::FlashMessage;

    action("/admin/mail")
        .run(async move |cx| {
            let admin = cx.require_admin()?;
            let id: i64 = id.trim().parse().map_err(|_| ErrorCode::EmailNotFound)?;
            resend_email(&cx.backend, id, &admin, &cx.request.client_ip.to_string()).await?;
            Ok(ActionResponse::redirect_with("/admin/mail", FlashMessage::EmailQueued))
        })
        .await
}

/// Sends all failed emails again.
#[server(prefix = "/do", endpoint = "resend_all_mails")]
pub async fn resend_all_mails() -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action};
    use backend::admin::failed_emails::resend_all_emails;
    use domain::flash_message::FlashMessage;

    action("/admin/mail")
        .run(async |cx| {
            let admin = cx.require_admin()?;
            resend_all_emails(&cx.backend, &admin, &cx.request.client_ip.to_string()).await?;
            Ok(ActionResponse::redirect_with("/admin/mail", FlashMessage::EmailsQueued))
        })
        .await
}

/// Dismisses a failed email.
#[server(prefix = "/do", endpoint = "dismiss_mail")]
pub async fn dismiss_mail(#[server(default)] id: String) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action};
    use backend::admin::failed_emails::dismiss_email;
    use domain::errors::ErrorCode;
    use domain::flash_message::FlashMessage;

    action("/admin/mail")
        .run(async move |cx| {
            let admin = cx.require_admin()?;
            let id: i64 = id.trim().parse().map_err(|_| ErrorCode::EmailNotFound)?;
            dismiss_email(&cx.backend, id, &admin, &cx.request.client_ip.to_string()).await?;
            Ok(ActionResponse::redirect_with("/admin/mail", FlashMessage::EmailDismissed))
        })
        .await
}
