//! Deleting the rows of accounts and the data that belongs to them.
//!
//! # Guarantees
//!
//! - An account that no longer matches the condition when its row is locked is left unchanged.
//! - The sessions, tokens, identities and emails of an account are deleted with it. Only unsent security emails stay.
//! - The audit log keeps user ids and loses names and IP addresses. User ids are never used again.

use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::audit::erase_names;
use crate::entity::outbox::{EmailKind, EmailState};
use crate::entity::{outbox, user};
use crate::error::{ErrorContext, InternalError};
use crate::infra::database::WriteTransaction;
use domain::status::UserId;

/// The maximum number of accounts that one transaction deletes. Both databases limit the number of values in a statement.
pub const BATCH: usize = 500;

/// Deletes at most [`BATCH`] of the accounts that match `condition`, and all data that belongs to them. Returns their user ids.
/// Pending security emails are still sent.
///
/// The rows are locked before anything else is deleted, so that an account that is approved, confirmed or kept in the meantime is
/// left unchanged.
pub(crate) async fn delete_users(
    txn: &WriteTransaction,
    condition: Condition,
) -> Result<Vec<UserId>, InternalError> {
    let ids: Vec<UserId> = user::Entity::find()
        .select_only()
        .column(user::Column::Id)
        .filter(condition.clone())
        .order_by_asc(user::Column::Id)
        .limit(BATCH as u64)
        // SQLite ignores the lock. There this transaction is the only writer.
        .lock(LockType::Update)
        .into_tuple()
        .all(&**txn)
        .await
        .context("find accounts to delete")?;
    if ids.is_empty() {
        return Ok(ids);
    }
    let unsent_security_emails = Condition::all()
        .add(outbox::Column::State.eq(EmailState::Pending))
        .add(outbox::Column::Kind.is_in(EmailKind::SECURITY));
    outbox::Entity::delete_many()
        .filter(outbox::Column::UserId.is_in(ids.iter().copied()))
        .filter(unsent_security_emails.not())
        .exec(&**txn)
        .await
        .context("delete the emails of deleted accounts")?;
    user::Entity::delete_many()
        .filter(user::Column::Id.is_in(ids.iter().copied()))
        .filter(condition)
        .exec(&**txn)
        .await
        .context("delete accounts")?;
    erase_names(&**txn, &ids).await?;
    Ok(ids)
}
