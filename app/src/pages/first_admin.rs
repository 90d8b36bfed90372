//! `/setup/{token}`: the setup page that creates the first administrator.

use leptos::prelude::*;

use crate::pages::error_page::internal_error_page;
use crate::pages::form::Form;
use crate::pages::invalid_link::InvalidLinkPage;
use crate::pages::layouts::{ProgressStep, SignedOutLayout};
use crate::pages::page_request::{PageRequest, cookie_check, param};
use crate::pages::register::registration_fields;
use backend::accounts::first_admin::is_setup_link;
use domain::token::Purpose;

/// The page of a setup link.
#[component]
pub fn FirstAdminPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let token = param("token");
    Some(view! {
        <Suspense>
            {Suspend::new(async move {
                match is_setup_link(&request.backend, &token).await {
                    Ok(true) => view! { <FirstAdminForm request=request token=token /> }.into_any(),
                    Ok(false) => view! { <InvalidLinkPage request=request purpose=Purpose::Setup /> }.into_any(),
                    Err(error) => internal_error_page(&error),
                }
            })}
        </Suspense>
    })
}

/// The form that creates the first administrator.
#[component]
fn FirstAdminForm(request: PageRequest, token: String) -> impl IntoView {
    view! {
        <SignedOutLayout
            request=request.clone()
            title="Create the first administrator".to_owned()
            lead="With this account, you can approve everyone else. This link works only once.".to_owned()
            step=ProgressStep::None
        >
            <Form action="/do/set_up".to_owned() errors=request.errors()>
                <input type="hidden" name="token" value=token />
                {cookie_check()}
                {registration_fields(&request, "")}
                <div class="flex flex-wrap gap-3">
                    <button class="btn btn-primary btn-block">"Create administrator"</button>
                </div>
            </Form>
        </SignedOutLayout>
    }
}
