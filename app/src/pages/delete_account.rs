//! `/profile/delete`: asks for the deletion of one's own account.

use leptos::prelude::*;

use super::frame::{House, Part};
use super::proof::{CurrentPassword, ForgottenIt, ProofTooOld};
use super::request::PageRequest;
use crate::backend::delete_account::DELETION_DELAY;
use crate::backend::sessions::Viewer;
use crate::components::notice::Warning;
use crate::domain::time::utc_text;
use crate::islands::form::FormIsland;

/// The page.
#[component]
pub fn DeleteAccountPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let viewer = request.viewer().cloned()?;
    let due = request.backend.now().after(DELETION_DELAY);
    let lead = format!(
        "You'll be signed out everywhere. We'll delete the account {} on {}. Until then, you can keep it with a link that we'll email you.",
        viewer.username,
        utc_text(due)
    );
    let kept = if viewer.has_password {
        "Once your account has been deleted, you cannot get it back. To return, you'll need to register again and wait for \
         approval. We'll keep a record of actions in your account, without your name and email address."
    } else {
        "Once your account has been deleted, you cannot get it back. To return, you'll need to sign in with Microsoft again and \
         wait for approval. Your Microsoft account is not deleted. We'll keep a record of actions in your account, without your \
         name and email address."
    };
    let asked = viewer.must_give_password();
    let stale = !asked && !viewer.proved_lately(request.backend.now());
    Some(view! {
        <House request=request.clone() title="Delete your account?".to_owned() lead=lead part=Part::Profile narrow=true>
            <div class="stack">
                <Warning words=kept.to_owned() />
                <p><a href="/profile/data.json" download>"Download your data"</a>" first if you want to keep it."</p>
                {if stale {
                    view! { <ProofTooOld request=request /> }.into_any()
                } else {
                    view! { <DeleteForm request=request viewer=viewer /> }.into_any()
                }}
                {(asked && !stale).then(|| view! { <ForgottenIt /> })}
            </div>
        </House>
    })
}

#[component]
fn DeleteForm(request: PageRequest, viewer: Viewer) -> impl IntoView {
    view! {
        <FormIsland action="/do/delete_account".to_owned() refusal=request.refusal()>
            <CurrentPassword viewer=viewer first=true />
            <div class="form-actions row">
                <button class="btn btn-error">"Delete account"</button>
                <a class="btn" href="/profile">"Cancel"</a>
            </div>
        </FormIsland>
    }
    .into_any()
}
