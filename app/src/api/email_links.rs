//! The links in emails, and requests for new ones.

use leptos::prelude::*;

use crate::api::action_result::{ActionError, ActionResult};
use domain::password::Password;

/// Confirms the email address to which the link was sent.
#[server(prefix = "/do", endpoint = "confirm_address")]
pub async fn confirm_address(
    #[server(default)] token: String,
    #[server(default)] password: Password,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action, token_page};
    use backend::accounts::email_verification::{ConfirmedAccount, confirm_email};
    use domain::flash_message::FlashMessage;

    action(&token_page("/confirm", &token))
        .run(async move |cx| {
            let confirmed = confirm_email(&cx.backend, &token, &cx.request.proof(&password)).await?;
            let message = match confirmed.account {
                ConfirmedAccount::Pending => FlashMessage::EmailConfirmed,
                ConfirmedAccount::OnHold => FlashMessage::EmailConfirmedOnHold,
                ConfirmedAccount::Active => FlashMessage::EmailConfirmedActive,
            };
            let user = cx.request.current_user.as_ref();
            let signed_in = user.is_some_and(|user| user.user_id == confirmed.user_id);
            Ok(ActionResponse::redirect_with(if signed_in { "/profile" } else { "/login" }, message))
        })
        .await
}

/// "This wasn't me": removes the registration while it is pending, and otherwise only revokes the link.
#[server(prefix = "/do", endpoint = "disown_address")]
pub async fn disown_address(#[server(default)] token: String) -> Result<ActionResult, ActionError> {
    disown("/confirm", token).await
}

/// Does the same as [`disown_address`], for "This wasn't me" on the page of a question.
#[server(prefix = "/do", endpoint = "disown_registration")]
pub async fn disown_registration(#[server(default)] token: String) -> Result<ActionResult, ActionError> {
    disown("/answer", token).await
}

/// Removes the registration of a link whose page is below `base`.
#[cfg(feature = "ssr")]
async fn disown(base: &str, token: String) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action, token_page};
    use backend::accounts::email_verification::{CancelledRegistration, cancel_registration};
    use domain::flash_message::FlashMessage;

    action(&token_page(base, &token))
        .run(async move |cx| {
            let no_password = Password::default();
            let proof = cx.request.proof(&no_password);
            let message = match cancel_registration(&cx.backend, &token, &proof).await? {
                CancelledRegistration::Removed => FlashMessage::RegistrationRemoved,
                CancelledRegistration::Reported => FlashMessage::RegistrationDisputed,
            };
            Ok(ActionResponse::redirect_with("/", message))
        })
        .await
}

/// Signs in once with the link from the approval email.
#[server(prefix = "/do", endpoint = "use_sign_in_link")]
pub async fn use_sign_in_link(
    #[server(default)] token: String,
    #[server(default)] password: Password,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action, token_page};
    use backend::auth::sign_in_link::use_sign_in_link;

    action(&token_page("/auto-login", &token))
        .run(async move |cx| {
            let (request, browser) = (&cx.request, cx.request.browser());
            let proof = request.proof(&password);
            use_sign_in_link(&cx.backend, &request.session, &token, &proof, &browser).await?;
            Ok(ActionResponse::redirect("/profile"))
        })
        .await
}

/// Requests another link to confirm the email address, for a user who is signed in or has entered the correct password. `page` is
/// `question` for the page of a question.
#[server(prefix = "/do", endpoint = "ask_confirmation")]
pub async fn ask_confirmation(#[server(default)] page: String) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, QUESTION_PAGE, action};
    use backend::accounts::email_verification::resend_verification;
    use domain::errors::ErrorCode;
    use domain::flash_message::FlashMessage;

    let visitor_page = if page == "question" { QUESTION_PAGE } else { "/login" };
    action(visitor_page)
        .run(async |cx| {
            let signed_in = cx.request.current_user.as_ref().map(|user| user.user_id);
            let verified = cx.request.password_verified.filter(|verified| verified.can_confirm);
            let user_id = signed_in.or(verified.map(|verified| verified.user_id));
            let user_id = user_id.ok_or(ErrorCode::SignedOut)?;
            resend_verification(&cx.backend, user_id, cx.request.client_ip).await?;
            let page = if signed_in.is_some() { "/profile" } else { visitor_page };
            Ok(ActionResponse::redirect_with(page, FlashMessage::ConfirmationSent))
        })
        .await
}
