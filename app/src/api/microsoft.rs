//! One's Microsoft account: signing in with it, linking, unlinking, and proving oneself by it.

use leptos::prelude::*;

use crate::domain::answer::{Fault, Outcome};
use crate::domain::password::Password;

/// Goes to Microsoft to sign in, from the sign-in form. (`/ms-login` does so from anywhere else.)
#[server(prefix = "/do", endpoint = "sign_in_with_microsoft")]
pub async fn sign_in_with_microsoft(
    #[server(default)] username: String,
    #[server(default)] next: String,
    #[server(default)] shared: String,
) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply, login_page};
    use crate::backend::microsoft::{HOME, Purpose, begin};
    use crate::domain::next::NextPage;
    use crate::domain::problem::Field;

    let next = NextPage::parse(&next);
    let call = Call::begin(&login_page(next.as_ref()))?;
    let call = call.keep(Field::Username, &username).keep(Field::Shared, &shared);
    let next = next.as_ref().map_or(HOME, NextPage::as_str);
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        if caller.viewer.is_some() || caller.restricted.is_some() {
            // Whoever has to choose a new password is led there.
            return Ok(Reply::to(next));
        }
        backend.limits.microsoft(caller.source, backend.now()).await?;
        let purpose = Purpose::SignIn { shared: !shared.is_empty() };
        let to = begin(&backend, purpose, None, next, caller.trip.as_deref()).await?;
        Ok(call.send_to(&to))
    };
    call.answer(done.await)
}

/// Goes to Microsoft to link an account there.
#[server(prefix = "/do", endpoint = "link_microsoft")]
pub async fn link_microsoft(#[server(default)] current_password: Password) -> Result<Outcome, Fault> {
    use super::http::Call;
    use crate::backend::microsoft::{Purpose, begin};
    use crate::backend::prove::prove_again;
    use crate::domain::problem::Problem;

    let call = Call::begin("/profile/microsoft")?;
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        let viewer = match call.require_viewer() {
            Ok(viewer) => viewer,
            Err(reply) => return Ok(reply),
        };
        backend.limits.prove_again(&viewer.counted_as(), backend.now()).await?;
        if viewer.email_confirmed_at.is_none() {
            return Err(Problem::AddressUnconfirmed.into());
        }
        prove_again(&backend, &viewer, &current_password, &caller.source.to_string()).await?;
        let page = "/profile/microsoft";
        let to = begin(&backend, Purpose::Link, Some(&viewer), page, caller.trip.as_deref()).await?;
        Ok(call.send_to(&to))
    };
    call.answer(done.await)
}

/// Unlinks one's Microsoft account.
#[server(prefix = "/do", endpoint = "unlink_microsoft")]
pub async fn unlink_microsoft(#[server(default)] current_password: Password) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply};
    use crate::backend::microsoft::unlink;
    use crate::domain::answer::Notice;

    let call = Call::begin("/profile/microsoft")?;
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        let viewer = match call.require_viewer() {
            Ok(viewer) => viewer,
            Err(reply) => return Ok(reply),
        };
        backend.limits.prove_again(&viewer.counted_as(), backend.now()).await?;
        unlink(&backend, &viewer, &current_password, &caller.source.to_string()).await?;
        Ok(Reply::next("/profile", Notice::MicrosoftUnlinked))
    };
    call.answer(done.await)
}

/// Goes to Microsoft to prove again who one is, and comes back to `next`.
#[server(prefix = "/do", endpoint = "prove_with_microsoft")]
pub async fn prove_with_microsoft(#[server(default)] next: String) -> Result<Outcome, Fault> {
    use super::http::Call;
    use crate::backend::microsoft::{Purpose, begin};
    use crate::domain::next::NextPage;

    let next = NextPage::parse(&next).map_or_else(|| "/profile".to_owned(), |next| next.as_str().to_owned());
    let call = Call::begin(&next)?;
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        let viewer = match call.require_viewer() {
            Ok(viewer) => viewer,
            Err(reply) => return Ok(reply),
        };
        backend.limits.prove_again(&viewer.counted_as(), backend.now()).await?;
        let to = begin(&backend, Purpose::Prove, Some(&viewer), &next, caller.trip.as_deref()).await?;
        Ok(call.send_to(&to))
    };
    call.answer(done.await)
}
