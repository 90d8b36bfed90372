//! Notifications to administrators that are not needed any more, or name people who have been deleted since.
//!
//! # Guarantees
//! - No notification that is sent names a person who has been deleted, or goes to a former administrator.
//! - Notifications that wait, or have failed, lose the names of deleted people with the next cleanup.

use std::collections::HashSet;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::message::{Kind, Message, Waiting};
use super::outbox::{State, open, reseal};
use crate::backend::Backend;
use crate::backend::database::Lock;
use crate::backend::entity::{outbox, user};
use crate::backend::error::{Doing, Failure};
use crate::domain::status::{Role, Status, UserId};

/// Why a notification is dropped.
pub const NOT_NEEDED: &str = "no longer needed";

/// Most rows that one statement names: both databases limit the number of values.
const BATCH: usize = 500;

/// Returns the message as it may be sent to `recipient`; `None` if it is not needed any more. Notifications go only to those who
/// get them today, and do not name deleted people.
pub async fn still_needed(
    backend: &Backend,
    db: &impl ConnectionTrait,
    recipient: &str,
    message: Message,
) -> Result<Option<Message>, Failure> {
    let is_notification = matches!(message, Message::Notice { .. } | Message::AddressDisowned { .. });
    if is_notification && !is_recipient(backend, db, recipient).await? {
        return Ok(None);
    }
    let Message::Notice { people, desk } = message else { return Ok(Some(message)) };
    let ids: Vec<UserId> = people.iter().map(|person| person.id).collect();
    let mut present: HashSet<UserId> = HashSet::new();
    for ids in ids.chunks(BATCH) {
        let found: Vec<UserId> = user::Entity::find()
            .select_only()
            .column(user::Column::Id)
            .filter(user::Column::Id.is_in(ids.iter().copied()))
            .into_tuple()
            .all(db)
            .await
            .doing("look who has been deleted")?;
        present.extend(found);
    }
    let people: Vec<Waiting> = people.into_iter().filter(|person| present.contains(&person.id)).collect();
    Ok((!people.is_empty()).then_some(Message::Notice { people, desk }))
}

/// Whether notifications go to this email address.
async fn is_recipient(
    backend: &Backend,
    db: &impl ConnectionTrait,
    recipient: &str,
) -> Result<bool, Failure> {
    if !backend.settings.admin_emails.is_empty() {
        return Ok(backend.settings.admin_emails.iter().any(|address| address == recipient));
    }
    let administrators = user::Entity::find()
        .filter(user::Column::Email.eq(recipient))
        .filter(user::Column::Role.eq(Role::Admin.as_str()))
        .filter(user::Column::Status.eq(Status::Active.as_str()))
        .count(db)
        .await
        .doing("look who gets notifications")?;
    Ok(administrators > 0)
}

/// Removes the names of deleted people from notifications that wait or have failed, and notifications that no one gets any more.
pub async fn forget_deleted(backend: &Backend) -> Result<(), Failure> {
    let mut after = 0;
    loop {
        let txn = backend.db.begin_write(Lock::None).await?;
        let rows = outbox::Entity::find()
            .filter(outbox::Column::Kind.is_in([Kind::Notice, Kind::AddressDisowned].map(Kind::as_str)))
            .filter(outbox::Column::Status.is_in([State::Waiting, State::GivenUp].map(State::as_str)))
            .filter(outbox::Column::Id.gt(after))
            .order_by_asc(outbox::Column::Id)
            .limit(BATCH as u64)
            .all(&*txn)
            .await
            .doing("read notifications")?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.id;
        for row in &rows {
            // One that cannot be opened now says why when it is sent.
            let Ok(message) = open(backend, row) else { continue };
            match still_needed(backend, &*txn, &row.recipient, message.clone()).await? {
                Some(left) if left == message => {}
                Some(left) => reseal(&*txn, &backend.keys, row, &left).await?,
                None => {
                    outbox::Entity::update_many()
                        .col_expr(outbox::Column::Status, Expr::value(State::Dropped.as_str()))
                        .col_expr(outbox::Column::Sealed, Expr::value(Option::<String>::None))
                        .col_expr(outbox::Column::FinishedAt, Expr::value(backend.now().0))
                        .col_expr(outbox::Column::LastError, Expr::value(NOT_NEEDED))
                        .filter(outbox::Column::Id.eq(row.id))
                        .filter(outbox::Column::Status.eq(row.status.as_str()))
                        .exec(&*txn)
                        .await
                        .doing("drop a notification")?;
                }
            }
        }
        txn.commit().await?;
    }
}
