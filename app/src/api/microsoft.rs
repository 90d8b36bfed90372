//! Microsoft: signing in, linking, unlinking and re-authentication.

use leptos::prelude::*;

use crate::api::action_result::{ActionError, ActionResult};
use domain::password::Password;

/// Redirects to Microsoft to sign in, from the sign-in form. (`/ms-login` does the same for links.)
#[server(prefix = "/do", endpoint = "sign_in_with_microsoft")]
pub async fn sign_in_with_microsoft(
    #[server(default)] username: String,
    #[server(default)] next: String,
    #[server(default)] shared: String,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action, login_page};
    use backend::microsoft::{DEFAULT_RETURN_TO, begin_sign_in};
    use domain::errors::Field;
    use domain::return_to::ReturnTo;

    let return_to = ReturnTo::parse(&next);
    let action = action(&login_page(return_to.as_ref()));
    let action = action.keep(Field::Username, &username).keep(Field::Shared, &shared);
    action
        .run(async move |cx| {
            let page = return_to.as_ref().map_or(DEFAULT_RETURN_TO, ReturnTo::as_str);
            let request = &cx.request;
            if request.current_user.is_some() || request.restricted_user.is_some() {
                return Ok(ActionResponse::redirect(page));
            }
            let (shared, secret) = (!shared.is_empty(), request.authorization_secret.as_deref());
            let to = begin_sign_in(&cx.backend, request.client_ip, shared, page, secret).await?;
            Ok(cx.redirect_to_microsoft(&to))
        })
        .await
}

/// Redirects to Microsoft to link an account.
#[server(prefix = "/do", endpoint = "link_microsoft")]
pub async fn link_microsoft(
    #[server(default)] current_password: Password,
) -> Result<ActionResult, ActionError> {
    use crate::http::action;
    use backend::microsoft::begin_link;

    action("/profile/microsoft")
        .run(async move |cx| {
            let user = cx.require_user()?;
            let (client_ip, secret) = (cx.request.client_ip, cx.request.authorization_secret.as_deref());
            let to = begin_link(&cx.backend, &user, &current_password, client_ip, secret).await?;
            Ok(cx.redirect_to_microsoft(&to))
        })
        .await
}

/// Unlinks the Microsoft account.
#[server(prefix = "/do", endpoint = "unlink_microsoft")]
pub async fn unlink_microsoft(
    #[server(default)] current_password: Password,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action};
    use backend::microsoft::unlink;
    use domain::flash_message::FlashMessage;

    action("/profile/microsoft")
        .run(async move |cx| {
            let user = cx.require_user()?;
            unlink(&cx.backend, &user, &current_password, &cx.request.client_ip.to_string()).await?;
            Ok(ActionResponse::redirect_with("/profile", FlashMessage::MicrosoftUnlinked))
        })
        .await
}

/// Redirects to Microsoft to re-authenticate, and then returns to `next`.
#[server(prefix = "/do", endpoint = "prove_with_microsoft")]
pub async fn prove_with_microsoft(#[server(default)] next: String) -> Result<ActionResult, ActionError> {
    use crate::http::action;
    use backend::microsoft::begin_reauthentication;
    use domain::return_to::ReturnTo;

    let page = ReturnTo::parse(&next).map_or_else(|| "/profile".to_owned(), |page| page.as_str().to_owned());
    action(&page)
        .run(async move |cx| {
            let user = cx.require_user()?;
            let secret = cx.request.authorization_secret.as_deref();
            let to = begin_reauthentication(&cx.backend, &user, &page, secret).await?;
            Ok(cx.redirect_to_microsoft(&to))
        })
        .await
}
