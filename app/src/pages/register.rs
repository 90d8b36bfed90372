//! `/register`: the registration page.

use leptos::prelude::*;

use crate::islands::fields::{PasswordField, TextAreaField, TextField};
use crate::pages::form::Form;
use crate::pages::layouts::{PageDescription, ProgressStep, SignedOutLayout};
use crate::pages::page_request::{PageRequest, cookie_check};
use domain::errors::Field;

/// The hint of a field for an answer.
pub(super) const ANSWER_HINT: &str = "At most 500 characters. Administrators will read your answer.";

/// The registration page.
#[component]
pub fn RegisterPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let has_microsoft = request.backend.microsoft.is_some();
    Some(view! {
        <SignedOutLayout
            request=request.clone()
            title="Create your account".to_owned()
            lead="An administrator reviews every registration. We'll email you when yours is approved.".to_owned()
            step=ProgressStep::Register
        >
            <PageDescription text=format!(
                "Create an account for {}. An administrator approves new accounts.",
                request.settings().portal_name
            ) />
            <Form action="/do/register".to_owned() errors=request.errors()>
                {cookie_check()}
                {registration_fields(
                    &request,
                    "Confirm it with the link in our email. Unconfirmed registrations are deleted after 7 days.",
                )}
                {request.settings().register_question.clone().map(|question| view! {
                    <TextAreaField
                        field=Field::Answer
                        label=question
                        hint=ANSWER_HINT.to_owned()
                        value=request.typed(Field::Answer)
                        required=true
                        rows=3
                    />
                })}
                <div class="flex flex-wrap gap-3">
                    <button class="btn btn-primary btn-block">"Create account"</button>
                </div>
            </Form>
            <p class="text-sm/6 text-muted">"Already have an account? " <a href="/login">"Sign in"</a></p>
            {has_microsoft.then(|| view! {
                <p class="text-sm/6 text-muted">"Do you have a Microsoft work account? " <a href="/ms-login">"Sign in with Microsoft"</a></p>
            })}
        </SignedOutLayout>
    })
}

/// Renders the four fields of a new account: username, email address, password and its confirmation.
pub fn registration_fields(request: &PageRequest, email_hint: &str) -> impl IntoView + use<> {
    let min_length = request.settings().password_min_length;
    view! {
        <TextField
            field=Field::Username
            label="Username".to_owned()
            hint="3 to 32 letters (a to z) and numbers, with single dots, hyphens or underscores in between.".to_owned()
            value=request.typed(Field::Username)
            autocomplete="username".to_owned()
            autofocus=true
            validate=true
        />
        <TextField
            field=Field::Email
            label="Email address".to_owned()
            hint=email_hint.to_owned()
            value=request.typed(Field::Email)
            autocomplete="email".to_owned()
            autofocus=false
            validate=true
        />
        <PasswordField
            field=Field::Password
            label="Password".to_owned()
            hint=format!("At least {min_length} characters. Three or four unrelated words work well.")
            autocomplete="new-password".to_owned()
            autofocus=false
            min_length=min_length
        />
        <PasswordField
            field=Field::ConfirmPassword
            label="Confirm password".to_owned()
            hint=String::new()
            autocomplete="new-password".to_owned()
            autofocus=false
            min_length=min_length
        />
    }
}
