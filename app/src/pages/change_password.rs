//! `/change-password`: choosing another password, of one's own accord or because one has to.

use leptos::prelude::*;

use super::frame::{House, Lobby, Part, Refused, Step};
use super::request::PageRequest;
use crate::backend::sessions::{Kind, OpenedBy, Viewer};
use crate::domain::problem::Field;
use crate::islands::fields::PasswordField;
use crate::islands::form::{FormIsland, SubmitButton};

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

/// The way on for somebody without a password to give, whose sign-in is too long ago.
#[component]
pub fn ProofTooOld(
    /// The request.
    request: PageRequest,
) -> impl IntoView {
    let passwordless = request.viewer().is_some_and(|viewer| !viewer.has_password);
    let by_microsoft = passwordless && request.backend.microsoft.is_some();
    let address = request.address.clone();
    view! {
        <div class="stack">
            <Refused request=request />
            {if by_microsoft {
                view! {
                    <p>"You signed in more than ten minutes ago. Sign in with Microsoft again to go on; you come back to this page."</p>
                    <form method="post" action="/do/prove_with_microsoft">
                        <input type="hidden" name="next" value=address />
                        <div class="row">
                            <button class="btn btn-primary">"Sign in with Microsoft again"</button>
                            <a class="btn" href="/profile">"Cancel"</a>
                        </div>
                    </form>
                }
                .into_any()
            } else {
                view! {
                    <p>"Sign out, then ask for a temporary password, or ask for another link."</p>
                    <div class="row">
                        <a class="btn btn-primary" href="/logout">"Sign out"</a>
                        <a class="btn" href="/profile">"Back to the profile"</a>
                    </div>
                }
                .into_any()
            }}
        </div>
    }
    .into_any()
}

/// Under a form that asks for the current password.
#[component]
pub fn ForgottenIt() -> impl IntoView {
    view! {
        <p class="form-foot">"Forgotten it? " <a href="/logout">"Sign out"</a>", then ask for a temporary one."</p>
    }
}

/// Nothing leads away from here but a new password, or signing out.
#[component]
fn MustChange(request: PageRequest, viewer: Viewer) -> impl IntoView {
    let name = viewer.username.clone();
    let (lead, not_now) = match viewer.opened_by {
        OpenedBy::UndoLink => (
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
            <input class="sr-only" type="text" name="username" autocomplete="username" value=viewer.username readonly tabindex="-1" aria-hidden="true" />
            {asked.then(|| view! {
                <PasswordField
                    field=Field::CurrentPassword
                    label="Current password".to_owned()
                    hint=String::new()
                    autocomplete="current-password".to_owned()
                    first=true
                    least=0
                />
            })}
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
                <SubmitButton
                    label=if viewer.has_password { "Change password" } else { "Set a password" }.to_owned()
                    class="btn btn-primary".to_owned()
                />
                {(viewer.kind == Kind::Ordinary).then(|| view! { <a class="btn" href="/profile">"Cancel"</a> })}
            </div>
        </FormIsland>
        {asked.then(|| view! { <ForgottenIt /> })}
    }
    .into_any()
}
