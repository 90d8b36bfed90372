//! Failed emails: listing them, sending them again and dismissing them.
//!
//! # Guarantees
//!
//! - An email with a sign-in link, a confirmation link or a temporary password is never sent again as written: a new email with a
//!   new secret replaces it, whatever the limits of the mailbox, and with it all failed emails of the same kind to the same person.
//! - An email that cannot be sent again stays, unless it is no longer needed.
//! - If two administrators act on an email at the same time, only one of them succeeds.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::Backend;
use crate::accounts::password_reset::job;
use crate::admin::decisions::{require_admin, resend_question, send_sign_in_link_now};
use crate::audit::{Action, has_just_done, insert_audit};
use crate::email::jobs::{enqueue_confirmation, enqueue_new_email_confirmation};
use crate::email::notifications::still_needed;
use crate::email::obsolete::is_reason_valid;
use crate::email::outbox::{
    NOT_NEEDED, delayed, drop_failed_like, open, requeue, send_delayed_now, set_dropped,
};
use crate::entity::outbox::{EmailKind, EmailState};
use crate::entity::{outbox, user};
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::infra::database::{Lock, WriteTransaction};
use crate::sessions::{CurrentUser, lock_user_row};
use domain::errors::ErrorCode;
use domain::queue::Counted;
use domain::status::UserId;
use domain::view_models::{DelayedEmails, FailedEmail, FailedEmailsView, Page};

/// The maximum number of rows of a page.
pub const PAGE_SIZE: u64 = 50;

/// Returns the number of failed emails.
pub async fn count_failed_emails(db: &DatabaseConnection) -> Result<u64, InternalError> {
    outbox::Entity::find()
        .filter(outbox::Column::State.eq(EmailState::Failed))
        .count(db)
        .await
        .context("count failed emails")
}

/// Returns the failed emails page. The list contains the failed emails with an id below `before`, or the newest without it.
pub async fn read_failed_emails_page(
    backend: &Backend,
    before: Option<i64>,
) -> Result<FailedEmailsView, InternalError> {
    let delayed = read_delayed_emails(backend.db.pool()).await?;
    Ok(FailedEmailsView { delayed, failed: read_failed_emails(backend, before).await? })
}

/// Returns the delayed emails, or `None` if there are none.
pub async fn read_delayed_emails(db: &DatabaseConnection) -> Result<Option<DelayedEmails>, InternalError> {
    let query = outbox::Entity::find().filter(delayed());
    let count = query.clone().count(db).await.context("count delayed emails")?;
    let oldest =
        query.order_by_asc(outbox::Column::Id).one(db).await.context("find the oldest delayed email")?;
    Ok(oldest.map(|row| DelayedEmails {
        count: count.max(1),
        since: row.created_at,
        reason: row.last_error.unwrap_or_default(),
    }))
}

/// Returns a page of failed emails, the newest first.
async fn read_failed_emails(
    backend: &Backend,
    before: Option<i64>,
) -> Result<Page<FailedEmail>, InternalError> {
    let total = count_failed_emails(backend.db.pool()).await?;
    let mut failed = outbox::Entity::find().filter(outbox::Column::State.eq(EmailState::Failed));
    if let Some(before) = before {
        failed = failed.filter(outbox::Column::Id.lt(before));
    }
    // One row more than fits shows that there is a next page.
    let mut rows = failed
        .order_by_desc(outbox::Column::Id)
        .limit(PAGE_SIZE + 1)
        .all(backend.db.pool())
        .await
        .context("read a page of failed emails")?;
    let page_size = usize::try_from(PAGE_SIZE).unwrap_or(usize::MAX);
    let has_more = rows.len() > page_size;
    rows.truncate(page_size);
    let next = rows.last().filter(|_| has_more).map(|row| row.id.to_string());
    let names = find_usernames(backend.db.pool(), rows.iter().filter_map(|row| row.user_id)).await?;
    let rows = rows
        .into_iter()
        .map(|row| FailedEmail {
            id: row.id,
            kind: row.kind.known().map_or("Unknown", EmailKind::label).to_owned(),
            recipient: row.recipient,
            account: row.user_id.and_then(|id| Some((id, names.get(&id)?.clone()))),
            written: row.created_at,
            attempts: row.attempts,
            reason: row.last_error.unwrap_or_default(),
        })
        .collect();
    Ok(Page { rows, next, total: Counted::exactly(total) })
}

/// Returns the usernames of these accounts.
async fn find_usernames(
    db: &DatabaseConnection,
    ids: impl Iterator<Item = UserId>,
) -> Result<HashMap<UserId, String>, InternalError> {
    let names = user::Entity::find()
        .select_only()
        .columns([user::Column::Id, user::Column::Username])
        .filter(user::Column::Id.is_in(ids))
        .into_tuple::<(UserId, String)>()
        .all(db)
        .await
        .context("find the accounts of failed emails")?;
    Ok(names.into_iter().collect())
}

