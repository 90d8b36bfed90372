//! `/confirm/{token}`: the page of an email verification link. The link is used only when the form is submitted.

use leptos::prelude::*;

use crate::islands::fields::PasswordField;
use crate::pages::error_page::internal_error_page;
use crate::pages::form::Form;
use crate::pages::invalid_link::InvalidLinkPage;
use crate::pages::layouts::{ProgressStep, SignedOutLayout};
use crate::pages::page_request::{PageRequest, cookie_check, param};
use crate::pages::reauthentication::HiddenUsernameField;
use backend::auth::link::{LinkView, find_link_view};
use domain::errors::Field;
use domain::password::Password;
use domain::token::Purpose;

/// The page of an email verification link.
#[component]
pub fn EmailVerificationPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let token = param("token");
    Some(view! {
        <Suspense>
            {Suspend::new(async move {
                match find_link_view(&request.backend, &token, &[Purpose::ConfirmEmail]).await {
                    Ok(Some(link)) => view! { <EmailVerificationForm request=request link=link token=token /> }.into_any(),
                    Ok(None) => view! { <InvalidLinkPage request=request purpose=Purpose::ConfirmEmail /> }.into_any(),
                    Err(error) => internal_error_page(&error),
                }
            })}
        </Suspense>
    })
}

/// The form that confirms the email address, and the form that cancels the registration.
#[component]
fn EmailVerificationForm(request: PageRequest, link: LinkView, token: String) -> impl IntoView {
    let no_password = Password::default();
    let password_not_needed = request.context.proof(&no_password).needs_no_password(link.user_id);
    let confirm_token = token.clone();
    let lead = format!("Confirm {} as the email address for {}.", link.email, link.username);
    view! {
        <SignedOutLayout request=request.clone() title="Confirm your email address".to_owned() lead=lead step=ProgressStep::Register>
            <Form action="/do/confirm_address".to_owned() errors=request.errors()>
                <input type="hidden" name="token" value=confirm_token />
                {cookie_check()}
                {(!password_not_needed).then(|| view! {
                    <HiddenUsernameField username=link.username.clone() />
                    <PasswordField
                        field=Field::Password
                        label="Password".to_owned()
                        hint=format!("The password for {}.", link.username)
                        autocomplete="current-password".to_owned()
                        autofocus=true
                        min_length=0
                    />
                })}
                <div class="flex flex-wrap gap-3">
                    <button class="btn btn-primary btn-block">"Confirm email address"</button>
                </div>
            </Form>
            <form class="flex flex-col items-start gap-2 text-sm/6 text-muted" method="post" action="/do/disown_address">
                <input type="hidden" name="token" value=token />
                <p>"Not your registration?"</p>
                <button class="btn btn-outline btn-error">"This wasn't me"</button>
            </form>
        </SignedOutLayout>
    }
}
