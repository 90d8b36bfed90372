//! The worker's job that turns requests for a temporary password into emails.
//!
//! # Guarantees
//!
//! - Only an active account with a password and a confirmed email address gets a temporary password, because the owner of a
//!   mistyped email address must not take the account over.
//! - One account gets at most [`MAX_EMAILS`] per hour.
//! - A temporary password stays valid for two hours or until a temporary password of the account is used, so that requests by
//!   other people do not invalidate it.
//! - Nothing is written to `users`.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::Backend;
use crate::auth::token::{NewToken, insert_token};
use crate::email::mailbox::{count_recent, record_email};
use crate::email::message::Message;
use crate::email::outbox::{NewEmail, enqueue};
use crate::entity::outbox::EmailKind;
use crate::entity::{outbox, password_reset_request, user};
use crate::error::{ErrorContext, InternalError};
use crate::infra::database::{Lock, WriteTransaction};
use crate::jobs::queue::Retry;
use domain::status::Status;
use domain::time::Timestamp;
use domain::token::Purpose;

/// The lifetime of a temporary password.
pub const TEMPORARY_PASSWORD_LIFETIME: Duration = Duration::from_hours(2);
/// The maximum number of password reset emails to one account, or to one mailbox without such an account, within [`PERIOD`].
const MAX_EMAILS: u64 = 3;
/// The period in which emails are counted.
const PERIOD: Duration = Duration::from_hours(1);

/// The maximum number of requests that one transaction processes. Others wait for its lock, and each request takes a few
/// statements.
const BATCH: usize = 25;

/// Processes a batch of the requests that are due. Returns true if more may be due. If a request fails, requests are processed one
/// by one, and the one that fails is retried later.
pub async fn process_batch(backend: &Backend) -> Result<bool, InternalError> {
    let now = backend.now();
    if let Ok(processed) = process_due(backend, BATCH, now).await {
        return Ok(processed == BATCH);
    }
    let request = find_due(backend.db.pool(), 1, now).await?.pop();
    match process_due(backend, 1, now).await {
        Ok(processed) => Ok(processed == 1),
        Err(error) => match request {
            Some(request) => schedule_retry(backend, &request, &error, now).await.map(|()| true),
            None => Err(error),
        },
    }
}

/// Processes at most `limit` of the requests that are due, in one transaction. Returns their number.
async fn process_due(backend: &Backend, limit: usize, now: Timestamp) -> Result<usize, InternalError> {
    // The same lock as for email jobs: the number of emails to one email address is limited across all replicas.
    let txn = backend.db.begin_write(Lock::Notifications).await?;
    let requests = find_due(&*txn, limit, now).await?;
    if requests.is_empty() {
        return Ok(0);
    }
    let emails: Vec<&str> = requests.iter().map(|request| request.email_canonical.as_str()).collect();
    let users = find_users(&txn, &emails).await?;
    for email in &emails {
        if let Some(user) = select_recipient(&users, email) {
            process_request(backend, &txn, user, now).await?;
        }
    }
    password_reset_request::Entity::delete_many()
        .filter(password_reset_request::Column::Id.is_in(requests.iter().map(|request| request.id)))
        .exec(&*txn)
        .await
        .context("delete answered requests for temporary passwords")?;
    txn.commit().await?;
    Ok(requests.len())
}

