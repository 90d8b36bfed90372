//! Asking for another mail: a new link to confirm one's address, or mails that were given up.
//!
//! Guarantees: asking is possible only for oneself and after the right password; a shadow's asking writes the same job
//! and brings no such mail. A mail that lets somebody in is never sent again as it was: it gets a new secret.

use std::net::IpAddr;

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::Backend;
use super::audit::{Action, insert_audit};
use super::database::{Lock, WriteTransaction};
use super::decide::{require_admin, send_sign_in_link};
use super::entity::{outbox, user, user_token};
use super::error::{Doing, Failure, Stop};
use super::mail::jobs::{JobKind, insert_address_job, insert_job};
use super::mail::message::Kind;
use super::mail::outbox::{State, revive, send_delayed_now, set_dropped};
use super::mail::resets;
use super::sessions::Viewer;
use crate::domain::problem::Problem;
use crate::domain::status::{Status, UserId};
use crate::domain::token::Purpose;

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

/// Most failed emails that one press sends again: more than a day's outage leaves at most portals. The rest stays on the page.
pub const RESENT_AT_ONCE: u64 = 1_000;
/// How many of them one transaction writes, so that others wait for none of them long.
const BATCH: u64 = 100;

/// Sends a given-up mail again.
pub async fn resend_mail(backend: &Backend, id: i64, admin: &Viewer, source: &str) -> Result<(), Stop> {
    let txn = backend.db.begin_write(Lock::None).await?;
    require_admin(&txn, admin).await?;
    let row = find_failed(&txn, id).await?;
    let sent = send_again(backend, &txn, &row, admin, source).await?;
    txn.commit().await?;
    backend.mail_bell.ring();
    // Where it would mean nothing any more, nobody is to be asked about it again.
    if sent { Ok(()) } else { Err(Problem::MailGone.into()) }
}

/// Sends at most [`RESENT_AT_ONCE`] failed emails again, and makes all delayed emails due now.
pub async fn resend_all(backend: &Backend, admin: &Viewer, source: &str) -> Result<(), Stop> {
    // A transaction of its own, which holds none of these rows while others are written.
    let txn = backend.db.begin_write(Lock::None).await?;
    require_admin(&txn, admin).await?;
    send_delayed_now(&*txn, backend.now()).await?;
    txn.commit().await?;
    let mut after = 0;
    for _ in 0..RESENT_AT_ONCE / BATCH {
        let txn = backend.db.begin_write(Lock::None).await?;
        require_admin(&txn, admin).await?;
        let rows = outbox::Entity::find()
            .filter(outbox::Column::Status.eq(State::GivenUp.as_str()))
            // Upwards, so that none comes twice, whatever becomes of it meanwhile.
            .filter(outbox::Column::Id.gt(after))
            .order_by_asc(outbox::Column::Id)
            .limit(BATCH)
            .all(&*txn)
            .await
            .doing("read failed emails")?;
        for row in &rows {
            send_again(backend, &txn, row, admin, source).await?;
        }
        txn.commit().await?;
        let Some(last) = rows.last() else { break };
        after = last.id;
    }
    backend.mail_bell.ring();
    Ok(())
}

/// Dismisses a failed email: it leaves the page and is not sent.
pub async fn dismiss_mail(backend: &Backend, id: i64, admin: &Viewer, source: &str) -> Result<(), Stop> {
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    require_admin(&txn, admin).await?;
    let row = find_failed(&txn, id).await?;
    if !set_dropped(&*txn, row.id, now, "dismissed by an administrator").await? {
        return Err(Problem::MailGone.into());
    }
    let owner = find_owner(&txn, &row).await?;
    let subject = owner.as_ref().map(|user| (user.id, user.username.as_str()));
    insert_audit(&*txn, Action::DismissMail, &admin.actor(source.to_owned()), subject, now).await?;
    txn.commit().await?;
    Ok(())
}

async fn find_failed(txn: &WriteTransaction, id: i64) -> Result<outbox::Model, Stop> {
    let row = outbox::Entity::find_by_id(id).one(&**txn).await.doing("find the mail")?;
    Ok(row.filter(|row| row.status == State::GivenUp.as_str()).ok_or(Problem::MailGone)?)
}

