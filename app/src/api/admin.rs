//! The actions of administrators.

use leptos::prelude::*;

use crate::api::action_result::{ActionError, ActionResult};

/// Applies an action to a user. `from` is the page to return to. A script that updates its own page sends `stay` and gets the
/// user as they are now.
#[server(prefix = "/do", endpoint = "decide")]
pub async fn decide(
    #[server(default)] id: String,
    #[server(default)] decision: String,
    #[server(default)] from: String,
    #[server(default)] stay: String,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action};
    use backend::admin::user_actions::apply_action;
    use backend::admin::users::find_user_row;
    use backend::error::UseCaseError;
    use domain::errors::ErrorCode;
    use domain::flash_message::FlashMessage;
    use domain::return_to::ReturnTo;
    use domain::status::{AdminAction, UserId};

    let from = ReturnTo::parse(&from).filter(|page| page.as_str().starts_with("/admin"));
    action(from.as_ref().map_or("/admin", ReturnTo::as_str))
        .run(async move |cx| {
            let admin = cx.require_admin()?;
            let id: UserId = id.trim().parse().map_err(|_| ErrorCode::UserNotFound)?;
            let admin_action = AdminAction::from_slug(&decision).ok_or(ErrorCode::FormMalformed)?;
            let message = FlashMessage::ActionApplied(admin_action);
            let client_ip = cx.request.client_ip.to_string();
            let errors = match apply_action(&cx.backend, admin_action, id, &admin, &client_ip).await {
                Ok(()) if stay.is_empty() => {
                    // A user's page leads to the list, and the list to the same place in the list.
                    let page =
                        from.as_ref().map(ReturnTo::as_str).filter(|page| !page.starts_with("/admin/"));
                    cx.set_affected_user(find_user_row(&cx.backend, admin.user_id, id).await?);
                    return Ok(ActionResponse::redirect_with(page.unwrap_or("/admin"), message));
                }
                Ok(()) => None,
                // An administrator who has lost the role in the meantime must not see the user.
                Err(UseCaseError::Rejected(errors))
                    if matches!(errors.form, Some(ErrorCode::SignedOut | ErrorCode::Forbidden)) =>
                {
                    return Ok(ActionResponse::Refused(errors));
                }
                Err(UseCaseError::Rejected(errors)) => Some(errors),
                Err(error) => return Err(error.into()),
            };
            let user = find_user_row(&cx.backend, admin.user_id, id).await?;
            cx.set_affected_user(user.clone());
            Ok(match (errors, user) {
                (None, user) => ActionResponse::stay(message, user),
                (Some(errors), Some(user)) => ActionResponse::Stale(errors, Box::new(user)),
                (Some(errors), None) => ActionResponse::Refused(errors),
            })
        })
        .await
}

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
