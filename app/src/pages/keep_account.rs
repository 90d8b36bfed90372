//! `/keep/{token}`: the page of a link that cancels the deletion of an account.

use leptos::prelude::*;

use crate::islands::fields::PasswordField;
use crate::pages::email_change::with_link;
use crate::pages::form::Form;
use crate::pages::layouts::{ProgressStep, SignedOutLayout};
use crate::pages::page_request::{PageRequest, cookie_check};
use crate::pages::reauthentication::HiddenUsernameField;
use backend::auth::link::LinkView;
use domain::errors::Field;
use domain::time::utc_text;
use domain::token::Purpose;

/// The page of a link that cancels the deletion.
#[component]
pub fn KeepAccountPage() -> impl IntoView {
    with_link(Purpose::KeepAccount, |request, link, token| {
        view! { <KeepAccountForm request=request link=link token=token /> }.into_any()
    })
}

/// The form that cancels the deletion.
#[component]
fn KeepAccountForm(request: PageRequest, link: LinkView, token: String) -> impl IntoView {
    let deletion_time = link.deletion_due.map_or_else(String::new, |at| format!(" on {}", utc_text(at)));
    let consequence = match (link.has_password, link.has_identity) {
        (true, true) => {
            "If you keep the account, its current password will stop working, and you'll choose a new password. The linked \
             Microsoft account will be unlinked."
        }
        (true, false) => {
            "If you keep the account, its current password will stop working, and you'll choose a new password."
        }
        (false, _) => "If you keep the account, you can sign in with Microsoft again.",
    };
    let lead = format!("The account {} will be deleted{deletion_time}. {consequence}", link.username);
    let asks_password = link.unconfirmed && link.has_password;
    view! {
        <SignedOutLayout request=request.clone() title="Keep your account?".to_owned() lead=lead step=ProgressStep::None>
            <Form action="/do/keep_account".to_owned() errors=request.errors()>
                <input type="hidden" name="token" value=token />
                {cookie_check()}
                {asks_password.then(|| view! {
                    <HiddenUsernameField username=link.username.clone() />
                    <PasswordField
                        field=Field::Password
                        label="Password".to_owned()
                        hint="The email address of this account is not confirmed, so we also ask for its current password.".to_owned()
                        autocomplete="current-password".to_owned()
                        autofocus=true
                        min_length=0
                    />
                })}
                <div class="flex flex-wrap gap-3">
                    <button class="btn btn-primary btn-block">"Keep account"</button>
                </div>
            </Form>
            <p class="text-sm/6 text-muted">"If you want your account to be deleted, close this page."</p>
        </SignedOutLayout>
    }
}
