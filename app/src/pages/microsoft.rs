//! `/profile/microsoft`: linking one's Microsoft account, and unlinking it.

use leptos::prelude::*;

use super::error_page::{Broken, broken};
use super::frame::{House, Part, Refused};
use super::proof::{CurrentPassword, ForgottenIt, ProofTooOld};
use super::request::PageRequest;
use crate::backend::entity::identity;
use crate::backend::identities::find_identity;
use crate::backend::microsoft::is_last_way_in;
use crate::backend::sessions::Viewer;
use crate::islands::form::FormIsland;

/// The page.
#[component]
pub fn MicrosoftPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let viewer = request.viewer().cloned()?;
    if request.backend.microsoft.is_none() {
        return Some(view! { <Broken status=404 fault=None /> }.into_any());
    }
    let suspended = Suspend::new(async move {
        match find_identity(request.backend.db.pool(), viewer.user_id).await {
            Ok(identity) => view! { <Content request=request viewer=viewer identity=identity /> }.into_any(),
            Err(failure) => broken(&failure),
        }
    });
    Some(view! { <Suspense>{suspended}</Suspense> }.into_any())
}

#[component]
fn Content(request: PageRequest, viewer: Viewer, identity: Option<identity::Model>) -> impl IntoView {
    let stale = !viewer.must_give_password() && !viewer.proved_lately(request.backend.now());
    let last = identity.is_some() && is_last_way_in(&viewer);
    let unconfirmed = identity.is_none() && viewer.email_confirmed_at.is_none();
    let (title, lead) = match &identity {
        Some(identity) if last => {
            ("Unlink Microsoft", format!("The Microsoft account {} is linked.", identity.label))
        }
        Some(identity) => (
            "Unlink Microsoft",
            format!(
                "The Microsoft account {} is linked. After unlinking you sign in with your password alone.",
                identity.label
            ),
        ),
        None if unconfirmed => {
            ("Link Microsoft", "Confirm your email address first. The link is in your mail.".to_owned())
        }
        None => (
            "Link Microsoft",
            "You go to Microsoft and come back. From then on you can sign in with it too.".to_owned(),
        ),
    };
    let linked = identity.is_some();
    view! {
        <House request=request.clone() title=title.to_owned() lead=lead part=Part::Profile narrow=true>
            <div class="stack">
                {if last {
                    view! {
                        <Refused request=request />
                        <p>"It is your only way to sign in, so it stays until you have a password."</p>
                        <div class="row">
                            <a class="btn btn-primary" href="/change-password">"Set a password"</a>
                            <a class="btn" href="/profile">"Back to the profile"</a>
                        </div>
                    }
                    .into_any()
                } else if unconfirmed {
                    view! {
                        <Refused request=request />
                        <div class="row">
                            <form method="post" action="/do/ask_confirmation">
                                <button class="btn btn-primary">"Send a new confirmation link"</button>
                            </form>
                            <a class="btn" href="/profile">"Back to the profile"</a>
                        </div>
                    }
                    .into_any()
                } else if stale {
                    view! { <ProofTooOld request=request /> }.into_any()
                } else {
                    view! { <LinkForm request=request viewer=viewer linked=linked /> }.into_any()
                }}
            </div>
        </House>
    }
    .into_any()
}

#[component]
fn LinkForm(request: PageRequest, viewer: Viewer, linked: bool) -> impl IntoView {
    let (action, label) = if linked {
        ("/do/unlink_microsoft", "Unlink Microsoft")
    } else {
        ("/do/link_microsoft", "Go to Microsoft")
    };
    let asked = viewer.must_give_password();
    view! {
        <FormIsland action=action.to_owned() refusal=request.refusal()>
            <CurrentPassword viewer=viewer first=true />
            <div class="form-actions row">
                <button class="btn btn-primary">{label}</button>
                <a class="btn" href="/profile">"Cancel"</a>
            </div>
        </FormIsland>
        {asked.then(|| view! { <ForgottenIt /> })}
    }
    .into_any()
}
