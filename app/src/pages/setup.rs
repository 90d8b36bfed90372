//! `/setup/{token}`: the first administrator.

use leptos::prelude::*;

use super::error_page::{VoidLink, broken};
use super::frame::{Lobby, Step};
use super::register::registration_fields;
use super::request::{PageRequest, param};
use crate::backend::setup::is_setup_link;
use crate::islands::form::FormIsland;

/// The page.
#[component]
pub fn SetupPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let token = param("token");
    Some(view! {
        <Suspense>
            {Suspend::new(async move {
                match is_setup_link(&request.backend, &token).await {
                    Ok(true) => view! { <SetUp request=request token=token /> }.into_any(),
                    Ok(false) => view! { <VoidLink request=request /> }.into_any(),
                    Err(failure) => broken(&failure),
                }
            })}
        </Suspense>
    })
}

#[component]
fn SetUp(request: PageRequest, token: String) -> impl IntoView {
    view! {
        <Lobby
            request=request.clone()
            title="Create the first administrator".to_owned()
            lead="This account lets the others in. The link works once.".to_owned()
            step=Step::None
        >
            <FormIsland action="/do/set_up".to_owned() refusal=request.refusal()>
                <input type="hidden" name="token" value=token />
                {registration_fields(&request, "")}
                <div class="form-actions">
                    <button class="btn btn-primary btn-block">"Create administrator"</button>
                </div>
            </FormIsland>
        </Lobby>
    }
}
