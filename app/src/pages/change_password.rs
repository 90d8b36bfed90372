//! `/change-password`: choosing another password, of one's own accord or because one has to.

use leptos::prelude::*;

use super::frame::{House, Lobby, Part, Step};
use super::proof::{CurrentPassword, ForgottenIt, ProofTooOld};
use super::request::PageRequest;
use crate::backend::sessions::{Kind, OpenedBy, Viewer};
use crate::domain::problem::Field;
use crate::islands::fields::PasswordField;
use crate::islands::form::FormIsland;

/// The page.
#[component]
pub fn ChangePasswordPage() -> impl IntoView {
    let request = PageRequest::get()?;
    if let Some(viewer) = request.caller.restricted.clone() {
        return Some(view! { <MustChange request=request viewer=(*viewer).clone() /> }.into_any());
    }
    let viewer = request.viewer().cloned()?;
    let fresh = viewer.proved_lately(request.backend.now());
    let stale = !viewer.must_give_password() && !fresh;
    let (title, lead) = match (viewer.has_password, viewer.must_give_password()) {
        (true, true) => ("Change password", "You stay signed in here, and are signed out everywhere else."),
        (true, false) if stale => {
            ("Choose a new password", "More than ten minutes have passed since you came by the link.")
        }
        (true, false) => (
            "Choose a new password",
            "You came by a link of the operator's, so your present password is not asked for.",
        ),
        (false, _) => ("Set a password", "You have none yet."),
    };
    Some(
        view! {
            <House request=request.clone() title=title.to_owned() lead=lead.to_owned() part=Part::Profile narrow=true>
                {if stale {
                    view! { <ProofTooOld request=request /> }.into_any()
                } else {
                    view! { <ChangeForm request=request viewer=viewer /> }.into_any()
                }}
            </House>
        }
        .into_any(),
    )
}

/// Nothing leads away from here but a new password, or signing out.
#[component]
fn MustChange(request: PageRequest, viewer: Viewer) -> impl IntoView {
    let name = viewer.username.clone();
    let (lead, not_now) = match viewer.opened_by {
        OpenedBy::UndoLink | OpenedBy::KeepLink => (
            format!("Choose a new password to go on. The old one of {name} no longer works."),
            "Not now? You can ask for a temporary password at any time.",
        ),
        _ => (
            format!(
                "Choose a new password to go on. You are signed in as {name} for this alone; the temporary one is used up."
            ),
            "Not now? Your old password still works if you remember it, and you can ask for another temporary one.",
        ),
    };
    view! {
        <Lobby request=request.clone() title="New password".to_owned() lead=lead step=Step::RecoverChoose>
            <ChangeForm request=request viewer=viewer />
            <form class="form-foot" method="post" action="/do/sign_out">
                <p>{not_now}</p>
                <button class="btn btn-sm">"Sign out"</button>
            </form>
        </Lobby>
    }
}

#[component]
fn ChangeForm(request: PageRequest, viewer: Viewer) -> impl IntoView {
    let least = request.settings().password_min_length;
    let asked = viewer.must_give_password();
    view! {
        <FormIsland action="/do/change_password".to_owned() refusal=request.refusal()>
            <CurrentPassword viewer=viewer.clone() first=true />
            <PasswordField
                field=Field::NewPassword
                label="New password".to_owned()
                hint=format!("At least {least} characters. Three or four unrelated words are good.")
                autocomplete="new-password".to_owned()
                first=!asked
                least=least
            />
            <PasswordField
                field=Field::ConfirmPassword
                label="New password once more".to_owned()
                hint=String::new()
                autocomplete="new-password".to_owned()
                first=false
                least=least
            />
            <div class="form-actions row">
                <button class="btn btn-primary">{if viewer.has_password { "Change password" } else { "Set a password" }}</button>
                {(viewer.kind == Kind::Ordinary).then(|| view! { <a class="btn" href="/profile">"Cancel"</a> })}
            </div>
        </FormIsland>
        {asked.then(|| view! { <ForgottenIt /> })}
    }
    .into_any()
}
