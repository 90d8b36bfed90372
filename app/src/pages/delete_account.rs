//! `/profile/delete`: the request to delete the signed-in user's account.

use leptos::prelude::*;

use crate::components::alert::WarningAlert;
use crate::pages::form::Form;
use crate::pages::layouts::{NavSection, SignedInLayout};
use crate::pages::page_request::PageRequest;
use crate::pages::reauthentication::{CurrentPasswordField, ForgottenPasswordHint, ReauthenticationRequired};
use crate::pages::rendered::IntoRendered as _;
use backend::accounts::deletion::DELETION_DELAY;
use backend::sessions::CurrentUser;
use domain::time::utc_text;

/// The page that requests the deletion of the account.
#[component]
pub fn DeleteAccountPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let current_user = request.current_user().cloned()?;
    let due = request.backend.now().after(DELETION_DELAY);
    let lead = format!(
        "You'll be signed out everywhere. We'll delete the account {} on {}. Until then, you can keep the account: check your email for a link, or ask an administrator.",
        current_user.username,
        utc_text(due)
    );
    let warning = if current_user.has_password {
        "Once your account has been deleted, you cannot get it back. To return, you'll need to register again and wait for \
         approval. We'll keep a record of actions in your account, without your name and email address. We'll also keep one-way \
         fingerprints of a confirmed email address and a linked Microsoft account, so that a new registration with either of \
         them needs an administrator's approval."
    } else {
        "Once your account has been deleted, you cannot get it back. To return, you'll need to sign in with Microsoft again and \
         wait for approval. Your Microsoft account is not deleted. We'll keep a record of actions in your account, without your \
         name and email address. We'll also keep one-way fingerprints of a confirmed email address and a linked Microsoft \
         account, so that a new registration with either of them needs an administrator's approval."
    };
    let asks_password = current_user.requires_password();
    let needs_reauthentication =
        !asks_password && !current_user.is_recently_authenticated(request.backend.now());
    Some(view! {
        <SignedInLayout request=request.clone() title="Delete your account?".to_owned() lead=lead section=NavSection::Profile narrow=true>
            <div class="flex flex-col gap-6">
                <WarningAlert message=warning.to_owned() />
                <p><a href="/profile/data.json" download>"Download your data"</a>" first if you want to keep it."</p>
                {if needs_reauthentication {
                    view! { <ReauthenticationRequired request=request /> }.rendered()
                } else {
                    view! { <DeleteForm request=request current_user=current_user /> }.rendered()
                }}
                {(asks_password && !needs_reauthentication).then(|| view! { <ForgottenPasswordHint /> })}
            </div>
        </SignedInLayout>
    })
}

/// The form that requests the deletion.
#[component]
fn DeleteForm(request: PageRequest, current_user: CurrentUser) -> impl IntoView {
    view! {
        <Form action="/do/delete_account".to_owned() errors=request.errors()>
            <CurrentPasswordField current_user=current_user first=true />
            <div class="flex flex-wrap gap-3">
                <button class="btn btn-error">"Delete account"</button>
                <a class="btn border-line" href="/profile">"Cancel"</a>
            </div>
        </Form>
    }
    .rendered()
}
