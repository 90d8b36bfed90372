//! `/profile/address`: asking for another address. `/confirm-address/{token}`: makes it count. `/undo/{token}`: makes the
//! old one count again.

use axum::http::StatusCode;
use leptos::prelude::*;

use super::error_page::{VoidLink, broken};
use super::frame::{House, Lobby, Part, Step, help};
use super::proof::{AccountName, CurrentPassword, ForgottenIt, ProofTooOld};
use super::request::{PageRequest, param, set_status};
use crate::backend::links::{LinkView, find_link};
use crate::backend::sessions::Viewer;
use crate::domain::problem::Field;
use crate::domain::token::Purpose;
use crate::islands::fields::{PasswordField, TextField};
use crate::islands::form::FormIsland;

/// Asking for another address.
#[component]
pub fn AddressPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let viewer = request.viewer().cloned()?;
    let lead = format!("{} stays your address until you confirm the new one.", viewer.email);
    let stale = !viewer.must_give_password() && !viewer.proved_lately(request.backend.now());
    let asked = viewer.must_give_password();
    Some(view! {
        <House request=request.clone() title="Change address".to_owned() lead=lead part=Part::Profile narrow=true>
            {if stale {
                view! { <ProofTooOld request=request /> }.into_any()
            } else {
                view! { <AskForm request=request viewer=viewer /> }.into_any()
            }}
            {(asked && !stale).then(|| view! { <ForgottenIt /> })}
        </House>
    })
}

#[component]
fn AskForm(request: PageRequest, viewer: Viewer) -> impl IntoView {
    view! {
        <FormIsland action="/do/ask_address_change".to_owned() refusal=request.refusal()>
            <TextField
                field=Field::Email
                label="New email address".to_owned()
                hint="We mail a link there.".to_owned()
                value=request.typed(Field::Email)
                autocomplete="email".to_owned()
                first=true
                check=true
            />
            <CurrentPassword viewer=viewer first=false />
            <div class="form-actions row">
                <button class="btn btn-primary">"Send the link"</button>
                <a class="btn" href="/profile">"Cancel"</a>
            </div>
        </FormIsland>
    }
    .into_any()
}

/// Makes the new address count.
#[component]
pub fn ConfirmAddressPage() -> impl IntoView {
    with_link(Purpose::ChangeAddress, |request, link, token| {
        view! { <ConfirmAddress request=request link=link token=token /> }.into_any()
    })
}

/// Makes the old address count again.
#[component]
pub fn UndoPage() -> impl IntoView {
    with_link(Purpose::UndoAddress, |request, link, token| {
        view! { <Undo request=request link=link token=token /> }.into_any()
    })
}

/// Looks the link up, then shows the page. Somebody else who is signed in has to sign out first.
pub(super) fn with_link(
    purpose: Purpose,
    page: impl FnOnce(PageRequest, LinkView, String) -> AnyView + Send + 'static,
) -> impl IntoView {
    let request = PageRequest::get()?;
    let token = param("token");
    let suspended = Suspend::new(async move {
        match find_link(&request.backend, &token, &[purpose]).await {
            Ok(Some(link)) if is_somebody_else(&request, &link) => {
                view! { <SomebodyElse request=request link=link /> }.into_any()
            }
            Ok(Some(link)) => page(request, link, token),
            Ok(None) if purpose == Purpose::UndoAddress => view! { <VoidUndo request=request /> }.into_any(),
            Ok(None) => view! { <VoidLink request=request /> }.into_any(),
            Err(failure) => broken(&failure),
        }
    });
    Some(view! { <Suspense>{suspended}</Suspense> })
}

fn is_somebody_else(request: &PageRequest, link: &LinkView) -> bool {
    request.viewer().is_some_and(|viewer| viewer.user_id != link.user_id)
}

/// Whoever comes too late may have lost the account: a temporary password would go to the other address.
#[component]
fn VoidUndo(request: PageRequest) -> impl IntoView {
    set_status(StatusCode::NOT_FOUND);
    let text = "This link has expired or was already used. If somebody else is in your account, tell an administrator: they can \
                deactivate it at once.";
    let help = help(request.settings());
    view! {
        <Lobby request=request title="This link can't be used".to_owned() lead=text.to_owned() step=Step::None>
            <div class="form-actions">
                <a class="btn btn-primary" href="/login">"Sign in"</a>
            </div>
            <p class="form-foot">{help}</p>
        </Lobby>
    }
}

#[component]
fn SomebodyElse(request: PageRequest, link: LinkView) -> impl IntoView {
    let other = request.viewer().map_or_else(String::new, |viewer| viewer.username.clone());
    view! {
        <Lobby
            request=request
            title=format!("This link is for {}", link.username)
            lead=format!("{other} is signed in here. Sign out first, then open the link again.")
            step=Step::None
        >
            <div class="form-actions"><a class="btn btn-primary btn-block" href="/logout">"Sign out"</a></div>
        </Lobby>
    }
}

#[component]
fn ConfirmAddress(request: PageRequest, link: LinkView, token: String) -> impl IntoView {
    let signed_in = request.viewer().is_some();
    let then = if signed_in {
        "You stay signed in here, and are signed out everywhere else."
    } else {
        "You are signed out everywhere."
    };
    let lead = format!("{} becomes the address of {}. {then}", link.email, link.username);
    view! {
        <Lobby request=request.clone() title="Confirm your new address".to_owned() lead=lead step=Step::None>
            <FormIsland action="/do/change_address".to_owned() refusal=request.refusal()>
                <input type="hidden" name="token" value=token />
                {(!signed_in).then(|| view! {
                    <AccountName username=link.username.clone() />
                    <PasswordField
                        field=Field::Password
                        label="Password".to_owned()
                        hint=format!("The password of {}.", link.username)
                        autocomplete="current-password".to_owned()
                        first=true
                        least=0
                    />
                })}
                <div class="form-actions">
                    <button class="btn btn-primary btn-block">"Confirm new address"</button>
                </div>
            </FormIsland>
            {(!signed_in).then(|| view! {
                <p class="form-foot">"Not your account? Close this page: nothing was changed."</p>
            })}
        </Lobby>
    }
}

#[component]
fn Undo(request: PageRequest, link: LinkView, token: String) -> impl IntoView {
    let lead = format!(
        "{} becomes the address of {} again. Everyone who is signed in is signed out, the present password stops working, \
         and you choose a new one.{}",
        link.email,
        link.username,
        if link.deletion_due.is_some() { " This also cancels the deletion of the account." } else { "" }
    );
    let button = if link.deletion_due.is_some() { "Undo change and keep account" } else { "Undo the change" };
    view! {
        <Lobby request=request.clone() title="Undo the change of address?".to_owned() lead=lead step=Step::None>
            <FormIsland action="/do/undo_address_change".to_owned() refusal=request.refusal()>
                <input type="hidden" name="token" value=token />
                <div class="form-actions">
                    <button class="btn btn-primary btn-block">{button}</button>
                </div>
            </FormIsland>
            <p class="form-foot">"Did you change it yourself? Close this page: nothing was changed."</p>
        </Lobby>
    }
}
