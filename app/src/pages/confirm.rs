//! `/confirm/{token}`: says what the link is for; a press confirms.

use leptos::prelude::*;

use super::error_page::{VoidLink, broken};
use super::frame::{Lobby, Step};
use super::proof::AccountName;
use super::request::{PageRequest, param};
use crate::backend::links::{LinkView, find_link};
use crate::domain::password::Password;
use crate::domain::problem::Field;
use crate::domain::token::Purpose;
use crate::islands::fields::PasswordField;
use crate::islands::form::FormIsland;

/// The page.
#[component]
pub fn ConfirmPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let token = param("token");
    Some(view! {
        <Suspense>
            {Suspend::new(async move {
                match find_link(&request.backend, &token, &[Purpose::ConfirmAddress]).await {
                    Ok(Some(link)) => view! { <Confirm request=request link=link token=token /> }.into_any(),
                    Ok(None) => view! { <VoidLink request=request /> }.into_any(),
                    Err(failure) => broken(&failure),
                }
            })}
        </Suspense>
    })
}

#[component]
fn Confirm(request: PageRequest, link: LinkView, token: String) -> impl IntoView {
    let nothing = Password::default();
    let proved = request.caller.proof(&nothing).stands_without_password(link.user_id);
    let same_token = token.clone();
    let lead = format!("{} is the address of {}.", link.email, link.username);
    view! {
        <Lobby request=request.clone() title="Confirm your address".to_owned() lead=lead step=Step::Approval>
            <FormIsland action="/do/confirm_address".to_owned() refusal=request.refusal()>
                <input type="hidden" name="token" value=same_token />
                {(!proved).then(|| view! {
                    <AccountName username=link.username.clone() />
                    <PasswordField
                        field=Field::Password
                        label="Password".to_owned()
                        hint=format!("The one that {} chose at registration.", link.username)
                        autocomplete="current-password".to_owned()
                        first=true
                        least=0
                    />
                })}
                <div class="form-actions">
                    <button class="btn btn-primary btn-block">"Confirm address"</button>
                </div>
            </FormIsland>
            <form class="form-foot" method="post" action="/do/disown_address">
                <input type="hidden" name="token" value=token />
                <p>"You did not register here?"</p>
                <button class="btn btn-sm btn-danger">"This wasn't me"</button>
            </form>
        </Lobby>
    }
}
