//! What the worker makes of requests for a temporary password.
//!
//! Guarantees: only an active account with a password gets one; at most [`MOST`] mails an hour go to one address, whoever
//! asks; those that are out stay good until one is used or two hours are over, so that the owner always holds a valid
//! one however often a stranger asks. Nothing is written to `users`.

use std::time::Duration;

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};

use super::message::{Kind, Message};
use super::outbox::{Letter, enqueue};
use crate::backend::Backend;
use crate::backend::database::{Lock, WriteTransaction};
use crate::backend::entity::{outbox, reset_request, user};
use crate::backend::error::{Doing, Failure};
use crate::backend::token::{Binding, insert_token};
use crate::domain::status::Status;
use crate::domain::time::Timestamp;
use crate::domain::token::Purpose;

/// How long a temporary password is good.
pub const TEMPORARY_LIFETIME: Duration = Duration::from_hours(2);
/// Most mails about recovery to one address within [`PERIOD`].
const MOST: usize = 3;
const PERIOD: Duration = Duration::from_hours(1);

/// Works out the next request; `false` when there is none.
pub async fn work_next(backend: &Backend) -> Result<bool, Failure> {
    let now = backend.now();
    // The same lock as for jobs: the count of mails to one address has to hold over all replicas.
    let txn = backend.db.begin_write(Lock::Notices).await?;
    let request = reset_request::Entity::find()
        .filter(reset_request::Column::DueAt.lte(now.0))
        .order_by_asc(reset_request::Column::DueAt)
        .order_by_asc(reset_request::Column::Id)
        .one(&*txn)
        .await
        .doing("find a reset request")?;
    let Some(request) = request else { return Ok(false) };
    answer(backend, &txn, &request.email_canonical, now).await?;
    // Whatever else was asked for this address until now is answered with it.
    reset_request::Entity::delete_many()
        .filter(reset_request::Column::EmailCanonical.eq(request.email_canonical))
        .exec(&*txn)
        .await
        .doing("finish a reset request")?;
    txn.commit().await?;
    Ok(true)
}

/// How long until the next request is due; `None` where there is none.
pub async fn next_due(backend: &Backend) -> Result<Option<Duration>, Failure> {
    let next = reset_request::Entity::find()
        .order_by_asc(reset_request::Column::DueAt)
        .one(backend.db.pool())
        .await
        .doing("find the next reset request")?;
    Ok(next.map(|request| Timestamp(request.due_at).since(backend.now())))
}

async fn answer(
    backend: &Backend,
    txn: &WriteTransaction,
    email_canonical: &str,
    now: Timestamp,
) -> Result<(), Failure> {
    let people = find_people(txn, email_canonical).await?;
    // Which of two spellings a mail went to makes no difference: it is one mailbox.
    let kinds = [Kind::TemporaryPassword, Kind::NoTemporaryPassword].map(Kind::as_str);
    let recent = outbox::Entity::find()
        .filter(outbox::Column::Kind.is_in(kinds))
        .filter(outbox::Column::UserId.is_in(people.iter().map(|user| user.id)))
        .filter(outbox::Column::CreatedAt.gt(now.before(PERIOD).0))
        .count(&**txn)
        .await
        .doing("count mails about recovery")?;
    let left = MOST.saturating_sub(usize::try_from(recent).unwrap_or(MOST));
    for user in people.iter().take(left) {
        write_mail(backend, txn, user, now).await?;
    }
    Ok(())
}

/// The one account that has confirmed the address, else every active one that was registered with it.
async fn find_people(txn: &WriteTransaction, email_canonical: &str) -> Result<Vec<user::Model>, Failure> {
    let people = user::Entity::find()
        .filter(user::Column::EmailCanonical.eq(email_canonical))
        .filter(user::Column::Status.is_not_in([Status::Rejected, Status::Shadow].map(Status::as_str)))
        .order_by_asc(user::Column::Id)
        .all(&**txn)
        .await
        .doing("find whose address it is")?;
    if let Some(known) = people.iter().find(|user| user.email_confirmed_at.is_some()) {
        return Ok(vec![known.clone()]);
    }
    Ok(people.into_iter().filter(|user| user.status == Status::Active.as_str()).collect())
}

/// The mail to one account: a temporary password, or why there is none.
pub async fn write_mail(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), Failure> {
    let status = Status::parse(&user.status).ok_or(Failure::Data("an unknown status"))?;
    let username = user.username.clone();
    if status != Status::Active || user.password_hash.is_none() {
        let message =
            Message::NoTemporaryPassword { username, status, link: backend.settings.link("/login") };
        let letter = Letter { user_id: Some(user.id), recipient: &user.email, message, not_after: None };
        return enqueue(&**txn, &backend.keys, letter, now).await;
    }
    let expires_at = now.after(TEMPORARY_LIFETIME);
    let binding = Binding {
        user_id: Some(user.id),
        purpose: Purpose::TemporaryPassword,
        epoch: user.auth_epoch,
        email_canonical: &user.email_canonical,
        email: "",
        now,
        expires_at,
    };
    let token = insert_token(&**txn, binding).await?;
    let message = Message::TemporaryPassword {
        username,
        password: token.grouped(),
        link: backend.settings.link("/login"),
        lifetime: TEMPORARY_LIFETIME,
    };
    let letter =
        Letter { user_id: Some(user.id), recipient: &user.email, message, not_after: Some(expires_at) };
    enqueue(&**txn, &backend.keys, letter, now).await
}
