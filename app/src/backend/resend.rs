//! Asking for another mail: a new link to confirm one's address, or a mail that was given up.
//!
//! Guarantees: asking is possible only for oneself and after the right password; a shadow's asking writes the same job
//! and brings no such mail. A mail that lets somebody in is never sent again as it was: it gets a new secret.

use std::net::IpAddr;

use sea_orm::EntityTrait;

use super::Backend;
use super::audit::{Action, insert_audit};
use super::database::Lock;
use super::decide::{require_admin, send_sign_in_link};
use super::entity::{outbox, user};
use super::error::{Doing, Stop};
use super::mail::jobs::{JobKind, insert_address_job, insert_job};
use super::mail::message::Kind;
use super::mail::outbox::{State, revive, set_dropped};
use super::mail::resets;
use super::sessions::Viewer;
use crate::domain::problem::Problem;
use crate::domain::status::{Status, UserId};

/// Asks for a new link to confirm the address of `user_id`, who has just given the right password.
pub async fn ask_confirmation(backend: &Backend, user_id: UserId, source: IpAddr) -> Result<(), Stop> {
    let now = backend.now();
    backend.limits.confirm(&backend.settings, source, now).await?;
    let txn = backend.db.begin_write(Lock::None).await?;
    let user = user::Entity::find_by_id(user_id).one(&*txn).await.doing("find the account")?;
    let user = user.filter(|user| user.email_confirmed_at.is_none()).ok_or(Problem::LinkVoid)?;
    let actor = super::Actor { id: Some(user.id), name: user.username.clone(), source: source.to_string() };
    insert_audit(&*txn, Action::AskConfirmation, &actor, Some((user.id, &user.username)), now).await?;
    insert_job(&*txn, JobKind::Confirmation, user.id, now).await?;
    txn.commit().await?;
    backend.mail_bell.ring();
    Ok(())
}

/// Sends a given-up mail again.
pub async fn resend_mail(backend: &Backend, id: i64, admin: &Viewer, source: &str) -> Result<(), Stop> {
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    require_admin(&txn, admin).await?;
    let row = outbox::Entity::find_by_id(id).one(&*txn).await.doing("find the mail")?;
    let row = row.filter(|row| row.status == State::GivenUp.as_str()).ok_or(Problem::MailGone)?;
    let owner = match row.user_id {
        Some(id) => user::Entity::find_by_id(id).one(&*txn).await.doing("find the mail's owner")?,
        None => None,
    };
    let active = owner.as_ref().filter(|user| user.status == Status::Active.as_str());
    let unconfirmed =
        owner.as_ref().filter(|user| user.email_confirmed_at.is_none() && user.email_disowned_at.is_none());
    // Whether a link was made anew, for those kinds that have one.
    let renewed = match (Kind::parse(&row.kind), active, unconfirmed) {
        (Some(Kind::Approved), Some(user), _) => {
            send_sign_in_link(backend, &*txn, user, user.auth_epoch).await?;
            Some(true)
        }
        (Some(Kind::TemporaryPassword), Some(user), _) => {
            // Outside the cap of an hour: an administrator asks for it.
            resets::write_mail(backend, &txn, user, now).await?;
            Some(true)
        }
        (Some(Kind::ChangeAddress), Some(user), _) => {
            insert_address_job(&*txn, JobKind::AddressChange, user.id, &row.recipient, now).await?;
            Some(true)
        }
        (Some(Kind::ConfirmAddress), _, Some(user)) => {
            insert_job(&*txn, JobKind::Confirmation, user.id, now).await?;
            Some(true)
        }
        (Some(Kind::Approved | Kind::TemporaryPassword | Kind::ChangeAddress | Kind::ConfirmAddress), ..) => {
            Some(false)
        }
        _ => {
            revive(&*txn, row.id, now).await?;
            None
        }
    };
    match renewed {
        Some(true) => set_dropped(&*txn, row.id, now, "sent again with a new link").await?,
        Some(false) => {
            // Nobody is to be asked about it again.
            set_dropped(&*txn, row.id, now, "it would mean nothing any more").await?;
            txn.commit().await?;
            return Err(Problem::MailGone.into());
        }
        None => {}
    }
    let subject = owner.as_ref().map(|user| (user.id, user.username.as_str()));
    insert_audit(&*txn, Action::ResendMail, &admin.actor(source.to_owned()), subject, now).await?;
    txn.commit().await?;
    backend.mail_bell.ring();
    Ok(())
}
