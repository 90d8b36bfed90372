//! `/profile`: who one is.

use leptos::prelude::*;

use super::frame::{House, Part, Refused};
use super::request::PageRequest;
use crate::backend::sessions::Viewer;
use crate::components::badge::{AddressBadge, RoleBadge, StatusBadge};
use crate::components::icon::{Icon, IconName};
use crate::domain::status::Status;
use crate::islands::times::Time;

/// The page.
#[component]
pub fn ProfilePage() -> impl IntoView {
    let request = PageRequest::get()?;
    let viewer = request.viewer().cloned()?;
    Some(view! {
        <House request=request.clone() title="Profile".to_owned() lead=String::new() part=Part::Profile narrow=true>
            <div class="stack">
                <Refused request=request />
                <WhoIAm viewer=viewer />
            </div>
        </House>
    })
}

#[component]
fn WhoIAm(viewer: Viewer) -> impl IntoView {
    let confirmed = viewer.email_confirmed_at.is_some();
    view! {
        <section class="card" aria-labelledby="who">
            <div class="card-head">
                <h2 class="section-title" id="who">"Who I am"</h2>
                <span class="badges"><StatusBadge status=Status::Active /><RoleBadge role=viewer.role /></span>
            </div>
            <dl class="facts">
                <div><dt>"Username"</dt><dd>{viewer.username}</dd></div>
                <div><dt>"Email address"</dt><dd>{viewer.email} " " <AddressBadge confirmed=confirmed /></dd></div>
                <div><dt>"Role"</dt><dd>{viewer.role.words()}</dd></div>
                <div><dt>"Sign-in"</dt><dd>{if viewer.has_password { "Password" } else { "None yet" }}</dd></div>
                <div><dt>"Member since"</dt><dd><Time at=viewer.registered /></dd></div>
                <div><dt>"Last sign-in"</dt><dd><Time at=viewer.last_sign_in /></dd></div>
            </dl>
            <div class="card-foot row">
                {(!confirmed).then(|| view! {
                    <form method="post" action="/do/ask_confirmation">
                        <button class="btn"><Icon name=IconName::Send />"Send a new confirmation link"</button>
                    </form>
                })}
                <form method="post" action="/do/sign_out">
                    <button class="btn"><Icon name=IconName::LogOut />"Sign out"</button>
                </form>
            </div>
        </section>
    }
}
