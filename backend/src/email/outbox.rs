//! The queue of emails to be sent: `outbox`.
//!
//! # Guarantees
//!
//! - The content of an email is encrypted for its row and recipient, and erased once the email is sent or dropped.
//! - A worker leases an email before it sends it, and the lease expires if the worker dies.
//! - An email that has expired is not sent. It has failed if an attempt failed before, and is dropped otherwise.
//! - An email that a server refuses permanently, or that is attempted too often, fails, and administrators see it.

use std::time::Duration;

use sea_orm::sea_query::{Expr, LockBehavior, LockType, SelectStatement};
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait,
};

use crate::Backend;
use crate::email::backoff::{MAX_ATTEMPTS, retry_delay};
use crate::email::delivery::SendResult;
use crate::email::message::Message;
use crate::email::redact::redact;
use crate::email::send_rate::acquire_attempt;
use crate::entity::open_enum::ColumnText;
use crate::entity::outbox::{self, EmailKind, EmailState};
use crate::error::{ErrorContext, InternalError};
use crate::infra::database::Lock;
use crate::infra::encryption::Keys;
use crate::infra::random;
use domain::status::UserId;
use domain::time::Timestamp;

/// The reason for which an unsent email is dropped.
pub(crate) const NOT_NEEDED: &str = "no longer needed";

/// The time in which a worker must send an email.
const LEASE: Duration = Duration::from_mins(2);

/// The version of the content of emails that this program writes and reads. It increases when an older program could not read the
/// content of a kind that it knows, and such emails are left for a worker of the later version.
pub const FORMAT: i32 = 1;

/// An email to be added to the outbox.
#[derive(Debug)]
pub struct NewEmail<'a> {
    /// The id of the account that the email is about.
    pub user_id: Option<UserId>,
    /// The recipient's email address.
    pub recipient: &'a str,
    /// The content.
    pub message: Message,
    /// The time after which the email is useless and is dropped.
    pub not_after: Option<Timestamp>,
}

/// The time and priority of an email.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// The earliest time at which the email is sent.
    pub due_at: Timestamp,
    /// The priority. Smaller numbers are sent first.
    pub priority: i32,
}

/// Adds an email to the outbox, in the transaction of the event that it reports.
pub async fn enqueue(
    db: &impl ConnectionTrait,
    keys: &Keys,
    new_email: NewEmail<'_>,
    now: Timestamp,
) -> Result<(), InternalError> {
    let schedule = Schedule { due_at: now, priority: new_email.message.kind().priority() };
    enqueue_scheduled(db, keys, new_email, schedule, now).await.map(drop)
}

/// Adds an email to the outbox that is sent later or with another priority than its kind has. Returns the id of the email.
pub async fn enqueue_scheduled(
    db: &impl ConnectionTrait,
    keys: &Keys,
    new_email: NewEmail<'_>,
    schedule: Schedule,
    now: Timestamp,
) -> Result<i64, InternalError> {
    let kind = new_email.message.kind();
    let seal_context = random::public_id();
    let content = serde_json::to_vec(&new_email.message)
        .map_err(|_| InternalError::Data("an email cannot be written as JSON"))?;
    let sealed = keys.seal_email(&content, &associated_data(&seal_context, new_email.recipient))?;
    let row = outbox::ActiveModel {
        id: ActiveValue::NotSet,
        kind: ActiveValue::Set(kind.into()),
        format: ActiveValue::Set(FORMAT),
        user_id: ActiveValue::Set(new_email.user_id),
        recipient: ActiveValue::Set(new_email.recipient.to_owned()),
        seal_context: ActiveValue::Set(seal_context),
        sealed: ActiveValue::Set(Some(sealed)),
        priority: ActiveValue::Set(schedule.priority),
        state: ActiveValue::Set(EmailState::Pending.into()),
        created_at: ActiveValue::Set(now),
        due_at: ActiveValue::Set(schedule.due_at),
        not_after: ActiveValue::Set(new_email.not_after),
        leased_until: ActiveValue::Set(Timestamp::NEVER),
        attempts: ActiveValue::Set(0),
        last_error: ActiveValue::Set(None),
        finished_at: ActiveValue::Set(Timestamp::NEVER),
    };
    let inserted = outbox::Entity::insert(row).exec(db).await.context("store an email")?;
    Ok(inserted.last_insert_id)
}

