//! `/login`: signing in.

use leptos::prelude::*;

use super::frame::{Lobby, Step};
use super::request::{PageRequest, query};
use crate::api::http::escape;
use crate::components::icon::MicrosoftMark;
use crate::domain::answer::Notice;
use crate::domain::next::NextPage;
use crate::domain::problem::{Field, Problem};
use crate::domain::status::Status;
use crate::islands::fields::{PasswordField, TextField};
use crate::islands::form::{FormIsland, SubmitButton};

/// Where signing in with Microsoft begins.
fn microsoft_address(next: &str) -> String {
    if next.is_empty() { "/ms-login".to_owned() } else { format!("/ms-login?next={}", escape(next)) }
}

/// The page.
#[component]
pub fn LoginPage() -> impl IntoView {
    let request = PageRequest::get()?;
    let next = query("next")
        .as_deref()
        .and_then(NextPage::parse)
        .map_or_else(String::new, |next| next.as_str().to_owned());
    let waits = matches!(request.refusal().form, Some(Problem::NotActive(Status::Pending | Status::Shadow)));
    let registered = request.flash().is_some_and(|flash| flash.notice == Some(Notice::Registered));
    let asked = request.flash().is_some_and(|flash| flash.notice == Some(Notice::ResetAsked));
    let step = match (waits || registered, asked) {
        (true, _) => Step::Approval,
        (_, true) => Step::RecoverSignIn,
        _ => Step::SignIn,
    };
    let microsoft = request.backend.microsoft.is_some().then(|| microsoft_address(&next));
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
                    <input class="checkbox" type="checkbox" name="shared" value="yes" />
                    <span>"This is a shared computer"</span>
                </label>
                <div class="form-actions">
                    <SubmitButton label="Sign in".to_owned() class="btn btn-primary btn-block".to_owned() />
                </div>
            </FormIsland>
            {may_confirm.then(|| view! {
                <form class="form-foot" method="post" action="/do/ask_confirmation">
                    <p>"Your address is not confirmed yet."</p>
                    <button class="btn btn-sm">"Send a new confirmation link"</button>
                </form>
            })}
            <p class="form-foot">"Forgotten your password? " <a href="/reset-password">"Get a temporary one"</a></p>
            {microsoft.map(|address| view! {
                <div class="other-way">
                    <p class="rule">"or"</p>
                    <a class="btn btn-block" href=address><MicrosoftMark />"Sign in with Microsoft"</a>
                </div>
            })}
            <p class="form-foot">"No account yet? " <a href="/register">"Create one"</a></p>
        </Lobby>
    })
}