/// The reason for which an email is dropped that is sent again with a new secret.
const REPLACED: &str = "sent again with a new link";

/// The maximum number of failed emails that one request sends again: more than most portals have after an outage of a day. The
/// others stay on the page.
pub const MAX_RESENT: u64 = 1_000;
/// The number of emails that one transaction writes, so that other transactions do not wait long.
const BATCH: u64 = 100;

/// Sends a failed email again. An email that `admin` has just sent again is done.
pub async fn resend_email(
    backend: &Backend,
    id: i64,
    admin: &CurrentUser,
    client_ip: &str,
) -> Result<(), UseCaseError> {
    let result = resend_email_once(backend, id, admin, client_ip).await;
    unless_just_done(backend, result, id, admin, Action::ResendEmail).await
}

/// Returns `result` or, if the email is no longer failed because `admin` has just acted on it in this way, success.
async fn unless_just_done(
    backend: &Backend,
    result: Result<(), UseCaseError>,
    id: i64,
    admin: &CurrentUser,
    action: Action,
) -> Result<(), UseCaseError> {
    match result {
        Err(UseCaseError::Rejected(errors)) if errors.form == Some(ErrorCode::EmailNotFound) => {
            let (db, now) = (backend.db.pool(), backend.now());
            let row = outbox::Entity::find_by_id(id).one(db).await.context("find the email")?;
            let Some(row) = row.filter(|row| row.state.known() != Some(EmailState::Failed)) else {
                return Err(errors.into());
            };
            let among = [Action::ResendEmail, Action::DismissEmail];
            let done = has_just_done(db, admin.user_id, action, &among, row.user_id, now).await?;
            if done { Ok(()) } else { Err(errors.into()) }
        }
        result => result,
    }
}

async fn resend_email_once(
    backend: &Backend,
    id: i64,
    admin: &CurrentUser,
    client_ip: &str,
) -> Result<(), UseCaseError> {
    let txn = backend.db.begin_write(Lock::None).await?;
    require_admin(&txn, admin).await?;
    let row = find_failed(&txn, id).await?;
    let resent = resend(backend, &txn, &row, admin, client_ip).await?;
    txn.commit().await?;
    backend.email_wakeup.notify();
    match resent {
        Resent::Queued => Ok(()),
        Resent::NotNeeded => Err(ErrorCode::EmailNotNeeded.into()),
        Resent::Expired => Err(ErrorCode::EmailExpired.into()),
        Resent::NotFound => Err(ErrorCode::EmailNotFound.into()),
    }
}

/// Sends at most [`MAX_RESENT`] failed emails again, and makes all delayed emails due immediately. Emails that are no longer needed
/// are dropped, and emails whose links have expired stay.
pub async fn resend_all_emails(
    backend: &Backend,
    admin: &CurrentUser,
    client_ip: &str,
) -> Result<(), UseCaseError> {
    // A separate transaction, so that these rows are not locked while failed emails are written.
    let txn = backend.db.begin_write(Lock::None).await?;
    require_admin(&txn, admin).await?;
    send_delayed_now(&*txn, backend.now()).await?;
    txn.commit().await?;
    let mut after = 0;
    for _ in 0..MAX_RESENT / BATCH {
        let txn = backend.db.begin_write(Lock::None).await?;
        require_admin(&txn, admin).await?;
        let rows = outbox::Entity::find()
            .filter(outbox::Column::State.eq(EmailState::Failed))
            // By ascending id, so that no email is processed twice, even if it fails again in the meantime.
            .filter(outbox::Column::Id.gt(after))
            .order_by_asc(outbox::Column::Id)
            .limit(BATCH)
            .all(&*txn)
            .await
            .context("read failed emails")?;
        for row in &rows {
            resend(backend, &txn, row, admin, client_ip).await?;
        }
        txn.commit().await?;
        let Some(last) = rows.last() else { break };
        after = last.id;
    }
    backend.email_wakeup.notify();
    Ok(())
}

/// Dismisses a failed email: it leaves the page and is never sent. An email that `admin` has just dismissed is done.
pub async fn dismiss_email(
    backend: &Backend,
    id: i64,
    admin: &CurrentUser,
    client_ip: &str,
) -> Result<(), UseCaseError> {
    let result = dismiss_email_once(backend, id, admin, client_ip).await;
    unless_just_done(backend, result, id, admin, Action::DismissEmail).await
}

async fn dismiss_email_once(
    backend: &Backend,
    id: i64,
    admin: &CurrentUser,
    client_ip: &str,
) -> Result<(), UseCaseError> {
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    require_admin(&txn, admin).await?;
    let row = find_failed(&txn, id).await?;
    if !set_dropped(&*txn, row.id, now, "dismissed by an administrator").await? {
        return Err(ErrorCode::EmailNotFound.into());
    }
    let owner = find_owner(&txn, &row).await?;
    let subject = owner.as_ref().map(|user| (user.id, user.username.as_str()));
    insert_audit(&*txn, Action::DismissEmail, &admin.actor(client_ip.to_owned()), subject, now).await?;
    txn.commit().await?;
    Ok(())
}

