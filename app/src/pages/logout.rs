//! `/logout`: asks, since opening an address changes nothing.

use leptos::prelude::*;

use super::frame::{House, Lobby, Part, Step};
use super::request::PageRequest;
use crate::islands::form::FormIsland;

/// The page.
#[component]
pub fn LogoutPage() -> impl IntoView {
    let request = PageRequest::get()?;
    Some(match request.viewer().cloned() {
        None if request.caller.restricted.is_some() => view! {
            <Lobby
                request=request.clone()
                title="Sign out?".to_owned()
                lead="Nothing is lost: you can ask for another temporary password at any time.".to_owned()
                step=Step::RecoverChoose
            >
                <FormIsland action="/do/sign_out".to_owned() refusal=request.refusal()>
                    <div class="row">
                        <button class="btn btn-primary">"Sign out"</button>
                        <a class="btn" href="/change-password">"Choose a new password"</a>
                    </div>
                </FormIsland>
            </Lobby>
        }
        .into_any(),
        Some(viewer) => view! {
            <House
                request=request.clone()
                title="Sign out?".to_owned()
                lead=format!("You are signed in as {}.", viewer.username)
                part=Part::None
                narrow=true
            >
                <FormIsland action="/do/sign_out".to_owned() refusal=request.refusal()>
                    <div class="row">
                        <button class="btn btn-primary">"Sign out"</button>
                        <a class="btn" href="/profile">"Stay signed in"</a>
                    </div>
                </FormIsland>
            </House>
        }
        .into_any(),
        None => view! {
            <Lobby request=request title="You are signed out".to_owned() lead=String::new() step=Step::None>
                <div class="form-actions"><a class="btn btn-primary btn-block" href="/login">"Sign in"</a></div>
            </Lobby>
        }
        .into_any(),
    })
}
