//! Forgetting what has had its time.
//!
//! Guarantees: of accounts, only unconfirmed pending and shadow rows (7 days) and rejected rows (30 days) are ever
//! removed here, and the audit loses their names; mails and tokens some days after they came to nothing or to an end.

use std::time::Duration;

use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use super::Backend;
use super::audit::forget_names;
use super::database::Lock;
use super::entity::{mail_job, outbox, reset_request, session_record, user, user_session, user_token};
use super::error::{Doing, Failure};
use super::mail::mailbox::purge_mailbox_emails;
use super::mail::outbox::State;
use super::microsoft::purge_trips;
use crate::domain::account::{REJECTION_KEPT, UNCONFIRMED_KEPT};
use crate::domain::status::{Status, UserId};

/// How long a sent or dropped mail's row is kept (its content is wiped at once): long enough for "once a day".
const SENT_KEPT: Duration = Duration::from_hours(168);
/// How many accounts one statement names: both databases bound the number of its values.
const BATCH: usize = 500;
/// How long a dead token's row is kept.
const TOKEN_KEPT: Duration = Duration::from_hours(24);

/// Removes what is over; answers how many accounts went.
pub async fn purge(backend: &Backend) -> Result<usize, Failure> {
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    let waiting = [Status::Pending, Status::Shadow].map(Status::as_str);
    let unconfirmed = Condition::all()
        .add(user::Column::Status.is_in(waiting))
        .add(user::Column::EmailConfirmedAt.is_null())
        // Since the status and not since the registration: who was put back among the waiting has all the time again.
        .add(user::Column::StatusSince.lt(now.before(UNCONFIRMED_KEPT).0));
    let rejected = Condition::all()
        .add(user::Column::Status.eq(Status::Rejected.as_str()))
        .add(user::Column::StatusSince.lt(now.before(REJECTION_KEPT).0));
    // The condition stands in the DELETE: an account that is approved or confirmed in the meantime stays.
    let delete = Query::delete()
        .from_table(user::Entity)
        .cond_where(Condition::any().add(unconfirmed).add(rejected))
        .returning_col(user::Column::Id)
        .to_owned();
    let deleted = txn.query_all(&delete).await.doing("purge accounts")?;
    let deleted: Result<Vec<UserId>, DbErr> = deleted.iter().map(|row| row.try_get("", "id")).collect();
    let deleted = deleted.doing("read who was purged")?;
    for batch in deleted.chunks(BATCH) {
        forget_names(&*txn, batch).await?;
    }
    user_token::Entity::delete_many()
        .filter(user_token::Column::ExpiresAt.lt(now.before(TOKEN_KEPT).0))
        .exec(&*txn)
        .await
        .doing("purge tokens")?;
    user_session::Entity::delete_many()
        .filter(user_session::Column::ExpiresAt.lt(now.0))
        .exec(&*txn)
        .await
        .doing("purge sessions")?;
    session_record::Entity::delete_many()
        .filter(session_record::Column::ExpiresAt.lt(now.0))
        .exec(&*txn)
        .await
        .doing("purge session records")?;
    purge_trips(&*txn, now).await?;
    purge_mailbox_emails(&*txn, now).await?;
    mail_job::Entity::delete_many()
        .filter(mail_job::Column::FailedAt.lt(now.before(SENT_KEPT).0))
        .exec(&*txn)
        .await
        .doing("purge failed jobs")?;
    reset_request::Entity::delete_many()
        .filter(reset_request::Column::FailedAt.lt(now.before(TOKEN_KEPT).0))
        .exec(&*txn)
        .await
        .doing("purge failed requests")?;
    outbox::Entity::delete_many()
        .filter(outbox::Column::Status.is_in([State::Sent, State::Dropped].map(State::as_str)))
        .filter(outbox::Column::FinishedAt.lt(now.before(SENT_KEPT).0))
        .exec(&*txn)
        .await
        .doing("purge mails")?;
    txn.commit().await?;
    Ok(deleted.len())
}
