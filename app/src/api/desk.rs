//! What administrators do.

use leptos::prelude::*;

use crate::domain::answer::{Fault, Outcome};

/// Carries out a decision about somebody. `from` is the page to come back to; a script that updates its own page says
/// `stay` and gets the person as they are now.
#[server(prefix = "/do", endpoint = "decide")]
pub async fn decide(
    #[server(default)] id: String,
    #[server(default)] decision: String,
    #[server(default)] from: String,
    #[server(default)] stay: String,
) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply};
    use crate::backend::decide::decide;
    use crate::backend::error::Stop;
    use crate::backend::queries::desk::find_person;
    use crate::domain::answer::Notice;
    use crate::domain::next::NextPage;
    use crate::domain::problem::Problem;
    use crate::domain::status::{Decision, UserId};

    let from = NextPage::parse(&from).filter(|page| page.as_str().starts_with("/admin"));
    let call = Call::begin(from.as_ref().map_or("/admin", NextPage::as_str))?;
    let admin = match call.require_admin() {
        Ok(admin) => admin,
        Err(reply) => return call.answer(Ok(reply)),
    };
    let backend = call.backend.clone();
    let done = async {
        let id: UserId = id.trim().parse().map_err(|_| Problem::NoSuchPerson)?;
        let decision = Decision::from_slug(&decision).ok_or(Problem::FormDamaged)?;
        let decided = decide(&backend, decision, id, &admin, &call.caller.source.to_string()).await;
        let refusal = match decided {
            Ok(()) if stay.is_empty() => {
                // From a card on to the desk; from the desk back to the same place in it.
                let next = from.as_ref().map(NextPage::as_str).filter(|from| !from.starts_with("/admin/"));
                call.about(find_person(&backend, admin.user_id, id).await?);
                return Ok(Reply::next(next.unwrap_or("/admin"), Notice::Decided(decision)));
            }
            Ok(()) => None,
            // Who has lost the role meanwhile is shown nobody any more.
            Err(Stop::Refused(refusal))
                if matches!(refusal.form, Some(Problem::SignedOut | Problem::Forbidden)) =>
            {
                return Ok(Reply::Refused(refusal));
            }
            Err(Stop::Refused(refusal)) => Some(refusal),
            Err(failed) => return Err(failed),
        };
        let person = find_person(&backend, admin.user_id, id).await?;
        call.about(person.clone());
        Ok(match (refusal, person) {
            (None, person) => Reply::stay(Notice::Decided(decision), person),
            (Some(refusal), Some(person)) => Reply::Stale(refusal, Box::new(person)),
            (Some(refusal), None) => Reply::Refused(refusal),
        })
    };
    call.answer(done.await)
}

/// Sends a mail again that was given up.
#[server(prefix = "/do", endpoint = "resend_mail")]
pub async fn resend_mail(#[server(default)] id: String) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply};
    use crate::backend::resend::resend_mail;
    use crate::domain::answer::Notice;
    use crate::domain::problem::Problem;

    let call = Call::begin("/admin/mail")?;
    let admin = match call.require_admin() {
        Ok(admin) => admin,
        Err(reply) => return call.answer(Ok(reply)),
    };
    let backend = call.backend.clone();
    let done = async {
        let id: i64 = id.trim().parse().map_err(|_| Problem::MailGone)?;
        resend_mail(&backend, id, &admin, &call.caller.source.to_string()).await?;
        Ok(Reply::next("/admin/mail", Notice::MailQueued))
    };
    call.answer(done.await)
}

/// Sends all failed emails again.
#[server(prefix = "/do", endpoint = "resend_all_mails")]
pub async fn resend_all_mails() -> Result<Outcome, Fault> {
    use super::http::{Call, Reply};
    use crate::backend::resend::resend_all;
    use crate::domain::answer::Notice;

    let call = Call::begin("/admin/mail")?;
    let admin = match call.require_admin() {
        Ok(admin) => admin,
        Err(reply) => return call.answer(Ok(reply)),
    };
    let backend = call.backend.clone();
    let done = async {
        resend_all(&backend, &admin, &call.caller.source.to_string()).await?;
        Ok(Reply::next("/admin/mail", Notice::MailsQueued))
    };
    call.answer(done.await)
}

/// Dismisses a failed email.
#[server(prefix = "/do", endpoint = "dismiss_mail")]
pub async fn dismiss_mail(#[server(default)] id: String) -> Result<Outcome, Fault> {
    use super::http::{Call, Reply};
    use crate::backend::resend::dismiss_mail;
    use crate::domain::answer::Notice;
    use crate::domain::problem::Problem;

    let call = Call::begin("/admin/mail")?;
    let admin = match call.require_admin() {
        Ok(admin) => admin,
        Err(reply) => return call.answer(Ok(reply)),
    };
    let backend = call.backend.clone();
    let done = async {
        let id: i64 = id.trim().parse().map_err(|_| Problem::MailGone)?;
        dismiss_mail(&backend, id, &admin, &call.caller.source.to_string()).await?;
        Ok(Reply::next("/admin/mail", Notice::MailDismissed))
    };
    call.answer(done.await)
}
