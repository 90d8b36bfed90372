//! Notifications to administrators: their recipients, and the removal of deleted users from them.
//!
//! # Guarantees
//!
//! - No notification that is sent names a user whose registration is no longer pending, or goes to a former administrator.
//! - The next cleanup removes all other users from pending and failed notifications.
//! - A reminder is sent with the numbers of that moment, and only if it is still true.

use std::collections::HashSet;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::Backend;
use crate::email::message::{Message, PendingUser};
use crate::email::outbox::{FORMAT, NOT_NEEDED, open, reseal};
use crate::email::reminder::waiting_message;
use crate::entity::outbox::{EmailKind, EmailState};
use crate::entity::{outbox, user};
use crate::error::{ErrorContext, InternalError};
use crate::infra::database::Lock;
use domain::status::{Role, Status, UserId};
use domain::time::Timestamp;

/// Most ids in one statement: both databases limit the number of values.
const BATCH: usize = 500;

/// Returns the email addresses that notifications go to: `ADMIN_EMAIL`, or those of all active administrators.
pub(super) async fn recipients(
    backend: &Backend,
    db: &impl ConnectionTrait,
) -> Result<Vec<String>, InternalError> {
    if !backend.settings.admin_emails.is_empty() {
        return Ok(backend.settings.admin_emails.clone());
    }
    let administrators = user::Entity::find()
        .filter(user::Column::Role.eq(Role::Admin))
        .filter(user::Column::Status.eq(Status::Active))
        .all(db)
        .await
        .context("find the administrators")?;
    Ok(administrators.into_iter().map(|user| user.email).collect())
}

/// Returns the message as it may be sent to `recipient`, or `None` if it is no longer needed. A notification goes only to its
/// current recipients, and names only users whose registration is still pending.
pub async fn still_needed(
    backend: &Backend,
    db: &impl ConnectionTrait,
    recipient: &str,
    message: Message,
) -> Result<Option<Message>, InternalError> {
    let is_notification = matches!(
        message,
        Message::PendingRegistrations { .. }
            | Message::RegistrationDisputed { .. }
            | Message::Reminder { .. }
    );
    if is_notification && !is_recipient(backend, db, recipient).await? {
        return Ok(None);
    }
    if matches!(message, Message::Reminder { .. }) {
        return waiting_message(backend, db, backend.now()).await;
    }
    let Message::PendingRegistrations { users, admin_url } = message else { return Ok(Some(message)) };
    let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
    let mut pending: HashSet<UserId> = HashSet::new();
    for ids in ids.chunks(BATCH) {
        let found: Vec<UserId> = user::Entity::find()
            .select_only()
            .column(user::Column::Id)
            .filter(user::Column::Id.is_in(ids.iter().copied()))
            .filter(user::Column::Status.eq(Status::Pending))
            .into_tuple()
            .all(db)
            .await
            .context("find pending users")?;
        pending.extend(found);
    }
    let users: Vec<PendingUser> = users.into_iter().filter(|user| pending.contains(&user.id)).collect();
    Ok((!users.is_empty()).then_some(Message::PendingRegistrations { users, admin_url }))
}

/// Returns true if notifications go to this email address.
async fn is_recipient(
    backend: &Backend,
    db: &impl ConnectionTrait,
    recipient: &str,
) -> Result<bool, InternalError> {
    if !backend.settings.admin_emails.is_empty() {
        return Ok(backend.settings.admin_emails.iter().any(|email| email == recipient));
    }
    let administrators = user::Entity::find()
        .filter(user::Column::Email.eq(recipient))
        .filter(user::Column::Role.eq(Role::Admin))
        .filter(user::Column::Status.eq(Status::Active))
        .count(db)
        .await
        .context("find the recipients of notifications")?;
    Ok(administrators > 0)
}

/// Removes users whose registration is no longer pending, also deleted ones, from pending and failed notifications. Drops
/// notifications that are no longer needed.
pub async fn erase_deleted_users(backend: &Backend) -> Result<(), InternalError> {
    let mut after = 0;
    loop {
        let txn = backend.db.begin_write(Lock::None).await?;
        let rows = outbox::Entity::find()
            .filter(outbox::Column::Kind.is_in([
                EmailKind::PendingRegistrations,
                EmailKind::RegistrationDisputed,
                EmailKind::Reminder,
            ]))
            // This version would lose the parts that a later version has added to the content.
            .filter(outbox::Column::Format.lte(FORMAT))
            .filter(outbox::Column::State.is_in([EmailState::Pending, EmailState::Failed]))
            .filter(outbox::Column::Id.gt(after))
            .order_by_asc(outbox::Column::Id)
            .limit(BATCH as u64)
            .all(&*txn)
            .await
            .context("read notifications")?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.id;
        for row in &rows {
            // If the content cannot be decrypted, the attempt to send it reports the reason.
            let Ok(message) = open(backend, row) else { continue };
            match still_needed(backend, &*txn, &row.recipient, message.clone()).await? {
                Some(remaining) if remaining == message => {}
                Some(remaining) => reseal(&*txn, &backend.keys, row, &remaining).await?,
                None => drop_notification(&*txn, row, backend.now()).await?,
            }
        }
        txn.commit().await?;
    }
}

async fn drop_notification(
    db: &impl ConnectionTrait,
    row: &outbox::Model,
    now: Timestamp,
) -> Result<(), InternalError> {
    outbox::Entity::update_many()
        .col_expr(outbox::Column::State, Expr::value(EmailState::Dropped))
        .col_expr(outbox::Column::Sealed, Expr::value(Option::<String>::None))
        .col_expr(outbox::Column::FinishedAt, Expr::value(now))
        .col_expr(outbox::Column::LastError, Expr::value(NOT_NEEDED))
        .filter(outbox::Column::Id.eq(row.id))
        .filter(outbox::Column::State.eq(row.state.as_str()))
        .exec(db)
        .await
        .context("drop a notification")?;
    Ok(())
}