/// Returns the additional data to which the sealed content is bound.
fn associated_data(seal_context: &str, recipient: &str) -> String {
    format!("{seal_context}\n{recipient}")
}

/// Decrypts the content of an email.
pub fn open(backend: &Backend, row: &outbox::Model) -> Result<Message, InternalError> {
    let sealed = row.sealed.as_deref().ok_or(InternalError::Data("the content of the email is missing"))?;
    let content = backend.keys.open_email(sealed, &associated_data(&row.seal_context, &row.recipient))?;
    serde_json::from_slice(&content)
        .map_err(|_| InternalError::Data("the content of the email cannot be read"))
}

/// Replaces the content of an email, unless its state has changed in the meantime.
pub(super) async fn reseal(
    db: &impl ConnectionTrait,
    keys: &Keys,
    row: &outbox::Model,
    message: &Message,
) -> Result<(), InternalError> {
    let content =
        serde_json::to_vec(message).map_err(|_| InternalError::Data("an email cannot be written as JSON"))?;
    let sealed = keys.seal_email(&content, &associated_data(&row.seal_context, &row.recipient))?;
    outbox::Entity::update_many()
        .col_expr(outbox::Column::Sealed, Expr::value(sealed))
        .filter(outbox::Column::Id.eq(row.id))
        .filter(outbox::Column::State.eq(row.state.as_str()))
        .exec(db)
        .await
        .context("replace the content of an email")?;
    Ok(())
}

/// The next email to be sent, if there is one and it may be sent now.
#[derive(Debug)]
pub enum NextEmail {
    /// An email, which is leased to the caller.
    Leased(Box<outbox::Model>),
    /// An email is due, but it may only be sent after this time (`MAIL_RATE`).
    RateReached(Duration),
    /// No email is due.
    None,
}

/// Leases the next email that is due if `MAIL_RATE` allows another attempt, and finishes expired emails.
pub async fn lease_next(backend: &Backend) -> Result<NextEmail, InternalError> {
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::SendRate).await?;
    finish_expired(&*txn, now).await?;
    let free = Condition::all()
        .add(outbox::Column::State.eq(EmailState::Pending))
        // An email of a later version is left for a worker that knows its kind.
        .add(outbox::Column::Kind.is_in(EmailKind::ALL.iter().copied()))
        .add(outbox::Column::Format.lte(FORMAT))
        .add(outbox::Column::DueAt.lte(now))
        .add(outbox::Column::LeasedUntil.lte(now));
    let next = outbox::Entity::find()
        .filter(free.clone())
        .order_by_asc(outbox::Column::Priority)
        .order_by_asc(outbox::Column::Id)
        // Ignored on SQLite, where this transaction is the only writer anyway.
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(&*txn)
        .await
        .context("find an email to send")?;
    let Some(row) = next else {
        txn.commit().await?;
        return Ok(NextEmail::None);
    };
    if let Err(wait) = acquire_attempt(backend, &txn, now).await? {
        txn.commit().await?;
        return Ok(NextEmail::RateReached(wait));
    }
    let leased_until = now.after(LEASE);
    outbox::Entity::update_many()
        .col_expr(outbox::Column::LeasedUntil, Expr::value(leased_until))
        .col_expr(outbox::Column::Attempts, Expr::value(row.attempts + 1))
        .filter(outbox::Column::Id.eq(row.id))
        .exec(&*txn)
        .await
        .context("lease an email")?;
    txn.commit().await?;
    Ok(NextEmail::Leased(Box::new(outbox::Model { attempts: row.attempts + 1, leased_until, ..row })))
}

