//! The mails that were given up.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::backend::Backend;
use crate::backend::entity::outbox;
use crate::backend::error::{Doing, Failure};
use crate::backend::mail::message::Kind;
use crate::backend::mail::outbox::State;
use crate::domain::time::Timestamp;
use crate::domain::view::GivenUpMail;

/// Most rows of the page.
const PAGE: u64 = 50;

/// How many mails were given up.
pub async fn count_given_up(backend: &Backend) -> Result<u64, Failure> {
    outbox::Entity::find()
        .filter(outbox::Column::Status.eq(State::GivenUp.as_str()))
        .count(backend.db.pool())
        .await
        .doing("count given-up mails")
}

/// The mails that were given up, the newest first.
pub async fn read_given_up(backend: &Backend) -> Result<Vec<GivenUpMail>, Failure> {
    let rows = outbox::Entity::find()
        .filter(outbox::Column::Status.eq(State::GivenUp.as_str()))
        .order_by_desc(outbox::Column::Id)
        .limit(PAGE)
        .all(backend.db.pool())
        .await
        .doing("read given-up mails")?;
    Ok(rows
        .into_iter()
        .map(|row| GivenUpMail {
            id: row.id,
            kind: Kind::parse(&row.kind).map_or("Mail", Kind::words).to_owned(),
            recipient: row.recipient,
            written: Timestamp(row.created_at),
            attempts: row.attempts,
            reason: row.last_error,
        })
        .collect())
}
