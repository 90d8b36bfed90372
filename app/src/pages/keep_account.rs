//! `/keep/{token}`: keeps an account that is due for deletion.

use leptos::prelude::*;

use super::address::with_link;
use super::frame::{Lobby, Step};
use super::proof::AccountName;
use super::request::PageRequest;
use crate::backend::links::LinkView;
use crate::domain::problem::Field;
use crate::domain::time::utc_text;
use crate::domain::token::Purpose;
use crate::islands::fields::PasswordField;
use crate::islands::form::FormIsland;

/// The page.
#[component]
pub fn KeepAccountPage() -> impl IntoView {
    with_link(Purpose::KeepAccount, |request, link, token| {
        view! { <Keep request=request link=link token=token /> }.into_any()
    })
}

#[component]
fn Keep(request: PageRequest, link: LinkView, token: String) -> impl IntoView {
    let when = link.deletion_due.map_or_else(String::new, |at| format!(" on {}", utc_text(at)));
    let then = match (link.has_password, link.has_identity) {
        (true, true) => {
            "If you keep the account, its current password will stop working, and you'll choose a new password. The linked \
             Microsoft account will be unlinked."
        }
        (true, false) => {
            "If you keep the account, its current password will stop working, and you'll choose a new password."
        }
        (false, _) => "If you keep the account, you can sign in with Microsoft again.",
    };
    let lead = format!("The account {} will be deleted{when}. {then}", link.username);
    let asks_password = link.unconfirmed && link.has_password;
    view! {
        <Lobby request=request.clone() title="Keep your account?".to_owned() lead=lead step=Step::None>
            <FormIsland action="/do/keep_account".to_owned() refusal=request.refusal()>
                <input type="hidden" name="token" value=token />
                {asks_password.then(|| view! {
                    <AccountName username=link.username.clone() />
                    <PasswordField
                        field=Field::Password
                        label="Password".to_owned()
                        hint="The email address of this account is not confirmed, so we also ask for its current password.".to_owned()
                        autocomplete="current-password".to_owned()
                        first=true
                        least=0
                    />
                })}
                <div class="form-actions">
                    <button class="btn btn-primary btn-block">"Keep account"</button>
                </div>
            </FormIsland>
            <p class="form-foot">"If you want your account to be deleted, close this page."</p>
        </Lobby>
    }
}