/// Returns the time until the next pending email is due, or `None` if none is waiting for its time.
pub(super) async fn next_due(backend: &Backend) -> Result<Option<Duration>, InternalError> {
    let now = backend.now();
    let due_at: Option<Option<Timestamp>> = outbox::Entity::find()
        .select_only()
        .column_as(outbox::Column::DueAt.min(), "due_at")
        .filter(outbox::Column::State.eq(EmailState::Pending))
        .filter(outbox::Column::DueAt.gt(now))
        .into_tuple()
        .one(backend.db.pool())
        .await
        .context("find the next email that is due")?;
    Ok(due_at.flatten().map(|due_at| due_at.since(now)))
}

/// Finishes pending emails that have expired. Those with a failed attempt have failed, so that administrators see them and can
/// send them again with a new link. The others are dropped.
async fn finish_expired(db: &impl ConnectionTrait, now: Timestamp) -> Result<(), InternalError> {
    let expired = Condition::all()
        .add(outbox::Column::State.eq(EmailState::Pending))
        .add(outbox::Column::NotAfter.lte(now))
        .add(outbox::Column::LeasedUntil.lte(now));
    outbox::Entity::update_many()
        .col_expr(outbox::Column::State, Expr::value(EmailState::Failed))
        .col_expr(outbox::Column::FinishedAt, Expr::value(now))
        .filter(outbox::Column::Id.in_subquery(ordered_ids(expired.clone().add(delayed()))))
        .exec(db)
        .await
        .context("mark expired emails as failed")?;
    finish(EmailState::Dropped, now, Some("expired"))
        .filter(outbox::Column::Id.in_subquery(ordered_ids(expired)))
        .exec(db)
        .await
        .context("drop expired emails")?;
    Ok(())
}

/// Selects the ids of the emails that match `condition`, in order and without those that another transaction changes, because
/// other transactions lock several rows too.
fn ordered_ids(condition: Condition) -> SelectStatement {
    outbox::Entity::find()
        .select_only()
        .column(outbox::Column::Id)
        .filter(condition)
        .order_by_asc(outbox::Column::Id)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_query()
}

/// Returns the update that finishes an email and erases its content.
fn finish(state: EmailState, now: Timestamp, reason: Option<&str>) -> sea_orm::UpdateMany<outbox::Entity> {
    outbox::Entity::update_many()
        .col_expr(outbox::Column::State, Expr::value(state))
        .col_expr(outbox::Column::Sealed, Expr::value(Option::<String>::None))
        .col_expr(outbox::Column::FinishedAt, Expr::value(now))
        .col_expr(outbox::Column::LastError, Expr::value(reason))
}

/// Records the result of an attempt, if the lease is still ours.
pub async fn record_result(
    backend: &Backend,
    leased: &outbox::Model,
    result: SendResult,
) -> Result<(), InternalError> {
    let now = backend.now();
    let sender = backend.settings.sender_email.as_str();
    let result = result.map_reason(|reason| redact(&reason, sender));
    log_failure(leased, &result);
    let update = match result {
        SendResult::Accepted => finish(EmailState::Sent, now, None),
        SendResult::PermanentFailure(reason) => mark_failed(now, &reason),
        SendResult::TemporaryFailure { reason, .. } if leased.attempts >= MAX_ATTEMPTS => {
            mark_failed(now, &reason)
        }
        SendResult::TemporaryFailure { reason, retry_after } => {
            let delay = retry_delay(leased.attempts, retry_after);
            outbox::Entity::update_many()
                .col_expr(outbox::Column::DueAt, Expr::value(now.after(delay)))
                .col_expr(outbox::Column::LeasedUntil, Expr::value(Timestamp::NEVER))
                .col_expr(outbox::Column::LastError, Expr::value(reason))
        }
    };
    update
        .filter(outbox::Column::Id.eq(leased.id))
        .filter(outbox::Column::LeasedUntil.eq(leased.leased_until))
        .filter(outbox::Column::State.eq(EmailState::Pending))
        .exec(backend.db.pool())
        .await
        .context("record the result of an email")?;
    Ok(())
}

