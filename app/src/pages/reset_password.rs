//! `/reset-password`: the request for a temporary password.

use leptos::prelude::*;

use crate::islands::fields::TextField;
use crate::islands::form::FormIsland;
use crate::pages::layouts::{ProgressStep, SignedOutLayout};
use crate::pages::page_request::PageRequest;
use domain::errors::Field;

/// The page that requests a temporary password.
#[component]
pub fn ResetPasswordPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let lead =
        "We mail you a temporary one. Until you have chosen a new password, your present one keeps working.";
    Some(view! {
        <SignedOutLayout request=request.clone() title="Forgotten password".to_owned() lead=lead.to_owned() step=ProgressStep::ResetRequest>
            <FormIsland action="/do/ask_reset".to_owned() errors=request.errors()>
                <TextField
                    field=Field::Email
                    label="Email address".to_owned()
                    hint="The address your account has.".to_owned()
                    value=request.typed(Field::Email)
                    autocomplete="email".to_owned()
                    autofocus=true
                    validate=true
                />
                <div class="form-actions">
                    <button class="btn btn-primary btn-block">"Send a temporary password"</button>
                </div>
            </FormIsland>
            <p class="form-foot">"You know it after all? " <a href="/login">"Sign in"</a></p>
        </SignedOutLayout>
    })
}
