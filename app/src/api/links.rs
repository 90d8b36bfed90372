//! The links in mail, and asking for another.

use leptos::prelude::*;

use crate::domain::answer::{Fault, Outcome};
use crate::domain::password::Password;

/// Confirms the address that the link was mailed to.
#[server(prefix = "/do", endpoint = "confirm_address")]
pub async fn confirm_address(
    #[server(default)] token: String,
    #[server(default)] password: Password,
) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply, token_page};
    use crate::backend::links::confirm_address;
    use crate::domain::answer::Notice;

    let call = Call::begin(&token_page("/confirm", &token))?;
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        let confirmed = confirm_address(&backend, &token, &caller.proof(&password)).await?;
        let notice = if confirmed.active { Notice::AddressConfirmedActive } else { Notice::AddressConfirmed };
        let signed_in = caller.viewer.as_ref().is_some_and(|viewer| viewer.user_id == confirmed.user_id);
        Ok(Reply::next(if signed_in { "/profile" } else { "/login" }, notice))
    };
    call.answer(done.await)
}

/// "This wasn't me": removes the registration while it waits, else voids the link alone.
#[server(prefix = "/do", endpoint = "disown_address")]
pub async fn disown_address(#[server(default)] token: String) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply, token_page};
    use crate::backend::links::{Disowned, disown};
    use crate::domain::answer::Notice;

    let call = Call::begin(&token_page("/confirm", &token))?;
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        let notice = match disown(&backend, &token, caller.source).await? {
            Disowned::Removed => Notice::RegistrationRemoved,
            Disowned::Reported => Notice::DisownedReported,
        };
        Ok(Reply::next("/", notice))
    };
    call.answer(done.await)
}

/// Signs in, once, with the link from the approval mail.
#[server(prefix = "/do", endpoint = "use_sign_in_link")]
pub async fn use_sign_in_link(
    #[server(default)] token: String,
    #[server(default)] password: Password,
) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply, token_page};
    use crate::backend::links::use_sign_in_link;

    let call = Call::begin(&token_page("/auto-login", &token))?;
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        let proof = caller.proof(&password);
        use_sign_in_link(&backend, &caller.session, &token, &proof, &caller.browser()).await?;
        Ok(Reply::to("/profile"))
    };
    call.answer(done.await)
}

/// Asks for another link to confirm one's address: signed in, or right after the right password.
#[server(prefix = "/do", endpoint = "ask_confirmation")]
pub async fn ask_confirmation() -> Result<Outcome, Fault> {
    use super::http::{Call, Reply};
    use crate::backend::resend::ask_confirmation;
    use crate::domain::answer::Notice;
    use crate::domain::problem::Problem;

    let call = Call::begin("/login")?;
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        let signed_in = caller.viewer.as_ref().map(|viewer| viewer.user_id);
        let user_id = signed_in.or(caller.proved).ok_or(Problem::SignedOut)?;
        ask_confirmation(&backend, user_id, caller.source).await?;
        Ok(Reply::next(if signed_in.is_some() { "/profile" } else { "/login" }, Notice::ConfirmationSent))
    };
    call.answer(done.await)
}
