//! `/`: what this is, and the way on.

use leptos::prelude::*;

use super::frame::{House, Lobby, Part, Step};
use super::request::PageRequest;
use crate::domain::answer::Notice;

/// The page.
#[component]
pub fn HomePage() -> impl IntoView {
    let request = PageRequest::get()?;
    let name = request.settings().portal_name.clone();
    let at_microsoft = request.flash().is_some_and(|flash| flash.notice == Some(Notice::SignedOutHere));
    Some(match request.viewer().cloned() {
        Some(viewer) => {
            let admin = viewer.is_admin();
            view! {
                <House
                    request=request
                    title=format!("Welcome, {}", viewer.username)
                    lead=format!("You are signed in to {name}.")
                    part=Part::None
                    narrow=true
                >
                    <div class="row">
                        <a class="btn btn-primary" href="/profile">"Go to your profile"</a>
                        {admin.then(|| view! { <a class="btn" href="/admin">"Open the desk"</a> })}
                    </div>
                </House>
            }
            .into_any()
        }
        None => view! {
            <Lobby
                request=request
                title=format!("Welcome to {name}")
                lead="People register here, an administrator lets them in, and from then on they sign in.".to_owned()
                step=Step::Start
            >
                <div class="form-actions">
                    <a class="btn btn-primary btn-block" href="/login">"Sign in"</a>
                    {at_microsoft.then(|| view! {
                        <a class="btn btn-block" href="/ms-logout">"Sign out of Microsoft too"</a>
                    })}
                    <a class="btn btn-block" href="/register">"Create an account"</a>
                </div>
            </Lobby>
        }
        .into_any(),
    })
}
