//! `/auto-login/{token}`: the page of a sign-in link. The link is used only when the form is submitted.

use leptos::prelude::*;

use crate::islands::fields::PasswordField;
use crate::pages::error_page::internal_error_page;
use crate::pages::form::Form;
use crate::pages::invalid_link::InvalidLinkPage;
use crate::pages::layouts::{ProgressStep, SignedOutLayout};
use crate::pages::page_request::{PageRequest, cookie_check, param};
use crate::pages::reauthentication::HiddenUsernameField;
use backend::auth::link::{LinkView, SIGN_IN, find_link_view};
use domain::errors::Field;
use domain::token::Purpose;

/// The page of a sign-in link.
#[component]
pub fn SignInLinkPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let token = param("token");
    Some(view! {
        <Suspense>
            {Suspend::new(async move {
                match find_link_view(&request.backend, &token, &SIGN_IN).await {
                    Ok(Some(link)) => view! { <SignInLinkForm request=request link=link token=token /> }.into_any(),
                    Ok(None) => view! { <InvalidLinkPage request=request purpose=Purpose::SignIn /> }.into_any(),
                    Err(error) => internal_error_page(&error),
                }
            })}
        </Suspense>
    })
}

/// The form that signs in, or a request to sign out first if another user is signed in.
#[component]
fn SignInLinkForm(request: PageRequest, link: LinkView, token: String) -> impl IntoView {
    let other_username = request
        .current_user()
        .filter(|current_user| current_user.user_id != link.user_id)
        .map(|current_user| current_user.username.clone());
    let title = format!("Continue as {}", link.username);
    match other_username {
        Some(other_username) => view! {
            <SignedOutLayout
                request=request
                title=format!("This link is for {}", link.username)
                lead=format!("You're signed in as {other_username}. Sign out, then open the link again.")
                step=ProgressStep::SignInAfterApproval
            >
                <div class="flex flex-wrap gap-3">
                    <a class="btn btn-primary btn-block" href="/logout">"Sign out"</a>
                    <a class="btn btn-block border-line" href="/profile">"Go to your profile"</a>
                </div>
            </SignedOutLayout>
        }
        .into_any(),
        None => view! {
            <SignedOutLayout request=request.clone() title=title.clone() lead="This link signs you in once.".to_owned() step=ProgressStep::SignInAfterApproval>
                <Form action="/do/use_sign_in_link".to_owned() errors=request.errors()>
                    <input type="hidden" name="token" value=token />
                    {cookie_check()}
                    {link.unconfirmed.then(|| view! {
                        <HiddenUsernameField username=link.username.clone() />
                        <PasswordField
                            field=Field::Password
                            label="Password".to_owned()
                            hint="The password you chose when you registered. Entering it also confirms your email address.".to_owned()
                            autocomplete="current-password".to_owned()
                            autofocus=true
                            min_length=0
                        />
                    })}
                    <div class="flex flex-wrap gap-3">
                        <button class="btn btn-primary btn-block">{title}</button>
                    </div>
                </Form>
            </SignedOutLayout>
        }
        .into_any(),
    }
}
