//! Requesting a temporary password, and choosing a new password.

use leptos::prelude::*;

use crate::api::action_result::{ActionError, ActionResult};
use domain::password::Password;

/// Requests a temporary password by email. The response is the same for every email address.
#[server(prefix = "/do", endpoint = "ask_reset")]
pub async fn ask_reset(#[server(default)] email: String) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action};
    use backend::accounts::password_reset::request::request_password_reset;
    use domain::email_address::EmailAddress;
    use domain::errors::{ErrorCode, Field, FormErrors};
    use domain::flash_message::FlashMessage;

    // The email address fills in the sign-in form that follows.
    let action = action("/reset-password").keep(Field::Email, &email).keep(Field::Username, &email);
    action
        .run(async move |cx| {
            let email = EmailAddress::parse(&email)
                .map_err(|error| FormErrors::of_field(Field::Email, ErrorCode::from(error)))?;
            request_password_reset(&cx.backend, &email, cx.request.client_ip).await?;
            Ok(ActionResponse::redirect_with("/login", FlashMessage::ResetRequested))
        })
        .await
}

/// Chooses a new password.
#[server(prefix = "/do", endpoint = "change_password")]
pub async fn change_password(
    #[server(default)] current_password: Password,
    #[server(default)] new_password: Password,
    #[server(default)] confirm_password: Password,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action};
    use backend::accounts::password_change::change_password;
    use backend::auth::password::normalize;
    use domain::flash_message::FlashMessage;
    use domain::validation::PasswordChange;

    action("/change-password")
        .run(async move |cx| {
            let user = cx.require_restricted_user()?;
            let min_length = cx.backend.settings.password_min_length;
            let asks_current = user.requires_password();
            let form = PasswordChange::parse(
                normalize(&current_password),
                normalize(&new_password),
                &normalize(&confirm_password),
                min_length,
                asks_current,
            )?;
            let browser = cx.request.browser();
            let known = change_password(&cx.backend, &cx.request.session, &user, form, &browser).await?;
            cx.remember_browser(known);
            Ok(ActionResponse::redirect_with("/profile", FlashMessage::PasswordChanged))
        })
        .await
}
