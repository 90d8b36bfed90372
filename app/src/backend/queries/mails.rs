//! The emails that could not be sent: those that still wait, and those that have failed.

use sea_orm::{
    ColumnTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::backend::Backend;
use crate::backend::entity::outbox;
use crate::backend::error::{Doing, Failure};
use crate::backend::mail::message::Kind;
use crate::backend::mail::outbox::{State, delayed};
use crate::domain::time::Timestamp;
use crate::domain::view::{DelayedMails, GivenUpMail, MailsView, Page};

/// Most rows of one page.
pub const PAGE: u64 = 50;

/// How many mails were given up.
pub async fn count_given_up(backend: &Backend) -> Result<u64, Failure> {
    outbox::Entity::find()
        .filter(outbox::Column::Status.eq(State::GivenUp.as_str()))
        .count(backend.db.pool())
        .await
        .doing("count given-up mails")
}

/// Returns the emails that could not be sent. `before` is the place at which the list of failed ones begins.
pub async fn read_mails(backend: &Backend, before: Option<i64>) -> Result<MailsView, Failure> {
    let delayed = read_delayed(backend.db.pool()).await?;
    Ok(MailsView { delayed, failed: read_failed(backend, before).await? })
}

/// Returns the delayed emails, or `None` if there are none.
pub async fn read_delayed(db: &DatabaseConnection) -> Result<Option<DelayedMails>, Failure> {
    let waiting = outbox::Entity::find().filter(delayed());
    let count = waiting.clone().count(db).await.doing("count delayed emails")?;
    let oldest =
        waiting.order_by_asc(outbox::Column::Id).one(db).await.doing("find the oldest delayed email")?;
    Ok(oldest.map(|row| DelayedMails {
        count: count.max(1),
        since: Timestamp(row.created_at),
        reason: row.last_error,
    }))
}

/// The mails that were given up, the newest first.
async fn read_failed(backend: &Backend, before: Option<i64>) -> Result<Page<GivenUpMail>, Failure> {
    let total = count_given_up(backend).await?;
    let mut failed = outbox::Entity::find().filter(outbox::Column::Status.eq(State::GivenUp.as_str()));
    if let Some(before) = before {
        failed = failed.filter(outbox::Column::Id.lt(before));
    }
    // One more than fits tells whether there is a next page.
    let mut rows = failed
        .order_by_desc(outbox::Column::Id)
        .limit(PAGE + 1)
        .all(backend.db.pool())
        .await
        .doing("read given-up mails")?;
    let fits = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let more = rows.len() > fits;
    rows.truncate(fits);
    let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
    let rows = rows
        .into_iter()
        .map(|row| GivenUpMail {
            id: row.id,
            kind: Kind::parse(&row.kind).map_or("Mail", Kind::words).to_owned(),
            recipient: row.recipient,
            written: Timestamp(row.created_at),
            attempts: row.attempts,
            reason: row.last_error,
        })
        .collect();
    Ok(Page { rows, next, total })
}
