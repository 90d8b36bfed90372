//! `/auto-login/{token}`: names the account; a press signs in, once.

use leptos::prelude::*;

use super::error_page::{VoidLink, broken};
use super::frame::{Lobby, Step};
use super::proof::AccountName;
use super::request::{PageRequest, param};
use crate::backend::links::{LinkView, SIGN_IN, find_link};
use crate::domain::problem::Field;
use crate::islands::fields::PasswordField;
use crate::islands::form::FormIsland;

/// The page.
#[component]
pub fn SignInLinkPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let token = param("token");
    Some(view! {
        <Suspense>
            {Suspend::new(async move {
                match find_link(&request.backend, &token, &SIGN_IN).await {
                    Ok(Some(link)) => view! { <Continue request=request link=link token=token /> }.into_any(),
                    Ok(None) => view! { <VoidLink request=request /> }.into_any(),
                    Err(failure) => broken(&failure),
                }
            })}
        </Suspense>
    })
}

#[component]
fn Continue(request: PageRequest, link: LinkView, token: String) -> impl IntoView {
    let other = request
        .viewer()
        .filter(|viewer| viewer.user_id != link.user_id)
        .map(|viewer| viewer.username.clone());
    let title = format!("Continue as {}", link.username);
    match other {
        Some(other) => view! {
            <Lobby
                request=request
                title=format!("This link is for {}", link.username)
                lead=format!("{other} is signed in here. Sign out first, then open the link again.")
                step=Step::LetIn
            >
                <div class="form-actions"><a class="btn btn-primary btn-block" href="/logout">"Sign out"</a></div>
            </Lobby>
        }
        .into_any(),
        None => view! {
            <Lobby request=request.clone() title=title.clone() lead="This link signs you in once.".to_owned() step=Step::LetIn>
                <FormIsland action="/do/use_sign_in_link".to_owned() refusal=request.refusal()>
                    <input type="hidden" name="token" value=token />
                    {link.unconfirmed.then(|| view! {
                        <AccountName username=link.username.clone() />
                        <PasswordField
                            field=Field::Password
                            label="Password".to_owned()
                            hint="The one you chose at registration. It also confirms your address.".to_owned()
                            autocomplete="current-password".to_owned()
                            first=true
                            least=0
                        />
                    })}
                    <div class="form-actions">
                        <button class="btn btn-primary btn-block">{title}</button>
                    </div>
                </FormIsland>
            </Lobby>
        }
        .into_any(),
    }
}
