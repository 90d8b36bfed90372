//! What the worker makes of requests for a temporary password.
//!
//! Guarantees: only an active account with a password and a confirmed email address gets one, because the owner of a
//! mistyped email address must not take the account over; at most
//! [`MOST`] an hour go to one account, whoever asks; those that are out stay good until one is used or two hours are over, so that the owner always holds a valid
//! one however often a stranger asks. Nothing is written to `users`.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::attempts::Retry;
use super::mailbox::{count_recent, note_email};
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
const MOST: u64 = 3;
const PERIOD: Duration = Duration::from_hours(1);

/// Most requests that one transaction answers: others wait for its lock, and it has seconds for a few statements each.
const BATCH: usize = 25;

/// Answers a batch of the requests that are due; `true` if more may be due. If one of them fails, they are answered one by
/// one, and the one that fails is tried again later.
pub async fn work_batch(backend: &Backend) -> Result<bool, Failure> {
    let now = backend.now();
    if let Ok(answered) = answer_due(backend, BATCH, now).await {
        return Ok(answered == BATCH);
    }
    let request = find_due(backend.db.pool(), 1, now).await?.pop();
    match answer_due(backend, 1, now).await {
        Ok(answered) => Ok(answered == 1),
        Err(failure) => match request {
            Some(request) => try_later(backend, &request, &failure, now).await.map(|()| true),
            None => Err(failure),
        },
    }
}

/// Answers at most so many of the requests that are due, in one transaction. Returns how many.
async fn answer_due(backend: &Backend, most: usize, now: Timestamp) -> Result<usize, Failure> {
    // The same lock as for jobs: the count of mails to one address has to hold over all replicas.
    let txn = backend.db.begin_write(Lock::Notices).await?;
    let requests = find_due(&*txn, most, now).await?;
    if requests.is_empty() {
        return Ok(0);
    }
    let addresses: Vec<&str> = requests.iter().map(|request| request.email_canonical.as_str()).collect();
    let people = find_people(&txn, &addresses).await?;
    for address in &addresses {
        if let Some(user) = recipient(&people, address) {
            answer(backend, &txn, user, now).await?;
        }
    }
    reset_request::Entity::delete_many()
        .filter(reset_request::Column::Id.is_in(requests.iter().map(|request| request.id)))
        .exec(&*txn)
        .await
        .doing("delete answered requests for temporary passwords")?;
    txn.commit().await?;
    Ok(requests.len())
}

async fn find_due(
    db: &impl ConnectionTrait,
    most: usize,
    now: Timestamp,
) -> Result<Vec<reset_request::Model>, Failure> {
    reset_request::Entity::find()
        .filter(reset_request::Column::DueAt.lte(now.0))
        .filter(reset_request::Column::FailedAt.is_null())
        .order_by_asc(reset_request::Column::DueAt)
        .order_by_asc(reset_request::Column::Id)
        .limit(most as u64)
        .all(db)
        .await
        .doing("find requests for temporary passwords")
}

/// Notes a try in vain. Where the database is what failed, this fails too, and nothing has changed.
async fn try_later(
    backend: &Backend,
    request: &reset_request::Model,
    failure: &Failure,
    now: Timestamp,
) -> Result<(), Failure> {
    let retry = Retry::after(request.attempts, now);
    reset_request::Entity::update_many()
        .col_expr(reset_request::Column::Attempts, Expr::value(retry.attempts))
        .col_expr(reset_request::Column::DueAt, Expr::value(retry.due_at.0))
        .col_expr(reset_request::Column::FailedAt, Expr::value(retry.failed_at.map(|at| at.0)))
        .filter(reset_request::Column::Id.eq(request.id))
        .exec(backend.db.pool())
        .await
        .doing("note that a request failed")?;
    let (request, attempts) = (request.id, retry.attempts);
    if retry.failed_at.is_some() {
        tracing::error!(request, attempts, cause = %failure, "request for a temporary password failed");
    } else {
        tracing::warn!(
            request,
            attempts,
            cause = %failure,
            "request for a temporary password failed, and is tried again"
        );
    }
    Ok(())
}

/// How long until the next request is due; `None` where there is none.
pub async fn next_due(backend: &Backend) -> Result<Option<Duration>, Failure> {
    let next = reset_request::Entity::find()
        .filter(reset_request::Column::FailedAt.is_null())
        .order_by_asc(reset_request::Column::DueAt)
        .one(backend.db.pool())
        .await
        .doing("find the next reset request")?;
    Ok(next.map(|request| Timestamp(request.due_at).since(backend.now())))
}

async fn answer(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), Failure> {
    let recent = if may_have_one(user) {
        // For each account: requests for one account must not keep another of the same mailbox from its temporary password.
        outbox::Entity::find()
            .filter(outbox::Column::Kind.eq(Kind::TemporaryPassword.as_str()))
            .filter(outbox::Column::UserId.eq(user.id))
            .filter(outbox::Column::CreatedAt.gt(now.before(PERIOD).0))
            .count(&**txn)
            .await
            .doing("count emails about recovery")?
    } else {
        count_recent(backend, &**txn, &user.email_canonical, &[Kind::NoTemporaryPassword], PERIOD, now)
            .await?
    };
    if recent < MOST { write_mail(backend, txn, user, now).await } else { Ok(()) }
}

/// Whether an account may have a temporary password.
fn may_have_one(user: &user::Model) -> bool {
    user.status == Status::Active.as_str()
        && user.password_hash.is_some()
        && user.email_confirmed_at.is_some()
}

/// Finds the accounts with these email addresses whose owners may get an email.
async fn find_people(txn: &WriteTransaction, addresses: &[&str]) -> Result<Vec<user::Model>, Failure> {
    user::Entity::find()
        .filter(user::Column::EmailCanonical.is_in(addresses.iter().copied()))
        .filter(user::Column::Status.is_not_in([Status::Rejected, Status::Shadow].map(Status::as_str)))
        .order_by_asc(user::Column::Id)
        .all(&**txn)
        .await
        .doing("find whose addresses they are")
}

/// Returns the account whose owner gets the email: the one that has confirmed the email address, else the oldest active one.
fn recipient<'a>(people: &'a [user::Model], address: &str) -> Option<&'a user::Model> {
    let with_address = || people.iter().filter(|user| user.email_canonical == address);
    let confirmed = with_address().find(|user| user.email_confirmed_at.is_some());
    confirmed.or_else(|| with_address().find(|user| user.status == Status::Active.as_str()))
}

/// Writes the email to the owner of an account: a temporary password, or why there is none.
pub async fn write_mail(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), Failure> {
    let status = Status::parse(&user.status).ok_or(Failure::Data("an unknown status"))?;
    let username = user.username.clone();
    if !may_have_one(user) {
        note_email(backend, &**txn, &user.email_canonical, Kind::NoTemporaryPassword, now).await?;
    }
    if user.email_confirmed_at.is_none() {
        let message = Message::NoConfirmedAddress { link: backend.settings.link("/login") };
        let letter = Letter { user_id: Some(user.id), recipient: &user.email, message, not_after: None };
        return enqueue(&**txn, &backend.keys, letter, now).await;
    }
    if !may_have_one(user) {
        let link = backend.settings.link("/login");
        let deletion_due = user.deletion_due_at.map(Timestamp).filter(|due| *due > now);
        let message = Message::NoTemporaryPassword { username, status: status.public(), link, deletion_due };
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
