//! `/login`: signing in.

use leptos::prelude::*;

use super::frame::{Lobby, Step};
use super::request::{PageRequest, query};
use crate::components::icon::MicrosoftMark;
use crate::domain::answer::Notice;
use crate::domain::next::NextPage;
use crate::domain::problem::{Field, Problem};
use crate::domain::status::PublicStatus;
use crate::islands::fields::{PasswordField, TextField};
use crate::islands::form::FormIsland;

/// The page.
#[component]
pub fn LoginPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let next = query("next")
        .as_deref()
        .and_then(NextPage::parse)
        .map_or_else(String::new, |next| next.as_str().to_owned());
    let waits = matches!(request.refusal().form, Some(Problem::NotActive(PublicStatus::Pending)));
    let registered = request.flash().is_some_and(|flash| flash.notice == Some(Notice::Registered));
    let asked = request.flash().is_some_and(|flash| flash.notice == Some(Notice::ResetAsked));
    let step = match (waits || registered, asked) {
        (true, _) => Step::Approval,
        (_, true) => Step::RecoverSignIn,
        _ => Step::SignIn,
    };
    let microsoft = request.backend.microsoft.is_some();
    let shared = !request.typed(Field::Shared).is_empty();
    let may_confirm = request.caller.proved.is_some() && waits;
    Some(view! {
        <Lobby request=request.clone() title="Sign in".to_owned() lead=String::new() step=step>
            <FormIsland action="/do/sign_in".to_owned() refusal=request.refusal()>
                <input type="hidden" name="next" value=next />
                <TextField
                    field=Field::Username
                    label="Username or email address".to_owned()
                    hint=String::new()
                    value=request.typed(Field::Username)
                    autocomplete="username".to_owned()
                    first=true
                    check=false
                />
                <PasswordField
                    field=Field::Password
                    label="Password".to_owned()
                    hint=String::new()
                    autocomplete="current-password".to_owned()
                    first=false
                    least=0
                />
                <label class="check-row">
                    <input class="checkbox" type="checkbox" name="shared" value="yes" checked=shared />
                    <span>"This is a shared computer"</span>
                </label>
                <div class="form-actions">
                    <button class="btn btn-primary btn-block">"Sign in"</button>
                </div>
                {may_confirm.then(|| view! {
                    <div class="form-foot">
                        <p>"Your address is not confirmed yet."</p>
                        <button class="btn btn-sm" form="ask-confirmation">"Send a new confirmation link"</button>
                    </div>
                })}
                <p class="form-foot">"Forgotten your password? " <a href="/reset-password">"Get a temporary one"</a></p>
                {microsoft.then(|| view! {
                    <div class="other-way">
                        <p class="rule">"or"</p>
                        // In the form, so that a shared computer is one for Microsoft, too.
                        <button class="btn btn-block" formaction="/do/sign_in_with_microsoft">
                            <MicrosoftMark />
                            "Sign in with Microsoft"
                        </button>
                    </div>
                })}
                <p class="form-foot">"No account yet? " <a href="/register">"Create one"</a></p>
            </FormIsland>
            {may_confirm.then(|| view! { <form id="ask-confirmation" method="post" action="/do/ask_confirmation"></form> })}
        </Lobby>
    })
}
