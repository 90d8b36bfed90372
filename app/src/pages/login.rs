//! `/login`: the sign-in page.

use leptos::prelude::*;

use crate::components::icon::MicrosoftMark;
use crate::http::STATUS_PAGE;
use crate::islands::fields::{PasswordField, TextField};
use crate::pages::form::Form;
use crate::pages::layouts::{PageDescription, ProgressStep, SignedOutLayout};
use crate::pages::page_request::{PageRequest, cookie_check, query};
use domain::errors::{ErrorCode, Field};
use domain::flash_message::FlashMessage;
use domain::return_to::ReturnTo;
use domain::status::PublicStatus;

/// The sign-in page.
#[component]
pub fn LoginPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let next = query("next")
        .as_deref()
        .and_then(ReturnTo::parse)
        .map_or_else(String::new, |next| next.as_str().to_owned());
    let is_pending = matches!(request.errors().form, Some(ErrorCode::NotActive(PublicStatus::Pending)));
    let is_registered = request.flash().is_some_and(|flash| flash.message == Some(FlashMessage::Registered));
    let reset_requested =
        request.flash().is_some_and(|flash| flash.message == Some(FlashMessage::ResetRequested));
    let has_microsoft = request.backend.microsoft.is_some();
    let shared = !request.typed(Field::Shared).is_empty();
    let is_answered = request.flash().is_some_and(|flash| flash.message == Some(FlashMessage::AnswerSaved));
    let verified = request.context.password_verified.filter(|_| is_pending || is_answered);
    let can_resend_verification = verified.is_some_and(|verified| verified.can_confirm);
    let step = if reset_requested {
        ProgressStep::ResetSignIn
    } else if is_registered || can_resend_verification {
        ProgressStep::Register
    } else if is_pending || is_answered {
        ProgressStep::Approval
    } else {
        ProgressStep::SignIn
    };
    Some(view! {
        <SignedOutLayout request=request.clone() title="Sign in".to_owned() lead=String::new() step=step>
            <PageDescription text=format!(
                "Sign in to {} with your username or email address.",
                request.settings().portal_name
            ) />
            <Form action="/do/sign_in".to_owned() errors=request.errors()>
                <input type="hidden" name="next" value=next />
                {cookie_check()}
                <TextField
                    field=Field::Username
                    label="Username or email address".to_owned()
                    hint=String::new()
                    value=request.typed(Field::Username)
                    autocomplete="username".to_owned()
                    autofocus=true
                    validate=false
                />
                <PasswordField
                    field=Field::Password
                    label="Password".to_owned()
                    hint=String::new()
                    autocomplete="current-password".to_owned()
                    autofocus=false
                    min_length=0
                />
                <label class="-my-2 flex min-h-11 cursor-pointer items-center gap-3 text-sm">
                    <input class="checkbox checkbox-primary" type="checkbox" name="shared" value="yes" checked=shared aria-describedby="shared-hint" />
                    <span>"This is a shared computer"</span>
                </label>
                <p class="-mt-4 ps-9 text-sm text-pretty text-muted" id="shared-hint">
                    "You'll be signed out when you close the browser, or after 2 hours without activity."
                </p>
                <div class="flex flex-wrap gap-3">
                    <button class="btn btn-primary btn-block">"Sign in"</button>
                </div>
                {can_resend_verification.then(|| view! {
                    <div class="flex flex-col items-start gap-2 text-sm/6 text-muted">
                        <p>"Your email address is not confirmed yet."</p>
                        <button class="btn border-line" form="ask-confirmation">"Send a new confirmation link"</button>
                    </div>
                })}
                {(is_pending && verified.is_some()).then(|| view! {
                    <p class="text-sm/6 text-muted"><a href=STATUS_PAGE>"See the status of your registration"</a></p>
                })}
                <p class="text-sm/6 text-muted">"Forgotten your password? " <a href="/reset-password">"Get a temporary password"</a></p>
                {has_microsoft.then(|| view! {
                    <div class="flex flex-col gap-5">
                        <p class="divider my-0 text-sm text-muted">"or"</p>
                        // The button is in the same form, so that the checkbox applies to Microsoft sign-in too.
                        <button class="btn btn-block border-line" formaction="/do/sign_in_with_microsoft" formnovalidate>
                            <MicrosoftMark />
                            "Sign in with Microsoft"
                        </button>
                    </div>
                })}
                <p class="text-sm/6 text-muted">"No account yet? " <a href="/register">"Create an account"</a></p>
            </Form>
            {can_resend_verification.then(|| view! { <form id="ask-confirmation" method="post" action="/do/ask_confirmation"></form> })}
        </SignedOutLayout>
    })
}
