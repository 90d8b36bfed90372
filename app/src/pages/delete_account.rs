//! `/profile/delete`: asks before one's own account is deleted.

use leptos::prelude::*;

use super::frame::{House, Part};
use super::proof::{CurrentPassword, ForgottenIt, ProofTooOld};
use super::request::PageRequest;
use crate::backend::sessions::Viewer;
use crate::components::notice::Warning;
use crate::islands::form::FormIsland;

/// The page.
#[component]
pub fn DeleteAccountPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let viewer = request.viewer().cloned()?;
    let lead = format!("{} is removed with its sessions and mails, at once and for good.", viewer.username);
    let kept = if viewer.has_password {
        "There is no way back: to return you register again, and an administrator decides again. What was done stays on record \
         without your name and address."
    } else {
        "There is no way back: to return you sign in with Microsoft again, and an administrator decides. Your Microsoft account \
         stays as it is. What was done stays on record without your name and address."
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
                <a class="btn" href="/profile">"Keep it"</a>
            </div>
        </FormIsland>
    }
    .into_any()
}
