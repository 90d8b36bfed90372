//! Deleting accounts, for whatever reason.
//!
//! # Guarantees
//! - An account that no longer fits the condition when its row is locked stays whole.
//! - With the row go the sessions, tokens, identities and emails. Only unsent security emails stay.
//! - The audit log keeps user IDs and loses names and IP addresses. User IDs are never used again.

use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::audit::forget_names;
use super::database::WriteTransaction;
use super::entity::{outbox, user};
use super::error::{Doing, Failure};
use super::mail::message::Kind;
use super::mail::outbox::State;
use crate::domain::status::UserId;

/// Most accounts that one transaction deletes: both databases limit the number of values in a statement.
pub const BATCH: usize = 500;

/// Deletes at most [`BATCH`] of the accounts that `which` selects, with everything that hangs on them. Returns their numbers.
/// Security emails that wait are still sent.
///
/// The rows are locked before anything else is deleted, so that an account that is approved, confirmed or kept meanwhile stays
/// whole.
pub(super) async fn delete_users(txn: &WriteTransaction, which: Condition) -> Result<Vec<UserId>, Failure> {
    let ids: Vec<UserId> = user::Entity::find()
        .select_only()
        .column(user::Column::Id)
        .filter(which.clone())
        .order_by_asc(user::Column::Id)
        .limit(BATCH as u64)
        // Dropped silently on SQLite, where this transaction is the only writer anyway.
        .lock(LockType::Update)
        .into_tuple()
        .all(&**txn)
        .await
        .doing("find accounts to delete")?;
    if ids.is_empty() {
        return Ok(ids);
    }
    let still_sent = Condition::all()
        .add(outbox::Column::Status.eq(State::Waiting.as_str()))
        .add(outbox::Column::Kind.is_in(Kind::SECURITY.map(Kind::as_str)));
    outbox::Entity::delete_many()
        .filter(outbox::Column::UserId.is_in(ids.iter().copied()))
        .filter(still_sent.not())
        .exec(&**txn)
        .await
        .doing("delete the emails of deleted accounts")?;
    user::Entity::delete_many()
        .filter(user::Column::Id.is_in(ids.iter().copied()))
        .filter(which)
        .exec(&**txn)
        .await
        .doing("delete accounts")?;
    forget_names(&**txn, &ids).await?;
    Ok(ids)
}
