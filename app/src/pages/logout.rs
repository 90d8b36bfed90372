//! `/logout`: the confirmation before sign-out, because a GET request changes nothing.

use leptos::prelude::*;

use crate::pages::form::Form;
use crate::pages::layouts::{NavSection, ProgressStep, SignedInLayout, SignedOutLayout};
use crate::pages::page_request::PageRequest;

/// The sign-out page.
#[component]
pub fn LogoutPage() -> impl IntoView {
    let request = PageRequest::get()?;
    Some(match request.current_user().cloned() {
        None if request.context.restricted_user.is_some() => view! {
            <SignedOutLayout
                request=request.clone()
                title="Sign out?".to_owned()
                lead="You can ask for a temporary password at any time.".to_owned()
                step=ProgressStep::None
            >
                <Form action="/do/sign_out".to_owned() errors=request.errors()>
                    <div class="flex flex-wrap items-center gap-3">
                        <button class="btn btn-primary">"Sign out"</button>
                        <a class="btn border-line" href="/change-password">"Cancel"</a>
                    </div>
                </Form>
            </SignedOutLayout>
        }
        .into_any(),
        Some(current_user) => view! {
            <SignedInLayout
                request=request.clone()
                title="Sign out?".to_owned()
                lead=format!("You're signed in as {}.", current_user.username)
                section=NavSection::None
                narrow=true
            >
                <Form action="/do/sign_out".to_owned() errors=request.errors()>
                    <div class="flex flex-wrap items-center gap-3">
                        <button class="btn btn-primary">"Sign out"</button>
                        <a class="btn border-line" href="/profile">"Cancel"</a>
                    </div>
                </Form>
            </SignedInLayout>
        }
        .into_any(),
        None => view! {
            <SignedOutLayout request=request title="You're signed out".to_owned() lead=String::new() step=ProgressStep::None>
                <div class="flex flex-wrap gap-3"><a class="btn btn-primary btn-block" href="/login">"Sign in"</a></div>
            </SignedOutLayout>
        }
        .into_any(),
    })
}
