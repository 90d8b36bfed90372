//! `/change-password`: the password change, voluntary or required after a reset.

use leptos::prelude::*;

use crate::islands::fields::PasswordField;
use crate::pages::form::Form;
use crate::pages::layouts::{NavSection, ProgressStep, SignedInLayout, SignedOutLayout};
use crate::pages::page_request::PageRequest;
use crate::pages::reauthentication::{CurrentPasswordField, ForgottenPasswordHint, ReauthenticationRequired};
use crate::pages::rendered::IntoRendered as _;
use backend::sessions::{AuthMethod, CurrentUser, SessionKind};
use domain::errors::Field;

/// The page that changes or sets the password.
#[component]
pub fn ChangePasswordPage() -> impl IntoView {
    let request = PageRequest::get()?;
    if let Some(current_user) = request.context.restricted_user.clone() {
        return Some(
            view! { <RequiredPasswordChange request=request current_user=(*current_user).clone() /> }
                .into_any(),
        );
    }
    let current_user = request.current_user().cloned()?;
    let is_recent = current_user.is_recently_authenticated(request.backend.now());
    let needs_reauthentication = !current_user.requires_password() && !is_recent;
    let (title, lead) = match (current_user.has_password, current_user.requires_password()) {
        (true, true) => ("Change password", "You'll stay signed in here and be signed out everywhere else."),
        (true, false) if needs_reauthentication => {
            ("Choose a new password", "You used the sign-in link more than 10 minutes ago.")
        }
        (true, false) => (
            "Choose a new password",
            "You signed in with a link from your administrator, so you do not need your current password.",
        ),
        (false, _) => ("Set a password", "You do not have a password yet."),
    };
    Some(
        view! {
            <SignedInLayout request=request.clone() title=title.to_owned() lead=lead.to_owned() section=NavSection::Profile narrow=true>
                {if needs_reauthentication {
                    view! { <ReauthenticationRequired request=request /> }.rendered()
                } else {
                    view! { <PasswordForm request=request current_user=current_user /> }.rendered()
                }}
            </SignedInLayout>
        }
        .into_any(),
    )
}

/// The page of a restricted session, which can only choose a new password or sign out.
#[component]
fn RequiredPasswordChange(request: PageRequest, current_user: CurrentUser) -> impl IntoView {
    let name = current_user.username.clone();
    let (step, lead, not_now) = match current_user.auth_method {
        AuthMethod::UndoLink | AuthMethod::KeepLink => (
            ProgressStep::None,
            format!("Choose a new password within 15 minutes. The old password of {name} no longer works."),
            "Not now? You can ask for a temporary password at any time.",
        ),
        _ => (
            ProgressStep::ResetNewPassword,
            format!(
                "You signed in as {name} with a temporary password. Choose a new password within 15 minutes."
            ),
            "Not now? Your password has not been changed, and you can ask for another temporary password.",
        ),
    };
    view! {
        <SignedOutLayout request=request.clone() title="Choose a new password".to_owned() lead=lead step=step>
            <PasswordForm request=request current_user=current_user />
            <form class="flex flex-col items-start gap-2 text-sm/6 text-muted" method="post" action="/do/sign_out">
                <p>{not_now}</p>
                <button class="btn border-line">"Sign out"</button>
            </form>
        </SignedOutLayout>
    }
}

/// The form that changes or sets the password.
#[component]
fn PasswordForm(request: PageRequest, current_user: CurrentUser) -> impl IntoView {
    let min_length = request.settings().password_min_length;
    let asks_password = current_user.requires_password();
    view! {
        <Form action="/do/change_password".to_owned() errors=request.errors()>
            <CurrentPasswordField current_user=current_user.clone() first=true />
            <PasswordField
                field=Field::NewPassword
                label="New password".to_owned()
                hint=format!("At least {min_length} characters. Three or four unrelated words work well.")
                autocomplete="new-password".to_owned()
                autofocus=!asks_password
                min_length=min_length
            />
            <PasswordField
                field=Field::ConfirmPassword
                label="Confirm new password".to_owned()
                hint=String::new()
                autocomplete="new-password".to_owned()
                autofocus=false
                min_length=min_length
            />
            <div class="flex flex-wrap gap-3">
                <button class=if current_user.kind == SessionKind::Ordinary { "btn btn-primary" } else { "btn btn-primary btn-block" }>
                    {if current_user.has_password { "Change password" } else { "Set a password" }}
                </button>
                {(current_user.kind == SessionKind::Ordinary).then(|| view! { <a class="btn border-line" href="/profile">"Cancel"</a> })}
            </div>
        </Form>
        {asks_password.then(|| view! { <ForgottenPasswordHint /> })}
    }
    .rendered()
}