/// Drops an email that is no longer needed, if the lease is still ours.
pub(super) async fn drop_leased(
    backend: &Backend,
    leased: &outbox::Model,
    reason: &str,
) -> Result<(), InternalError> {
    finish(EmailState::Dropped, backend.now(), Some(reason))
        .filter(outbox::Column::Id.eq(leased.id))
        .filter(outbox::Column::LeasedUntil.eq(leased.leased_until))
        .filter(outbox::Column::State.eq(EmailState::Pending))
        .exec(backend.db.pool())
        .await
        .context("drop an email")?;
    Ok(())
}

/// Logs a failed attempt.
fn log_failure(leased: &outbox::Model, result: &SendResult) {
    let (reason, is_final) = match result {
        SendResult::Accepted => return,
        SendResult::PermanentFailure(reason) => (reason, true),
        SendResult::TemporaryFailure { reason, .. } => (reason, leased.attempts >= MAX_ATTEMPTS),
    };
    let cause = reason.as_str();
    let (kind, attempt) = (leased.kind.as_str(), leased.attempts);
    if is_final {
        tracing::warn!(email = leased.id, kind, attempt, cause, "email failed permanently");
    } else {
        tracing::warn!(email = leased.id, kind, attempt, cause, "email send failed, will retry");
    }
}

/// Returns the update that marks an email as failed. Its content is kept, because administrators may send it again.
fn mark_failed(now: Timestamp, reason: &str) -> sea_orm::UpdateMany<outbox::Entity> {
    outbox::Entity::update_many()
        .col_expr(outbox::Column::State, Expr::value(EmailState::Failed))
        .col_expr(outbox::Column::FinishedAt, Expr::value(now))
        .col_expr(outbox::Column::LastError, Expr::value(reason))
}

/// Makes a failed email pending again, unchanged. Returns false if it was no longer failed.
pub async fn requeue(db: &impl ConnectionTrait, id: i64, now: Timestamp) -> Result<bool, InternalError> {
    let requeued = outbox::Entity::update_many()
        .col_expr(outbox::Column::State, Expr::value(EmailState::Pending))
        .col_expr(outbox::Column::DueAt, Expr::value(now))
        .col_expr(outbox::Column::LeasedUntil, Expr::value(Timestamp::NEVER))
        .col_expr(outbox::Column::Attempts, Expr::value(0))
        .col_expr(outbox::Column::FinishedAt, Expr::value(Timestamp::NEVER))
        .filter(outbox::Column::Id.eq(id))
        .filter(outbox::Column::State.eq(EmailState::Failed))
        .exec(db)
        .await
        .context("send an email again")?;
    Ok(requeued.rows_affected == 1)
}

/// Drops a failed email and records the reason: another email replaces it, or it is no longer needed. Returns false if it was no
/// longer failed.
pub async fn set_dropped(
    db: &impl ConnectionTrait,
    id: i64,
    now: Timestamp,
    reason: &str,
) -> Result<bool, InternalError> {
    let dropped = finish(EmailState::Dropped, now, Some(reason))
        .filter(outbox::Column::Id.eq(id))
        .filter(outbox::Column::State.eq(EmailState::Failed))
        .exec(db)
        .await
        .context("replace an email")?;
    Ok(dropped.rows_affected == 1)
}

/// Drops the failed emails of the same kind about the same account to the same email address as `row`, because another email
/// replaces them.
pub(crate) async fn drop_failed_like(
    db: &impl ConnectionTrait,
    row: &outbox::Model,
    now: Timestamp,
    reason: &str,
) -> Result<(), InternalError> {
    let like = Condition::all()
        .add(outbox::Column::UserId.eq(row.user_id))
        .add(outbox::Column::Kind.eq(row.kind.as_str()))
        .add(outbox::Column::Recipient.eq(row.recipient.as_str()))
        .add(outbox::Column::State.eq(EmailState::Failed));
    finish(EmailState::Dropped, now, Some(reason))
        .filter(outbox::Column::Id.in_subquery(ordered_ids(like)))
        .exec(db)
        .await
        .context("drop emails that another one replaces")?;
    Ok(())
}