async fn find_failed(txn: &WriteTransaction, id: i64) -> Result<outbox::Model, UseCaseError> {
    let row = outbox::Entity::find_by_id(id).one(&**txn).await.context("find the email")?;
    Ok(row.filter(|row| row.state.known() == Some(EmailState::Failed)).ok_or(ErrorCode::EmailNotFound)?)
}

/// Returns the user whom the email is about. Their row is locked before the row of the email, as everywhere.
async fn find_owner(
    txn: &WriteTransaction,
    row: &outbox::Model,
) -> Result<Option<user::Model>, InternalError> {
    let Some(id) = row.user_id else { return Ok(None) };
    lock_user_row(&**txn, id).await?;
    user::Entity::find_by_id(id).one(&**txn).await.context("find the user of the email")
}

/// The result of sending a failed email again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resent {
    /// The email will be sent, as written or with a new link or temporary password.
    Queued,
    /// The email is no longer needed and has been dropped.
    NotNeeded,
    /// The link of the email has expired and cannot be replaced. The email stays.
    Expired,
    /// Another administrator has acted on the email, or this version does not know its kind.
    NotFound,
}

/// Sends a failed email again.
async fn resend(
    backend: &Backend,
    txn: &WriteTransaction,
    row: &outbox::Model,
    admin: &CurrentUser,
    client_ip: &str,
) -> Result<Resent, InternalError> {
    // An email of a later version stays as it is: it may contain a secret that must not be sent again.
    let Some(kind) = row.kind.known() else { return Ok(Resent::NotFound) };
    let now = backend.now();
    let owner = find_owner(txn, row).await?;
    if !is_still_needed(backend, txn, row).await? {
        let dropped = set_dropped(&**txn, row.id, now, NOT_NEEDED).await?;
        return Ok(if dropped { Resent::NotNeeded } else { Resent::NotFound });
    }
    let renewed = owner.as_ref().filter(|_| has_renewable_secret(kind));
    if renewed.is_none() && row.not_after.is_some_and(|not_after| not_after <= now) {
        return Ok(Resent::Expired);
    }
    // The change of state comes first, so that only one of two administrators does the rest.
    let changed = match renewed {
        Some(_) => set_dropped(&**txn, row.id, now, REPLACED).await?,
        None => requeue(&**txn, row.id, now).await?,
    };
    if !changed {
        return Ok(Resent::NotFound);
    }
    if let Some(user) = renewed {
        // The new email replaces them all.
        drop_failed_like(&**txn, row, now, REPLACED).await?;
        enqueue_with_new_secret(backend, txn, row, kind, user).await?;
    }
    let subject = owner.as_ref().map(|user| (user.id, user.username.as_str()));
    insert_audit(&**txn, Action::ResendEmail, &admin.actor(client_ip.to_owned()), subject, now).await?;
    Ok(Resent::Queued)
}

/// Returns true if the reason of a failed email still holds. If the email cannot be decrypted, the attempt to send it reports this.
async fn is_still_needed(
    backend: &Backend,
    txn: &WriteTransaction,
    row: &outbox::Model,
) -> Result<bool, InternalError> {
    if !is_reason_valid(&**txn, row).await? {
        return Ok(false);
    }
    let Ok(message) = open(backend, row) else { return Ok(true) };
    Ok(still_needed(backend, &**txn, &row.recipient, message).await?.is_some())
}

/// Returns true if an email of this kind has a link or temporary password that a new one can replace.
fn has_renewable_secret(kind: EmailKind) -> bool {
    matches!(
        kind,
        EmailKind::Approved
            | EmailKind::TemporaryPassword
            | EmailKind::ConfirmNewEmail
            | EmailKind::ConfirmEmail
            | EmailKind::Question
    )
}

/// Enqueues a new email of this kind, with a new link or temporary password. The limits of the mailbox do not apply, because an
/// administrator asks for it.
async fn enqueue_with_new_secret(
    backend: &Backend,
    txn: &WriteTransaction,
    row: &outbox::Model,
    kind: EmailKind,
    user: &user::Model,
) -> Result<(), InternalError> {
    let now = backend.now();
    match kind {
        EmailKind::Question => resend_question(backend, txn, user).await,
        EmailKind::Approved => {
            send_sign_in_link_now(backend, &**txn, user, user.credential_version, backend.now()).await
        }
        EmailKind::TemporaryPassword => job::enqueue_reset_email(backend, txn, user, now).await,
        EmailKind::ConfirmNewEmail => {
            enqueue_new_email_confirmation(backend, txn, &row.recipient, user, now).await
        }
        _ => enqueue_confirmation(backend, txn, user, now).await,
    }
}
