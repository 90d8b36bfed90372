//! `/profile/microsoft`: linking and unlinking a Microsoft account.

use leptos::prelude::*;

use crate::pages::error_page::{ErrorPage, internal_error_page};
use crate::pages::form::Form;
use crate::pages::layouts::{FlashError, NavSection, SignedInLayout};
use crate::pages::page_request::PageRequest;
use crate::pages::reauthentication::{CurrentPasswordField, ForgottenPasswordHint, ReauthenticationRequired};
use crate::pages::rendered::IntoRendered as _;
use backend::entity::identity;
use backend::microsoft::identity_lookup::find_identity;
use backend::microsoft::is_only_sign_in_method;
use backend::sessions::CurrentUser;

/// The page that links or unlinks a Microsoft account.
#[component]
pub fn MicrosoftPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let current_user = request.current_user().cloned()?;
    if request.backend.microsoft.is_none() {
        return Some(view! { <ErrorPage status=404 reference=None /> }.into_any());
    }
    let suspended = Suspend::new(async move {
        match find_identity(request.backend.db.pool(), current_user.user_id).await {
            Ok(identity) => {
                view! { <MicrosoftContent request=request current_user=current_user identity=identity /> }
                    .into_any()
            }
            Err(error) => internal_error_page(&error),
        }
    });
    Some(view! { <Suspense>{suspended}</Suspense> }.into_any())
}

/// The explanation of the current state, and the form to change it.
#[component]
fn MicrosoftContent(
    request: PageRequest,
    current_user: CurrentUser,
    identity: Option<identity::Model>,
) -> impl IntoView {
    let needs_reauthentication =
        !current_user.requires_password() && !current_user.is_recently_authenticated(request.backend.now());
    let is_only_method = identity.is_some() && is_only_sign_in_method(&current_user);
    let is_unconfirmed = identity.is_none() && current_user.email_confirmed_at.is_none();
    let (title, lead) = match &identity {
        Some(identity) if is_only_method => {
            ("Unlink Microsoft", format!("The Microsoft account {} is linked.", identity.label))
        }
        Some(identity) => (
            "Unlink Microsoft",
            format!(
                "The Microsoft account {} is linked. After you unlink it, you can sign in only with your password.",
                identity.label
            ),
        ),
        None if is_unconfirmed => {
            (
                "Link Microsoft",
                "Confirm your email address first. Use the link that we emailed you, or ask for a new one.".to_owned(),
            )
        }
        None => (
            "Link Microsoft",
            "We'll send you to Microsoft to sign in, then bring you back. After that, you can also sign in here with Microsoft.".to_owned(),
        ),
    };
    let is_linked = identity.is_some();
    view! {
        <SignedInLayout request=request.clone() title=title.to_owned() lead=lead section=NavSection::Profile narrow=true>
            <div class="flex flex-col gap-6">
                {if is_only_method {
                    view! {
                        <FlashError request=request />
                        <p>"Microsoft is your only way to sign in. Set a password before you unlink it."</p>
                        <div class="flex flex-wrap items-center gap-3">
                            <a class="btn btn-primary" href="/change-password">"Set a password"</a>
                            <a class="btn border-line" href="/profile">"Cancel"</a>
                        </div>
                    }
                    .rendered()
                } else if is_unconfirmed {
                    view! {
                        <FlashError request=request />
                        <div class="flex flex-wrap items-center gap-3">
                            <form method="post" action="/do/ask_confirmation">
                                <button class="btn btn-primary">"Send a new confirmation link"</button>
                            </form>
                            <a class="btn border-line" href="/profile">"Cancel"</a>
                        </div>
                    }
                    .rendered()
                } else if needs_reauthentication {
                    view! { <ReauthenticationRequired request=request /> }.rendered()
                } else {
                    view! { <MicrosoftLinkForm request=request current_user=current_user is_linked=is_linked /> }.rendered()
                }}
            </div>
        </SignedInLayout>
    }
    .into_any()
}

/// The form that links or unlinks the account.
#[component]
fn MicrosoftLinkForm(request: PageRequest, current_user: CurrentUser, is_linked: bool) -> impl IntoView {
    let (action, label) = if is_linked {
        ("/do/unlink_microsoft", "Unlink Microsoft")
    } else {
        ("/do/link_microsoft", "Link Microsoft")
    };
    let asks_password = current_user.requires_password();
    view! {
        <Form action=action.to_owned() errors=request.errors()>
            <CurrentPasswordField current_user=current_user first=true />
            <div class="flex flex-wrap gap-3">
                <button class="btn btn-primary">{label}</button>
                <a class="btn border-line" href="/profile">"Cancel"</a>
            </div>
        </Form>
        {asks_password.then(|| view! { <ForgottenPasswordHint /> })}
    }
    .rendered()
}
