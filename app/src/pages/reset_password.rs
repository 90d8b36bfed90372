//! `/reset-password`: asking for a temporary password.

use leptos::prelude::*;

use super::frame::{Lobby, Step};
use super::request::PageRequest;
use crate::domain::problem::Field;
use crate::islands::fields::TextField;
use crate::islands::form::FormIsland;

/// The page.
#[component]
pub fn ResetPasswordPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let lead =
        "We mail you a temporary one. Until you have chosen a new password, your present one keeps working.";
    Some(view! {
        <Lobby request=request.clone() title="Forgotten password".to_owned() lead=lead.to_owned() step=Step::RecoverAsk>
            <FormIsland action="/do/ask_reset".to_owned() refusal=request.refusal()>
                <TextField
                    field=Field::Email
                    label="Email address".to_owned()
                    hint="The address your account has.".to_owned()
                    value=request.typed(Field::Email)
                    autocomplete="email".to_owned()
                    first=true
                    check=true
                />
                <div class="form-actions">
                    <button class="btn btn-primary btn-block">"Send a temporary password"</button>
                </div>
            </FormIsland>
            <p class="form-foot">"You know it after all? " <a href="/login">"Sign in"</a></p>
        </Lobby>
    })
}
