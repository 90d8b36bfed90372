//! Proving who one is before something weighty: what its forms share.

use leptos::prelude::*;

use super::frame::Refused;
use super::request::PageRequest;
use crate::backend::sessions::Viewer;
use crate::domain::problem::Field;
use crate::islands::fields::PasswordField;

/// The account's name where password managers look for it; nobody else meets it.
#[component]
pub fn AccountName(
    /// The name.
    username: String,
) -> impl IntoView {
    view! { <input class="sr-only" type="text" name="username" autocomplete="username" value=username readonly tabindex="-1" aria-hidden="true" /> }
}

/// Asks for the viewer's password, if they have to give it.
#[component]
pub fn CurrentPassword(
    /// Whose.
    viewer: Viewer,
    /// Whether it is the form's first field.
    first: bool,
) -> impl IntoView {
    let asked = viewer.must_give_password();
    view! {
        <AccountName username=viewer.username />
        {asked.then(|| view! {
            <PasswordField
                field=Field::CurrentPassword
                label="Current password".to_owned()
                hint=String::new()
                autocomplete="current-password".to_owned()
                first=first
                least=0
            />
        })}
    }
}

/// The way on for somebody without a password to give, whose sign-in is too long ago.
#[component]
pub fn ProofTooOld(
    /// The request.
    request: PageRequest,
) -> impl IntoView {
    let passwordless = request.viewer().is_some_and(|viewer| !viewer.has_password);
    let by_microsoft = passwordless && request.backend.microsoft.is_some();
    let address = request.address.clone();
    view! {
        <div class="stack">
            <Refused request=request />
            {if by_microsoft {
                view! {
                    <p>"Sign in with Microsoft again to go on. You'll come back to this page."</p>
                    <form method="post" action="/do/prove_with_microsoft">
                        <input type="hidden" name="next" value=address />
                        <div class="row">
                            <button class="btn btn-primary">"Sign in with Microsoft again"</button>
                            <a class="btn" href="/profile">"Cancel"</a>
                        </div>
                    </form>
                }
                .into_any()
            } else {
                view! {
                    <p>"Sign out, then ask for a temporary password, or ask for another link."</p>
                    <div class="row">
                        <a class="btn btn-primary" href="/logout">"Sign out"</a>
                        <a class="btn" href="/profile">"Back to the profile"</a>
                    </div>
                }
                .into_any()
            }}
        </div>
    }
    .into_any()
}

/// Under a form that asks for the current password.
#[component]
pub fn ForgottenIt() -> impl IntoView {
    view! {
        <p class="form-foot">"Forgotten it? " <a href="/logout">"Sign out"</a>", then ask for a temporary one."</p>
    }
}
