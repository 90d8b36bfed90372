//! One's own account: sessions, address, and its end.

use leptos::prelude::*;

use crate::domain::answer::{Fault, Outcome};
use crate::domain::password::Password;

/// Ends one of one's own sessions.
#[server(prefix = "/do", endpoint = "end_session")]
pub async fn end_session(#[server(default)] handle: String) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply};
    use crate::backend::sessions::revoke_session;
    use crate::domain::answer::Notice;
    use crate::domain::problem::Problem;

    let call = Call::begin("/profile")?;
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        let viewer = match call.require_viewer() {
            Ok(viewer) => viewer,
            Err(reply) => return Ok(reply),
        };
        if !revoke_session(&backend, &viewer, &handle, &caller.source.to_string()).await? {
            return Err(Problem::SessionGone.into());
        }
        if handle == viewer.handle {
            return Ok(Reply::next("/login", Notice::SignedOut));
        }
        Ok(Reply::next("/profile", Notice::SessionRevoked))
    };
    call.answer(done.await)
}

/// Ends all of one's own sessions but this one.
#[server(prefix = "/do", endpoint = "end_other_sessions")]
pub async fn end_other_sessions() -> Result<Outcome, Fault> {
    use super::http::{Call, Reply};
    use crate::backend::sessions::revoke_other_sessions;
    use crate::domain::answer::Notice;

    let call = Call::begin("/profile")?;
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        let viewer = match call.require_viewer() {
            Ok(viewer) => viewer,
            Err(reply) => return Ok(reply),
        };
        call.remember_known(revoke_other_sessions(&backend, &viewer, &caller.browser()).await?);
        Ok(Reply::next("/profile", Notice::OtherSessionsRevoked))
    };
    call.answer(done.await)
}

/// Asks for another address. The answer is the same whether or not it has an account.
#[server(prefix = "/do", endpoint = "ask_address_change")]
pub async fn ask_address_change(
    #[server(default)] email: String,
    #[server(default)] current_password: Password,
) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply};
    use crate::backend::change_address::ask_address_change;
    use crate::domain::answer::Notice;
    use crate::domain::check::AddressChange;
    use crate::domain::problem::Field;

    let call = Call::begin("/profile/address")?.keep(Field::Email, &email);
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        let viewer = match call.require_viewer() {
            Ok(viewer) => viewer,
            Err(reply) => return Ok(reply),
        };
        let form = AddressChange::parse(&email, current_password, viewer.must_give_password())?;
        backend.limits.prove_again(&viewer.counted_as(), backend.now()).await?;
        ask_address_change(&backend, &viewer, &form, &caller.source.to_string()).await?;
        Ok(Reply::next("/profile", Notice::AddressChangeAsked))
    };
    call.answer(done.await)
}

/// Makes the address count that the link was mailed to.
#[server(prefix = "/do", endpoint = "change_address")]
pub async fn change_address(
    #[server(default)] token: String,
    #[server(default)] password: Password,
) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply, token_page};
    use crate::backend::change_address::change_address;
    use crate::domain::answer::Notice;

    let call = Call::begin(&token_page("/confirm-address", &token))?;
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        backend.limits.confirm(&backend.settings, caller.source, backend.now()).await?;
        let proof = caller.proof(&password);
        let changed = change_address(&backend, &caller.session, &token, &proof, &caller.browser()).await?;
        call.remember_known(changed.known);
        Ok(if changed.stays {
            Reply::next("/profile", Notice::AddressChanged)
        } else {
            Reply::next("/login", Notice::AddressChangedSignIn)
        })
    };
    call.answer(done.await)
}

/// Makes the old address count again.
#[server(prefix = "/do", endpoint = "undo_address_change")]
pub async fn undo_address_change(#[server(default)] token: String) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply, token_page};
    use crate::backend::change_address::undo_address_change;
    use crate::domain::answer::Notice;

    let call = Call::begin(&token_page("/undo", &token))?;
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let nothing = Password::default();
    let done = async {
        backend.limits.confirm(&backend.settings, caller.source, backend.now()).await?;
        let proof = caller.proof(&nothing);
        let stays = undo_address_change(&backend, &caller.session, &token, &proof, &caller.browser()).await?;
        Ok(if stays {
            Reply::next("/change-password", Notice::AddressRestored)
        } else {
            Reply::next("/login", Notice::AddressRestoredInactive)
        })
    };
    call.answer(done.await)
}

/// Asks for the deletion of one's own account.
#[server(prefix = "/do", endpoint = "delete_account")]
pub async fn delete_account(#[server(default)] current_password: Password) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply};
    use crate::backend::delete_account::ask_deletion;
    use crate::domain::answer::Notice;

    let call = Call::begin("/profile/delete")?;
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        let viewer = match call.require_viewer() {
            Ok(viewer) => viewer,
            Err(reply) => return Ok(reply),
        };
        backend.limits.prove_again(&viewer.counted_as(), backend.now()).await?;
        let due = ask_deletion(&backend, &viewer, &current_password, &caller.source.to_string()).await?;
        caller.session.forget().await;
        Ok(Reply::next("/", Notice::DeletionAsked(due)))
    };
    call.answer(done.await)
}

/// Keeps an account that is due for deletion.
#[server(prefix = "/do", endpoint = "keep_account")]
pub async fn keep_account(
    #[server(default)] token: String,
    #[server(default)] password: Password,
) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply, token_page};
    use crate::backend::delete_account::keep_account;
    use crate::domain::answer::Notice;

    let call = Call::begin(&token_page("/keep", &token))?;
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        backend.limits.confirm(&backend.settings, caller.source, backend.now()).await?;
        let proof = caller.proof(&password);
        let stays = keep_account(&backend, &caller.session, &token, &proof, &caller.browser()).await?;
        Ok(if stays {
            Reply::next("/change-password", Notice::AccountKept)
        } else {
            Reply::next("/login", Notice::AccountKeptSignIn)
        })
    };
    call.answer(done.await)
}