/// Drops an email that no worker has begun to send. Returns false if one has, or if the email is no longer waiting.
pub(crate) async fn drop_unattempted(
    db: &impl ConnectionTrait,
    id: i64,
    now: Timestamp,
) -> Result<bool, InternalError> {
    let dropped = finish(EmailState::Dropped, now, Some(NOT_NEEDED))
        .filter(outbox::Column::Id.eq(id))
        .filter(outbox::Column::State.eq(EmailState::Pending))
        .filter(outbox::Column::Attempts.eq(0))
        .filter(outbox::Column::LeasedUntil.lte(now))
        .exec(db)
        .await
        .context("drop the email of a decision")?;
    Ok(dropped.rows_affected == 1)
}

/// Drops the unsent emails of these kinds about an account, also failed ones: they are no longer needed. Returns their number.
pub(crate) async fn drop_unsent(
    db: &impl ConnectionTrait,
    user_id: UserId,
    kinds: &[EmailKind],
    now: Timestamp,
) -> Result<u64, InternalError> {
    let about_user = Condition::all()
        .add(outbox::Column::UserId.eq(user_id))
        .add(outbox::Column::Kind.is_in(kinds.iter().copied()));
    drop_unsent_where(db, about_user, now).await
}

/// Drops the unsent emails of a kind about an account to an email address: they are no longer needed.
pub(crate) async fn drop_unsent_to(
    db: &impl ConnectionTrait,
    kind: EmailKind,
    user_id: UserId,
    recipient: &str,
    now: Timestamp,
) -> Result<(), InternalError> {
    let to_recipient = Condition::all()
        .add(outbox::Column::UserId.eq(user_id))
        .add(outbox::Column::Kind.eq(kind))
        .add(outbox::Column::Recipient.eq(recipient));
    drop_unsent_where(db, to_recipient, now).await.map(drop)
}

/// Drops the unsent emails that match `condition`. Returns their number.
pub(crate) async fn drop_unsent_where(
    db: &impl ConnectionTrait,
    condition: Condition,
    now: Timestamp,
) -> Result<u64, InternalError> {
    let unsent = condition.add(outbox::Column::State.is_in([EmailState::Pending, EmailState::Failed]));
    // In order: other transactions lock several rows too.
    let ids = outbox::Entity::find()
        .select_only()
        .column(outbox::Column::Id)
        .filter(unsent.clone())
        .order_by_asc(outbox::Column::Id)
        .lock(LockType::Update)
        .into_query();
    let dropped = finish(EmailState::Dropped, now, Some(NOT_NEEDED))
        .filter(outbox::Column::Id.in_subquery(ids))
        .filter(unsent)
        .exec(db)
        .await
        .context("drop emails that are no longer needed")?;
    Ok(dropped.rows_affected)
}

/// Returns true if an email of this kind about a user was dropped at this time because it was no longer needed.
pub(crate) async fn was_dropped_at(
    db: &impl ConnectionTrait,
    user_id: UserId,
    kind: EmailKind,
    at: Timestamp,
) -> Result<bool, InternalError> {
    let dropped = outbox::Entity::find()
        .filter(outbox::Column::UserId.eq(user_id))
        .filter(outbox::Column::Kind.eq(kind))
        .filter(outbox::Column::State.eq(EmailState::Dropped))
        .filter(outbox::Column::LastError.eq(NOT_NEEDED))
        .filter(outbox::Column::FinishedAt.eq(at))
        .count(db)
        .await
        .context("find a dropped email")?;
    Ok(dropped > 0)
}

/// Makes all delayed emails due now.
pub async fn send_delayed_now(db: &impl ConnectionTrait, now: Timestamp) -> Result<(), InternalError> {
    let ids = ordered_ids(delayed().add(outbox::Column::DueAt.gt(now)));
    outbox::Entity::update_many()
        .col_expr(outbox::Column::DueAt, Expr::value(now))
        .filter(outbox::Column::Id.in_subquery(ids))
        .exec(db)
        .await
        .context("send delayed emails now")?;
    Ok(())
}

/// Selects pending emails with a failed attempt.
pub fn delayed() -> Condition {
    Condition::all()
        .add(outbox::Column::State.eq(EmailState::Pending))
        .add(outbox::Column::Attempts.gt(0))
        .add(outbox::Column::LastError.is_not_null())
}