async fn find_due(
    db: &impl ConnectionTrait,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<password_reset_request::Model>, InternalError> {
    password_reset_request::Entity::find()
        .filter(password_reset_request::Column::DueAt.lte(now))
        .filter(password_reset_request::Column::FailedAt.is_null())
        .order_by_asc(password_reset_request::Column::DueAt)
        .order_by_asc(password_reset_request::Column::Id)
        .limit(limit as u64)
        .all(db)
        .await
        .context("find requests for temporary passwords")
}

/// Records a failed attempt and schedules the next one. If the database is the cause, this fails too and changes nothing.
async fn schedule_retry(
    backend: &Backend,
    request: &password_reset_request::Model,
    error: &InternalError,
    now: Timestamp,
) -> Result<(), InternalError> {
    let retry = Retry::after(error, request.attempts, now);
    password_reset_request::Entity::update_many()
        .col_expr(password_reset_request::Column::Attempts, Expr::value(retry.attempts))
        .col_expr(password_reset_request::Column::DueAt, Expr::value(retry.due_at))
        .col_expr(password_reset_request::Column::FailedAt, Expr::value(retry.failed_at))
        .filter(password_reset_request::Column::Id.eq(request.id))
        .exec(backend.db.pool())
        .await
        .context("record a failed request")?;
    let (request, attempts) = (request.id, retry.attempts);
    if retry.failed_at.is_some() {
        tracing::error!(request, attempts, cause = %error, "temporary password request failed");
    } else {
        tracing::warn!(
            request,
            attempts,
            cause = %error,
            "temporary password request failed, will retry"
        );
    }
    Ok(())
}

/// Returns the time until the next request is due, or `None` if there is no request.
pub async fn next_due(backend: &Backend) -> Result<Option<Duration>, InternalError> {
    let next = password_reset_request::Entity::find()
        .filter(password_reset_request::Column::FailedAt.is_null())
        .order_by_asc(password_reset_request::Column::DueAt)
        .one(backend.db.pool())
        .await
        .context("find the next request for a temporary password")?;
    Ok(next.map(|request| request.due_at.since(backend.now())))
}

/// Sends the email for a request, unless the limit for the account or mailbox has been reached.
async fn process_request(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), InternalError> {
    let recent = if may_get_temporary_password(user) {
        // Counted by account: requests for one account must not prevent another account of the same mailbox from getting a
        // temporary password.
        outbox::Entity::find()
            .filter(outbox::Column::Kind.eq(EmailKind::TemporaryPassword))
            .filter(outbox::Column::UserId.eq(user.id))
            .filter(outbox::Column::CreatedAt.gt(now.before(PERIOD)))
            .count(&**txn)
            .await
            .context("count account recovery emails")?
    } else {
        count_recent(backend, &**txn, &user.email_canonical, &[EmailKind::NoTemporaryPassword], PERIOD, now)
            .await?
    };
    if recent < MAX_EMAILS { enqueue_reset_email(backend, txn, user, now).await } else { Ok(()) }
}

/// Returns true if the account may get a temporary password.
fn may_get_temporary_password(user: &user::Model) -> bool {
    user.status == Status::Active && user.password_hash.is_some() && user.email_confirmed_at.is_some()
}

/// Finds the users with these canonical email addresses who may get an email.
async fn find_users(txn: &WriteTransaction, emails: &[&str]) -> Result<Vec<user::Model>, InternalError> {
    user::Entity::find()
        .filter(user::Column::EmailCanonical.is_in(emails.iter().copied()))
        .filter(user::Column::Status.is_not_in([Status::Rejected, Status::Shadow]))
        .order_by_asc(user::Column::Id)
        .all(&**txn)
        .await
        .context("find the users of email addresses")
}

/// Returns the user who gets the email: the one who has confirmed the email address, or else the oldest active one.
fn select_recipient<'a>(users: &'a [user::Model], email: &str) -> Option<&'a user::Model> {
    let with_email = || users.iter().filter(|user| user.email_canonical == email);
    let confirmed = with_email().find(|user| user.email_confirmed_at.is_some());
    confirmed.or_else(|| with_email().find(|user| user.status == Status::Active))
}

/// Enqueues the email for a request: a temporary password, or the reason why there is none.
pub async fn enqueue_reset_email(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    now: Timestamp,
) -> Result<(), InternalError> {
    let username = user.username.clone();
    if !may_get_temporary_password(user) {
        record_email(backend, &**txn, &user.email_canonical, EmailKind::NoTemporaryPassword, now).await?;
    }
    if user.email_confirmed_at.is_none() {
        let message = Message::NoConfirmedEmail { url: backend.settings.link("/login") };
        let new_email = NewEmail { user_id: Some(user.id), recipient: &user.email, message, not_after: None };
        return enqueue(&**txn, &backend.keys, new_email, now).await;
    }
    if !may_get_temporary_password(user) {
        let url = backend.settings.link("/login");
        let deletion_due = user.deletion_due_at.filter(|due| *due > now);
        let message =
            Message::NoTemporaryPassword { username, status: user.status.public(), url, deletion_due };
        let new_email = NewEmail { user_id: Some(user.id), recipient: &user.email, message, not_after: None };
        return enqueue(&**txn, &backend.keys, new_email, now).await;
    }
    let expires_at = now.after(TEMPORARY_PASSWORD_LIFETIME);
    let new_token = NewToken {
        user_id: Some(user.id),
        purpose: Purpose::TemporaryPassword,
        credential_version: user.credential_version,
        email_canonical: &user.email_canonical,
        email: None,
        now,
        expires_at,
    };
    let token = insert_token(&**txn, new_token).await?;
    let message = Message::TemporaryPassword {
        username,
        password: token.grouped(),
        url: backend.settings.link("/login"),
        lifetime: TEMPORARY_PASSWORD_LIFETIME,
    };
    let new_email =
        NewEmail { user_id: Some(user.id), recipient: &user.email, message, not_after: Some(expires_at) };
    enqueue(&**txn, &backend.keys, new_email, now).await
}
