//! `/register`: asking to be let in.

use leptos::prelude::*;

use super::frame::{Lobby, Step};
use super::request::PageRequest;
use crate::domain::problem::Field;
use crate::islands::fields::{PasswordField, TextField};
use crate::islands::form::FormIsland;

/// The page.
#[component]
pub fn RegisterPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let microsoft = request.backend.microsoft.is_some();
    Some(view! {
        <Lobby
            request=request.clone()
            title="Create your account".to_owned()
            lead="An administrator looks at it, then lets you in.".to_owned()
            step=Step::Register
        >
            <FormIsland action="/do/register".to_owned() refusal=request.refusal()>
                {registration_fields(&request, "We mail you a link to confirm it.")}
                <div class="form-actions">
                    <button class="btn btn-primary btn-block">"Create account"</button>
                </div>
            </FormIsland>
            <p class="form-foot">"Already have an account? " <a href="/login">"Sign in"</a></p>
            {microsoft.then(|| view! {
                <p class="form-foot">"A Microsoft account from work? " <a href="/ms-login">"Sign in with Microsoft"</a></p>
            })}
        </Lobby>
    })
}

/// The four fields that make an account.
pub fn registration_fields(request: &PageRequest, email_hint: &str) -> impl IntoView + use<> {
    let least = request.settings().password_min_length;
    view! {
        <TextField
            field=Field::Username
            label="Username".to_owned()
            hint="3 to 32 letters, digits, and single dots, hyphens or underscores between them.".to_owned()
            value=request.typed(Field::Username)
            autocomplete="username".to_owned()
            first=true
            check=true
        />
        <TextField
            field=Field::Email
            label="Email address".to_owned()
            hint=email_hint.to_owned()
            value=request.typed(Field::Email)
            autocomplete="email".to_owned()
            first=false
            check=true
        />
        <PasswordField
            field=Field::Password
            label="Password".to_owned()
            hint=format!("At least {least} characters. Three or four unrelated words are good.")
            autocomplete="new-password".to_owned()
            first=false
            least=least
        />
        <PasswordField
            field=Field::ConfirmPassword
            label="Password once more".to_owned()
            hint=String::new()
            autocomplete="new-password".to_owned()
            first=false
            least=least
        />
    }
}
