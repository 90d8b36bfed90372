//! Registration, signing in and out, and the first administrator.

use leptos::prelude::*;

use crate::api::action_result::{ActionError, ActionResult};
use domain::password::Password;

/// Registers an account, which is pending until an administrator approves it.
#[server(prefix = "/do", endpoint = "register")]
pub async fn register(
    #[server(default)] username: String,
    #[server(default)] email: String,
    #[server(default)] password: Password,
    #[server(default)] confirm_password: Password,
    #[server(default)] answer: String,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action};
    use backend::accounts::registration;
    use backend::auth::password::normalize;
    use domain::errors::Field;
    use domain::flash_message::FlashMessage;
    use domain::validation::Registration;

    let action = action("/register").keep(Field::Username, &username).keep(Field::Email, &email);
    action
        .keep(Field::Answer, &answer)
        .run(async move |cx| {
            let min_length = cx.backend.settings.password_min_length;
            let (password, confirmation) = (normalize(&password), normalize(&confirm_password));
            let mut form = Registration::parse(&username, &email, password, &confirmation, min_length);
            if cx.backend.settings.register_question.is_some() {
                form = Registration::with_answer(form, &answer);
            }
            let form = form?;
            let user_id = registration::register(&cx.backend, form, cx.request.client_ip).await?;
            cx.remember_registration(user_id);
            // The status page shows the registration of this browser.
            cx.forget_verified_password();
            Ok(ActionResponse::redirect_with("/login", FlashMessage::Registered))
        })
        .await
}

/// Signs in with a username or email address and a password.
#[server(prefix = "/do", endpoint = "sign_in")]
pub async fn sign_in(
    #[server(default)] username: String,
    #[server(default)] password: Password,
    #[server(default)] next: String,
    #[server(default)] shared: String,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, QUESTION_PAGE, action, login_page};
    use backend::auth::password_sign_in::{SignIn, SignedIn, sign_in};
    use domain::errors::{ErrorCode, Field};
    use domain::return_to::ReturnTo;
    use domain::status::PublicStatus;

    let return_to = ReturnTo::parse(&next);
    let page = login_page(return_to.as_ref());
    let action = action(&page).keep(Field::Username, &username).keep(Field::Shared, &shared);
    action
        .run(async move |cx| {
            let form = SignIn {
                identifier: &username,
                password: &password,
                shared: !shared.is_empty(),
                client_ip: cx.request.client_ip,
            };
            match sign_in(&cx.backend, &cx.request.session, form, &cx.request.browser()).await? {
                SignedIn::Open { known } => {
                    cx.remember_browser(known);
                    Ok(ActionResponse::redirect(return_to.as_ref().map_or("/profile", ReturnTo::as_str)))
                }
                SignedIn::Restricted => Ok(ActionResponse::redirect("/change-password")),
                SignedIn::NotActive { user_id, reason, can_confirm } => {
                    let is_on_hold = reason == ErrorCode::NotActive(PublicStatus::Held);
                    if is_on_hold || reason == ErrorCode::NotActive(PublicStatus::Pending) {
                        cx.remember_verified_password(user_id, can_confirm);
                    } else {
                        cx.forget_verified_password();
                    }
                    Ok(if is_on_hold {
                        ActionResponse::redirect(QUESTION_PAGE)
                    } else {
                        ActionResponse::refused_at(&page, reason)
                    })
                }
            }
        })
        .await
}

/// Signs out. A visitor gets the same message.
#[server(prefix = "/do", endpoint = "sign_out")]
pub async fn sign_out() -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action};
    use backend::sessions::{AuthMethod, sign_out};
    use domain::flash_message::FlashMessage;

    action("/logout")
        .run(async |cx| {
            let request = &cx.request;
            let user = request.current_user.as_deref().or(request.restricted_user.as_deref());
            let (form_secret, client_ip) = (request.form_secret.as_ref(), request.client_ip.to_string());
            if user.is_some() || form_secret.is_some() {
                sign_out(&cx.backend, &request.session, user, form_secret, &client_ip).await?;
            }
            cx.forget_form();
            let user = request.current_user.as_ref();
            let by_microsoft = user.is_some_and(|user| user.auth_method == AuthMethod::Microsoft);
            let message = if by_microsoft { FlashMessage::SignedOutLocally } else { FlashMessage::SignedOut };
            Ok(ActionResponse::redirect_with("/", message))
        })
        .await
}

/// Creates the first administrator, with the setup link from the log.
#[server(prefix = "/do", endpoint = "set_up")]
pub async fn set_up(
    #[server(default)] token: String,
    #[server(default)] username: String,
    #[server(default)] email: String,
    #[server(default)] password: Password,
    #[server(default)] confirm_password: Password,
) -> Result<ActionResult, ActionError> {
    use crate::http::{ActionResponse, action, token_page};
    use backend::accounts::first_admin::create_first_admin;
    use backend::auth::password::normalize;
    use domain::errors::Field;
    use domain::flash_message::FlashMessage;
    use domain::validation::Registration;

    let action = action(&token_page("/setup", &token));
    let action = action.keep(Field::Username, &username).keep(Field::Email, &email);
    action
        .run(async move |cx| {
            let min_length = cx.backend.settings.password_min_length;
            let (password, confirmation) = (normalize(&password), normalize(&confirm_password));
            let form = Registration::parse(&username, &email, password, &confirmation, min_length)?;
            let (request, browser) = (&cx.request, cx.request.browser());
            let no_password = Password::default();
            let proof = request.proof(&no_password);
            create_first_admin(&cx.backend, &request.session, &token, form, &proof, &browser).await?;
            Ok(ActionResponse::redirect_with("/admin", FlashMessage::AdminCreated))
        })
        .await
}
