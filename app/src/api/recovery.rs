//! Asking for a temporary password, and choosing another one.

use leptos::prelude::*;

use crate::domain::answer::{Fault, Outcome};
use crate::domain::password::Password;

/// Asks for a temporary password by mail. The answer is the same whatever the address.
#[server(prefix = "/do", endpoint = "ask_reset")]
pub async fn ask_reset(#[server(default)] email: String) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply};
    use crate::backend::reset::ask_reset;
    use crate::domain::address::EmailAddress;
    use crate::domain::answer::Notice;
    use crate::domain::problem::{Field, Problem, Refusal};

    // The address is what one signs in with next.
    let call = Call::begin("/reset-password")?.keep(Field::Email, &email).keep(Field::Username, &email);
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        let email =
            EmailAddress::parse(&email).map_err(|e| Refusal::of_field(Field::Email, Problem::from(e)))?;
        backend.limits.reset(&backend.settings, caller.source, backend.now()).await?;
        ask_reset(&backend, &email).await?;
        Ok(Reply::next("/login", Notice::ResetAsked))
    };
    call.answer(done.await)
}

/// Chooses another password.
#[server(prefix = "/do", endpoint = "change_password")]
pub async fn change_password(
    #[server(default)] current_password: Password,
    #[server(default)] new_password: Password,
    #[server(default)] confirm_password: Password,
) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply};
    use crate::backend::change_password::change_password;
    use crate::domain::answer::Notice;
    use crate::domain::check::PasswordChange;

    let call = Call::begin("/change-password")?;
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        let viewer = match call.require_anybody() {
            Ok(viewer) => viewer,
            Err(reply) => return Ok(reply),
        };
        let least = backend.settings.password_min_length;
        let asked = viewer.must_give_password();
        let form = PasswordChange::parse(current_password, new_password, &confirm_password, least, asked)?;
        backend.limits.prove_again(&viewer.counted_as(), backend.now()).await?;
        let known = change_password(&backend, &caller.session, &viewer, form, &caller.browser()).await?;
        call.remember_known(known);
        Ok(Reply::next("/profile", Notice::PasswordChanged))
    };
    call.answer(done.await)
}
