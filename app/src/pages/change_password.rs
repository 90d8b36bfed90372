//! `/change-password`: the password change, voluntary or required after a reset.

use leptos::prelude::*;

use crate::islands::fields::PasswordField;
use crate::islands::form::FormIsland;
use crate::pages::layouts::{NavSection, ProgressStep, SignedInLayout, SignedOutLayout};
use crate::pages::page_request::PageRequest;
use crate::pages::reauthentication::{CurrentPasswordField, ForgottenPasswordHint, ReauthenticationRequired};
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
        (true, true) => ("Change password", "You stay signed in here, and are signed out everywhere else."),
        (true, false) if needs_reauthentication => {
            ("Choose a new password", "More than ten minutes have passed since you came by the link.")
        }
        (true, false) => (
            "Choose a new password",
            "You came by a link of the operator's, so your present password is not asked for.",
        ),
        (false, _) => ("Set a password", "You have none yet."),
    };
    Some(
        view! {
            <SignedInLayout request=request.clone() title=title.to_owned() lead=lead.to_owned() section=NavSection::Profile narrow=true>
                {if needs_reauthentication {
                    view! { <ReauthenticationRequired request=request /> }.into_any()
                } else {
                    view! { <PasswordForm request=request current_user=current_user /> }.into_any()
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
    let (lead, not_now) = match current_user.auth_method {
        AuthMethod::UndoLink | AuthMethod::KeepLink => (
            format!("Choose a new password to go on. The old one of {name} no longer works."),
            "Not now? You can ask for a temporary password at any time.",
        ),
        _ => (
            format!(
                "Choose a new password to go on. You are signed in as {name} for this alone; the temporary one is used up."
            ),
            "Not now? Your old password still works if you remember it, and you can ask for another temporary one.",
        ),
    };
    view! {
        <SignedOutLayout request=request.clone() title="New password".to_owned() lead=lead step=ProgressStep::ResetNewPassword>
            <PasswordForm request=request current_user=current_user />
            <form class="form-foot" method="post" action="/do/sign_out">
                <p>{not_now}</p>
                <button class="btn btn-sm">"Sign out"</button>
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
        <FormIsland action="/do/change_password".to_owned() errors=request.errors()>
            <CurrentPasswordField current_user=current_user.clone() first=true />
            <PasswordField
                field=Field::NewPassword
                label="New password".to_owned()
                hint=format!("At least {min_length} characters. Three or four unrelated words are good.")
                autocomplete="new-password".to_owned()
                autofocus=!asks_password
                min_length=min_length
            />
            <PasswordField
                field=Field::ConfirmPassword
                label="New password once more".to_owned()
                hint=String::new()
                autocomplete="new-password".to_owned()
                autofocus=false
                min_length=min_length
            />
            <div class="form-actions row">
                <button class="btn btn-primary">{if current_user.has_password { "Change password" } else { "Set a password" }}</button>
                {(current_user.kind == SessionKind::Ordinary).then(|| view! { <a class="btn" href="/profile">"Cancel"</a> })}
            </div>
        </FormIsland>
        {asks_password.then(|| view! { <ForgottenPasswordHint /> })}
    }
    .into_any()
}
