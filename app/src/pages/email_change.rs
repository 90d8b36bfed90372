//! The pages of an email change: `/profile/address` requests it, `/confirm-address/{token}` confirms it and
//! `/undo/{token}` undoes it.

use leptos::prelude::*;

use crate::islands::fields::{PasswordField, TextField};
use crate::pages::error_page::internal_error_page;
use crate::pages::form::Form;
use crate::pages::invalid_link::InvalidLinkPage;
use crate::pages::layouts::{NavSection, ProgressStep, SignedInLayout, SignedOutLayout};
use crate::pages::page_request::{PageRequest, cookie_check, param};
use crate::pages::reauthentication::{
    CurrentPasswordField, ForgottenPasswordHint, HiddenUsernameField, ReauthenticationRequired,
};
use crate::pages::rendered::IntoRendered as _;
use backend::auth::link::{LinkView, find_link_view};
use backend::sessions::CurrentUser;
use domain::errors::Field;
use domain::token::Purpose;

/// The page that requests a change of the email address.
#[component]
pub fn EmailChangePage() -> impl IntoView {
    let request = PageRequest::get()?;
    let current_user = request.current_user().cloned()?;
    let lead = format!("We'll keep using {} until you confirm the new email address.", current_user.email);
    let needs_reauthentication =
        !current_user.requires_password() && !current_user.is_recently_authenticated(request.backend.now());
    let asks_password = current_user.requires_password();
    Some(view! {
        <SignedInLayout request=request.clone() title="Change email address".to_owned() lead=lead section=NavSection::Profile narrow=true>
            {if needs_reauthentication {
                view! { <ReauthenticationRequired request=request /> }.rendered()
            } else {
                view! { <EmailChangeForm request=request current_user=current_user /> }.rendered()
            }}
            {(asks_password && !needs_reauthentication).then(|| view! { <ForgottenPasswordHint /> })}
        </SignedInLayout>
    })
}

/// The form that requests the change.
#[component]
fn EmailChangeForm(request: PageRequest, current_user: CurrentUser) -> impl IntoView {
    view! {
        <Form action="/do/ask_address_change".to_owned() errors=request.errors()>
            <TextField
                field=Field::Email
                label="New email address".to_owned()
                hint="Confirm it with the link in our email.".to_owned()
                value=request.typed(Field::Email)
                autocomplete="email".to_owned()
                autofocus=true
                validate=true
            />
            <CurrentPasswordField current_user=current_user first=false />
            <div class="flex flex-wrap gap-3">
                <button class="btn btn-primary">"Send confirmation link"</button>
                <a class="btn border-line" href="/profile">"Cancel"</a>
            </div>
        </Form>
    }
    .rendered()
}

/// The page of the link that confirms the new email address.
#[component]
pub fn ConfirmEmailChangePage() -> impl IntoView {
    with_link(Purpose::ChangeEmail, |request, link, token| {
        view! { <ConfirmEmailChangeForm request=request link=link token=token /> }.into_any()
    })
}

/// The page of the link that restores the old email address.
#[component]
pub fn UndoEmailChangePage() -> impl IntoView {
    with_link(Purpose::UndoEmailChange, |request, link, token| {
        view! { <UndoEmailChangeForm request=request link=link token=token /> }.into_any()
    })
}

/// Finds the link of the token and renders `page` for it.
///
/// If another user is signed in, the page asks them to sign out first.
pub(super) fn with_link(
    purpose: Purpose,
    page: impl FnOnce(PageRequest, LinkView, String) -> AnyView + Send + 'static,
) -> impl IntoView {
    let request = PageRequest::get()?;
    let token = param("token");
    let suspended = Suspend::new(async move {
        match find_link_view(&request.backend, &token, &[purpose]).await {
            Ok(Some(link)) if belongs_to_other_user(&request, &link) => {
                view! { <OtherUserSignedIn request=request link=link /> }.into_any()
            }
            Ok(Some(link)) => page(request, link, token),
            Ok(None) => view! { <InvalidLinkPage request=request purpose=purpose /> }.into_any(),
            Err(error) => internal_error_page(&error),
        }
    });
    Some(view! { <Suspense>{suspended}</Suspense> })
}

/// Returns true if a user is signed in and the link belongs to another user.
pub(super) fn belongs_to_other_user(request: &PageRequest, link: &LinkView) -> bool {
    request.current_user().is_some_and(|current_user| current_user.user_id != link.user_id)
}

/// The page that asks another signed-in user to sign out before the link is used.
#[component]
pub(super) fn OtherUserSignedIn(request: PageRequest, link: LinkView) -> impl IntoView {
    let other_username =
        request.current_user().map_or_else(String::new, |current_user| current_user.username.clone());
    view! {
        <SignedOutLayout
            request=request
            title=format!("This link is for {}", link.username)
            lead=format!("You're signed in as {other_username}. Sign out, then open the link again.")
            step=ProgressStep::None
        >
            <div class="flex flex-wrap gap-3">
                    <a class="btn btn-primary btn-block" href="/logout">"Sign out"</a>
                    <a class="btn btn-block border-line" href="/profile">"Go to your profile"</a>
                </div>
        </SignedOutLayout>
    }
}

/// The form that confirms the new email address.
#[component]
fn ConfirmEmailChangeForm(request: PageRequest, link: LinkView, token: String) -> impl IntoView {
    let signed_in = request.current_user().is_some();
    let consequence = if signed_in {
        "You'll stay signed in here and be signed out everywhere else."
    } else {
        "You'll be signed out everywhere."
    };
    let lead = format!("Confirm {} as the email address for {}. {consequence}", link.email, link.username);
    view! {
        <SignedOutLayout request=request.clone() title="Confirm your new email address".to_owned() lead=lead step=ProgressStep::None>
            <Form action="/do/change_address".to_owned() errors=request.errors()>
                <input type="hidden" name="token" value=token />
                {cookie_check()}
                {(!signed_in).then(|| view! {
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
                    <button class="btn btn-primary btn-block">"Confirm new email address"</button>
                </div>
            </Form>
            {(!signed_in).then(|| view! {
                <p class="text-sm/6 text-muted">"Not your account? You can close this page."</p>
            })}
        </SignedOutLayout>
    }
}

/// The form that restores the old email address.
#[component]
fn UndoEmailChangeForm(request: PageRequest, link: LinkView, token: String) -> impl IntoView {
    let lead = format!(
        "We'll restore {} as the email address for {} and sign everyone out. The current password will stop working, and you'll \
         choose a new password.{}",
        link.email,
        link.username,
        if link.deletion_due.is_some() { " This also cancels the deletion of the account." } else { "" }
    );
    let (button, hint) = if link.deletion_due.is_some() {
        let hint = "Did you change it yourself? Close this page. To keep the account with its new email address, use the link in the \
                    email that was sent there.";
        ("Undo change and keep account", hint)
    } else {
        ("Undo the change", "Did you change it yourself? You can close this page.")
    };
    view! {
        <SignedOutLayout request=request.clone() title="Undo the change of email address?".to_owned() lead=lead step=ProgressStep::None>
            <Form action="/do/undo_address_change".to_owned() errors=request.errors()>
                <input type="hidden" name="token" value=token />
                {cookie_check()}
                <div class="flex flex-wrap gap-3">
                    <button class="btn btn-primary btn-block">{button}</button>
                </div>
            </Form>
            <p class="text-sm/6 text-muted">{hint}</p>
        </SignedOutLayout>
    }
}
