//! The current user's account: email address and deletion.

use leptos::prelude::*;

use crate::api::action_result::{ActionError, ActionResult};
use domain::password::Password;

/// Requests a change of email address. The response is the same whether or not the new address has an account.
#[server(prefix = "/do", endpoint = "ask_address_change")]
pub async fn ask_address_change(
    #[server(default)] email: String,
    #[server(default)] current_password: Password,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action};
    use backend::accounts::email_change::request_email_change;
    use domain::errors::Field;
    use domain::flash_message::FlashMessage;
    use domain::validation::EmailChange;

    action("/profile/address")
        .keep(Field::Email, &email)
        .run(async move |cx| {
            let user = cx.require_user()?;
            let form = EmailChange::parse(&email, current_password, user.requires_password())?;
            let client_ip = cx.request.client_ip.to_string();
            request_email_change(&cx.backend, &user, &form, &client_ip).await?;
            Ok(ActionResponse::redirect_with("/profile", FlashMessage::EmailChangeRequested))
        })
        .await
}

/// Changes the email address to the one to which the link was sent.
#[server(prefix = "/do", endpoint = "change_address")]
pub async fn change_address(
    #[server(default)] token: String,
    #[server(default)] password: Password,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action, token_page};
    use backend::accounts::email_change::confirm_email_change;
    use domain::flash_message::FlashMessage;

    action(&token_page("/confirm-address", &token))
        .run(async move |cx| {
            let (request, browser) = (&cx.request, cx.request.browser());
            let proof = request.proof(&password);
            let changed =
                confirm_email_change(&cx.backend, &request.session, &token, &proof, &browser).await?;
            cx.remember_browser(changed.known);
            Ok(if changed.stays_signed_in {
                ActionResponse::redirect_with("/profile", FlashMessage::EmailChanged)
            } else {
                ActionResponse::redirect_with("/login", FlashMessage::EmailChangedSignIn)
            })
        })
        .await
}

/// Undoes a change of email address.
#[server(prefix = "/do", endpoint = "undo_address_change")]
pub async fn undo_address_change(#[server(default)] token: String) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action, token_page};
    use backend::accounts::email_change::undo_email_change;
    use domain::flash_message::FlashMessage;

    action(&token_page("/undo", &token))
        .run(async move |cx| {
            let (request, browser) = (&cx.request, cx.request.browser());
            let no_password = Password::default();
            let proof = request.proof(&no_password);
            let may_choose_password =
                undo_email_change(&cx.backend, &request.session, &token, &proof, &browser).await?;
            Ok(if may_choose_password {
                ActionResponse::redirect_with("/change-password", FlashMessage::EmailRestored)
            } else {
                ActionResponse::redirect_with("/login", FlashMessage::EmailRestoredInactive)
            })
        })
        .await
}

/// Requests the deletion of the current user's account.
#[server(prefix = "/do", endpoint = "delete_account")]
pub async fn delete_account(
    #[server(default)] current_password: Password,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action};
    use backend::accounts::deletion::request_deletion;
    use domain::flash_message::FlashMessage;

    action("/profile/delete")
        .run(async move |cx| {
            let user = cx.require_user()?;
            let client_ip = cx.request.client_ip.to_string();
            let due = request_deletion(&cx.backend, &user, &current_password, &client_ip).await?;
            cx.request.session.delete_record(&cx.backend).await;
            Ok(ActionResponse::redirect_with("/", FlashMessage::DeletionRequested(due)))
        })
        .await
}

/// Keeps an account that is due for deletion.
#[server(prefix = "/do", endpoint = "keep_account")]
pub async fn keep_account(
    #[server(default)] token: String,
    #[server(default)] password: Password,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action, token_page};
    use backend::accounts::deletion::keep_account;
    use domain::flash_message::FlashMessage;

    action(&token_page("/keep", &token))
        .run(async move |cx| {
            let (request, browser) = (&cx.request, cx.request.browser());
            let proof = request.proof(&password);
            let may_choose_password =
                keep_account(&cx.backend, &request.session, &token, &proof, &browser).await?;
            Ok(if may_choose_password {
                ActionResponse::redirect_with("/change-password", FlashMessage::AccountKept)
            } else {
                ActionResponse::redirect_with("/login", FlashMessage::AccountKeptSignIn)
            })
        })
        .await
}
