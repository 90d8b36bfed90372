//! `/reset-password`: the request for a temporary password.

use leptos::prelude::*;

use crate::islands::fields::TextField;
use crate::pages::form::Form;
use crate::pages::layouts::{PageDescription, ProgressStep, SignedOutLayout};
use crate::pages::page_request::{PageRequest, cookie_check};
use domain::errors::Field;

/// The page that requests a temporary password.
#[component]
pub fn ResetPasswordPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let lead = "Get a temporary password by email. Your current password does not change until you choose a new one.";
    Some(view! {
        <SignedOutLayout request=request.clone() title="Reset your password".to_owned() lead=lead.to_owned() step=ProgressStep::ResetRequest>
            <PageDescription text=format!(
                "Ask for a temporary password for your account at {}.",
                request.settings().portal_name
            ) />
            <Form action="/do/ask_reset".to_owned() errors=request.errors()>
                {cookie_check()}
                <TextField
                    field=Field::Email
                    label="Email address".to_owned()
                    hint="The email address you use for your account.".to_owned()
                    value=request.typed(Field::Email)
                    autocomplete="email".to_owned()
                    autofocus=true
                    validate=true
                />
                <div class="flex flex-wrap gap-3">
                    <button class="btn btn-primary btn-block">"Send a temporary password"</button>
                </div>
            </Form>
            <p class="text-sm/6 text-muted">"Remembered your password? " <a href="/login">"Sign in"</a></p>
        </SignedOutLayout>
    })
}