async fn find_owner(txn: &WriteTransaction, row: &outbox::Model) -> Result<Option<user::Model>, Failure> {
    match row.user_id {
        Some(id) => user::Entity::find_by_id(id).one(&**txn).await.doing("find the mail's owner"),
        None => Ok(None),
    }
}

/// How a failed email is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// With a new link or secret in the place of the old one.
    Renewed,
    /// As it was.
    Unchanged,
    /// Not at all: it is no longer needed.
    Never,
}

/// Sends one again. `false` if it is no longer needed, or someone else was faster.
async fn send_again(
    backend: &Backend,
    txn: &WriteTransaction,
    row: &outbox::Model,
    admin: &Viewer,
    source: &str,
) -> Result<bool, Failure> {
    let now = backend.now();
    let owner = find_owner(txn, row).await?;
    let kind = Kind::parse(&row.kind);
    let again = plan(txn, row, kind, owner.as_ref()).await?;
    // First of all, so that of two administrators one does the rest.
    let won = match again {
        Again::Renewed => set_dropped(&**txn, row.id, now, "sent again with a new link").await?,
        Again::Unchanged => revive(&**txn, row.id, now).await?,
        Again::Never => {
            set_dropped(&**txn, row.id, now, "no longer needed").await?;
            false
        }
    };
    if !won {
        return Ok(false);
    }
    if let (Again::Renewed, Some(user)) = (again, &owner) {
        renew(backend, txn, row, kind, user).await?;
    }
    let subject = owner.as_ref().map(|user| (user.id, user.username.as_str()));
    insert_audit(&**txn, Action::ResendMail, &admin.actor(source.to_owned()), subject, now).await?;
    Ok(true)
}

async fn plan(
    txn: &WriteTransaction,
    row: &outbox::Model,
    kind: Option<Kind>,
    owner: Option<&user::Model>,
) -> Result<Again, Failure> {
    let active = owner.filter(|user| user.status == Status::Active.as_str());
    let needed = match kind {
        Some(Kind::Approved) => active.is_some_and(|user| user.last_sign_in_at <= row.created_at),
        Some(Kind::TemporaryPassword) => active.is_some(),
        Some(Kind::ChangeAddress) => match active {
            Some(user) => is_still_asked(txn, user, &row.recipient).await?,
            None => false,
        },
        Some(Kind::ConfirmAddress) => {
            owner.is_some_and(|user| user.email_confirmed_at.is_none() && user.email_disowned_at.is_none())
        }
        _ => return Ok(Again::Unchanged),
    };
    Ok(if needed { Again::Renewed } else { Again::Never })
}

/// Whether someone still wants this to become their email address: they have asked for no other since, and their credentials have
/// not changed.
async fn is_still_asked(
    txn: &WriteTransaction,
    user: &user::Model,
    recipient: &str,
) -> Result<bool, Failure> {
    let asked = user_token::Entity::find()
        .filter(user_token::Column::UserId.eq(user.id))
        .filter(user_token::Column::Purpose.eq(Purpose::ChangeAddress.as_str()))
        .filter(user_token::Column::Email.eq(recipient))
        .filter(user_token::Column::Epoch.eq(user.auth_epoch))
        .filter(user_token::Column::UsedAt.is_null())
        .count(&**txn)
        .await
        .doing("look whether a change of address is still asked for")?;
    Ok(asked > 0)
}

async fn renew(
    backend: &Backend,
    txn: &WriteTransaction,
    row: &outbox::Model,
    kind: Option<Kind>,
    user: &user::Model,
) -> Result<(), Failure> {
    let now = backend.now();
    match kind {
        Some(Kind::Approved) => send_sign_in_link(backend, &**txn, user, user.auth_epoch).await,
        // Outside the cap of an hour: an administrator asks for it.
        Some(Kind::TemporaryPassword) => resets::write_mail(backend, txn, user, now).await,
        Some(Kind::ChangeAddress) => {
            insert_address_job(&**txn, JobKind::AddressChange, user.id, &row.recipient, now).await
        }
        _ => insert_job(&**txn, JobKind::Confirmation, user.id, now).await,
    }
}
