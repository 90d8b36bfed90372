//! The shared components of forms that re-authenticate the user before a sensitive action.

use leptos::prelude::*;

use crate::islands::fields::PasswordField;
use crate::pages::layouts::FlashError;
use crate::pages::page_request::PageRequest;
use crate::pages::rendered::IntoRendered as _;
use backend::sessions::CurrentUser;
use domain::errors::Field;

/// A hidden username field, from which password managers learn the account of a password form.
#[component]
pub fn HiddenUsernameField(
    /// The username of the account.
    username: String,
) -> impl IntoView {
    view! { <input class="sr-only" type="text" name="username" autocomplete="username" value=username readonly tabindex="-1" aria-hidden="true" /> }
}

/// The field for the current password, if the action requires the password, and the hidden username field.
#[component]
pub fn CurrentPasswordField(
    /// The signed-in user.
    current_user: CurrentUser,
    /// True if the field is the first of its form.
    first: bool,
) -> impl IntoView {
    let asks_password = current_user.requires_password();
    view! {
        <HiddenUsernameField username=current_user.username />
        {asks_password.then(|| view! {
            <PasswordField
                field=Field::CurrentPassword
                label="Current password".to_owned()
                hint=String::new()
                autocomplete="current-password".to_owned()
                autofocus=first
                min_length=0
            />
        })}
    }
}

/// Explains how to re-authenticate, for a user who is not asked for a password and signed in too long ago.
#[component]
pub fn ReauthenticationRequired(
    /// The request that the page answers.
    request: PageRequest,
) -> impl IntoView {
    let passwordless = request.current_user().is_some_and(|current_user| !current_user.has_password);
    let with_microsoft = passwordless && request.backend.microsoft.is_some();
    let return_to = request.path_and_query.clone();
    view! {
        <div class="flex flex-col gap-6">
            <FlashError request=request />
            {if with_microsoft {
                view! {
                    <p>"Confirm it's you: sign in with Microsoft again. We'll bring you back to this page."</p>
                    <form method="post" action="/do/prove_with_microsoft">
                        <input type="hidden" name="next" value=return_to />
                        <div class="flex flex-wrap items-center gap-3">
                            <button class="btn btn-primary">"Sign in with Microsoft again"</button>
                            <a class="btn border-line" href="/profile">"Cancel"</a>
                        </div>
                    </form>
                }
                .rendered()
            } else {
                view! {
                    <p>"Confirm it's you: sign out, then ask for a temporary password or another sign-in link."</p>
                    <div class="flex flex-wrap items-center gap-3">
                        <a class="btn btn-primary" href="/logout">"Sign out"</a>
                        <a class="btn border-line" href="/profile">"Cancel"</a>
                    </div>
                }
                .rendered()
            }}
        </div>
    }
    .rendered()
}

/// The hint below a form that asks for the current password, for a user who has forgotten it.
#[component]
pub fn ForgottenPasswordHint() -> impl IntoView {
    view! {
        <p class="text-sm/6 text-muted">"Forgotten your password? " <a href="/logout">"Sign out"</a>", then ask for a temporary password."</p>
    }
}
