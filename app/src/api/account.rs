//! Registering, signing in and out, and making the first administrator.

use leptos::prelude::*;

use crate::domain::answer::{Fault, Outcome};
use crate::domain::password::Password;

/// Registers an account that then waits for approval.
#[server(prefix = "/do", endpoint = "register")]
pub async fn register(
    #[server(default)] username: String,
    #[server(default)] email: String,
    #[server(default)] password: Password,
    #[server(default)] confirm_password: Password,
) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply};
    use crate::backend::register::register;
    use crate::domain::answer::Notice;
    use crate::domain::check::Registration;
    use crate::domain::problem::Field;

    let call = Call::begin("/register")?.keep(Field::Username, &username).keep(Field::Email, &email);
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        let least = backend.settings.password_min_length;
        let form = Registration::parse(&username, &email, password, &confirm_password, least)?;
        backend.limits.register(&backend.settings, caller.source, backend.now()).await?;
        let user_id = register(&backend, form, &caller.source.to_string()).await?;
        call.remember_registration(user_id);
        Ok(Reply::next("/login", Notice::Registered))
    };
    call.answer(done.await)
}

/// Signs in with name (or address) and password.
#[server(prefix = "/do", endpoint = "sign_in")]
pub async fn sign_in(
    #[server(default)] username: String,
    #[server(default)] password: Password,
    #[server(default)] next: String,
    #[server(default)] shared: String,
) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply, login_page};
    use crate::backend::sign_in::{SignIn, SignedIn, sign_in};
    use crate::domain::next::NextPage;
    use crate::domain::problem::Field;

    let next = NextPage::parse(&next);
    let page = login_page(next.as_ref());
    let call = Call::begin(&page)?.keep(Field::Username, &username).keep(Field::Shared, &shared);
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        let form = SignIn {
            identifier: &username,
            password: &password,
            shared: !shared.is_empty(),
            source: caller.source,
        };
        match sign_in(&backend, &caller.session, form, &caller.browser()).await? {
            SignedIn::Open { known } => {
                call.remember_known(known);
                Ok(Reply::to(next.as_ref().map_or("/profile", NextPage::as_str)))
            }
            SignedIn::Restricted => Ok(Reply::to("/change-password")),
            SignedIn::NotActive { user_id, why, may_confirm } => {
                if may_confirm {
                    call.remember_proof(user_id);
                }
                Ok(Reply::refused_at(&page, why))
            }
        }
    };
    call.answer(done.await)
}

/// Signs out. Who is not signed in is signed out already.
#[server(prefix = "/do", endpoint = "sign_out")]
pub async fn sign_out() -> Result<Outcome, Fault> {
    use super::http::{Call, Reply};
    use crate::backend::sessions::{OpenedBy, sign_out};
    use crate::domain::answer::Notice;

    let call = Call::begin("/logout")?;
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        if let Some(viewer) = caller.viewer.as_ref().or(caller.restricted.as_ref()) {
            sign_out(&backend, &caller.session, viewer, &caller.source.to_string()).await?;
        }
        let by_microsoft =
            caller.viewer.as_ref().is_some_and(|viewer| viewer.opened_by == OpenedBy::Microsoft);
        let notice = if by_microsoft { Notice::SignedOutHere } else { Notice::SignedOut };
        Ok(Reply::next("/", notice))
    };
    call.answer(done.await)
}

/// Makes the first administrator, with the one-time link from the log.
#[server(prefix = "/do", endpoint = "set_up")]
pub async fn set_up(
    #[server(default)] token: String,
    #[server(default)] username: String,
    #[server(default)] email: String,
    #[server(default)] password: Password,
    #[server(default)] confirm_password: Password,
) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply, token_page};
    use crate::backend::setup::set_up;
    use crate::domain::answer::Notice;
    use crate::domain::check::Registration;
    use crate::domain::problem::Field;

    let page = token_page("/setup", &token);
    let call = Call::begin(&page)?.keep(Field::Username, &username).keep(Field::Email, &email);
    let (backend, caller) = (call.backend.clone(), call.caller.clone());
    let done = async {
        let least = backend.settings.password_min_length;
        let form = Registration::parse(&username, &email, password, &confirm_password, least)?;
        backend.limits.register(&backend.settings, caller.source, backend.now()).await?;
        set_up(&backend, &caller.session, &token, form, &caller.browser()).await?;
        Ok(Reply::next("/admin", Notice::SetUp))
    };
    call.answer(done.await)
}
