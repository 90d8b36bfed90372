//! `/`: the start page.

use leptos::prelude::*;

use crate::pages::layouts::{NavSection, PageDescription, ProgressStep, SignedInLayout, SignedOutLayout};
use crate::pages::page_request::PageRequest;
use domain::flash_message::FlashMessage;

/// The start page: a welcome for signed-in users, sign-in and registration for visitors.
#[component]
pub fn HomePage() -> impl IntoView {
    let request = PageRequest::get()?;
    let name = request.settings().portal_name.clone();
    let is_signed_in_at_microsoft =
        request.flash().is_some_and(|flash| flash.message == Some(FlashMessage::SignedOutLocally));
    Some(match request.current_user().cloned() {
        Some(current_user) => {
            let is_admin = current_user.is_admin();
            view! {
                <SignedInLayout
                    request=request
                    title=format!("Welcome, {}", current_user.username)
                    lead=format!("You're signed in to {name}.")
                    section=NavSection::None
                    narrow=true
                >
                    <div class="flex flex-wrap items-center gap-3">
                        <a class="btn btn-primary" href="/profile">"Go to your profile"</a>
                        {is_admin.then(|| view! { <a class="btn border-line" href="/admin">"Go to the admin pages"</a> })}
                    </div>
                </SignedInLayout>
            }
            .into_any()
        }
        None => view! {
            <SignedOutLayout
                request=request
                title=format!("Welcome to {name}")
                lead="Register for an account. An administrator will review your registration, and you can sign in once it's approved.".to_owned()
                step=ProgressStep::Start
            >
                <PageDescription text=format!("Sign in to {name}, or create an account.") />
                <div class="flex flex-wrap gap-3">
                    <a class="btn btn-primary btn-block" href="/login">"Sign in"</a>
                    {is_signed_in_at_microsoft.then(|| view! {
                        <a class="btn btn-block border-line" href="/ms-logout">"Sign out of Microsoft too"</a>
                    })}
                    <a class="btn btn-block border-line" href="/register">"Create an account"</a>
                </div>
            </SignedOutLayout>
        }
        .into_any(),
    })
}
