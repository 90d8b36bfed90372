//! Blocked identities: keyed hashes of the email addresses and Microsoft identities of rejected, deactivated and deleted
//! users, and of Microsoft identities that have been unlinked.
//!
//! # Guarantees
//!
//! - The table does not reveal whether a given email address is blocked, because the key is sealed with SECRET_KEY.
//! - Rotating SECRET_KEY keeps all entries valid, because only the seal of the key changes.
//! - Approving or reactivating a user removes their entries.
//! - Only confirmed email addresses are blocked.

use std::collections::{BTreeSet, HashMap};

use data_encoding::HEXLOWER;
use hkdf::hmac::{Hmac, KeyInit, Mac};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use sha2::Sha256;

use crate::Backend;
use crate::entity::blocked_identity::{self, BlockReason};
use crate::entity::open_enum::OpenEnum;
use crate::entity::{identity, portal_key};
use crate::error::{ErrorContext, InternalError};
use crate::infra::database::{Database, Lock};
use crate::infra::encryption::Keys;
use crate::infra::random;
use crate::microsoft::identity_lookup::find_identity;
use domain::status::UserId;
use domain::time::Timestamp;

/// The name of the key in `portal_keys`.
const KEY_NAME: &str = "blocked_identities";

/// The table of blocked identities and the key of its hashes.
pub struct BlockedIdentities {
    key: Vec<u8>,
}

impl std::fmt::Debug for BlockedIdentities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BlockedIdentities(…)")
    }
}

impl BlockedIdentities {
    /// Checks that the key in the database, if there is one, can be unsealed. Changes nothing.
    ///
    /// # Errors
    /// Returns [`InternalError::Seal`] if neither SECRET_KEY nor SECRET_KEY_PREVIOUS opens it.
    pub async fn check(db: &Database, keys: &Keys) -> Result<(), InternalError> {
        let row =
            portal_key::Entity::find_by_id(KEY_NAME).one(db.pool()).await.context("read the portal key")?;
        row.map_or(Ok(()), |row| keys.open_key(&row.sealed, KEY_NAME).map(drop))
    }

    /// Reads the key. Creates it at the first start, and seals it again after SECRET_KEY has changed.
    ///
    /// # Errors
    /// Returns [`InternalError::Seal`] if neither SECRET_KEY nor SECRET_KEY_PREVIOUS opens it.
    pub async fn load(db: &Database, keys: &Keys, now: Timestamp) -> Result<Self, InternalError> {
        let txn = db.begin_write(Lock::Schema).await?;
        let row = portal_key::Entity::find_by_id(KEY_NAME).one(&*txn).await.context("read the portal key")?;
        let key = if let Some(row) = row {
            let (key, outdated) = keys.open_key(&row.sealed, KEY_NAME)?;
            if outdated {
                portal_key::Entity::update_many()
                    .col_expr(portal_key::Column::Sealed, Expr::value(keys.seal_key(&key, KEY_NAME)?))
                    .filter(portal_key::Column::Name.eq(KEY_NAME))
                    .exec(&*txn)
                    .await
                    .context("encrypt the portal key again")?;
            }
            key
        } else {
            let key = random::bytes::<32>().to_vec();
            let row = portal_key::ActiveModel {
                name: ActiveValue::Set(KEY_NAME.to_owned()),
                sealed: ActiveValue::Set(keys.seal_key(&key, KEY_NAME)?),
                created_at: ActiveValue::Set(now),
            };
            portal_key::Entity::insert(row)
                .exec_without_returning(&*txn)
                .await
                .context("store the portal key")?;
            key
        };
        txn.commit().await?;
        Ok(Self { key })
    }

    fn hash(&self, email_canonical: &str) -> Result<String, InternalError> {
        self.mac(&["address", email_canonical])
    }

    /// Returns the keyed hash of a mailbox, for rate limits.
    pub fn hash_mailbox(&self, mailbox: &str) -> Result<String, InternalError> {
        self.mac(&["mailbox", mailbox])
    }

    fn hash_identity(&self, tid: &str, oid: &str) -> Result<String, InternalError> {
        self.mac(&["microsoft", tid, oid])
    }

    fn mac(&self, parts: &[&str]) -> Result<String, InternalError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key)
            .map_err(|_| InternalError::Seal("hash a blocked identity"))?;
        mac.update(parts.join("\n").as_bytes());
        Ok(HEXLOWER.encode(&mac.finalize().into_bytes()))
    }

    /// Blocks an email address. Called in the transaction that rejects, deactivates or deletes its owner.
    pub async fn insert(
        &self,
        db: &impl ConnectionTrait,
        email_canonical: &str,
        reason: BlockReason,
        now: Timestamp,
    ) -> Result<(), InternalError> {
        insert_hash(db, self.hash(email_canonical)?, reason.into(), now).await
    }

    /// Blocks a Microsoft identity.
    pub async fn insert_identity(
        &self,
        db: &impl ConnectionTrait,
        tid: &str,
        oid: &str,
        reason: BlockReason,
        now: Timestamp,
    ) -> Result<(), InternalError> {
        insert_hash(db, self.hash_identity(tid, oid)?, reason.into(), now).await
    }

    /// Unblocks a Microsoft identity.
    pub async fn remove_identity(
        &self,
        db: &impl ConnectionTrait,
        tid: &str,
        oid: &str,
    ) -> Result<(), InternalError> {
        remove_hash(db, self.hash_identity(tid, oid)?).await
    }

    /// Returns true if the Microsoft identity is blocked.
    pub async fn contains_identity(
        &self,
        db: &impl ConnectionTrait,
        tid: &str,
        oid: &str,
    ) -> Result<bool, InternalError> {
        contains_hash(db, self.hash_identity(tid, oid)?).await
    }

    /// Returns the entry of an email address.
    pub(crate) async fn find(
        &self,
        db: &impl ConnectionTrait,
        email_canonical: &str,
    ) -> Result<Option<blocked_identity::Model>, InternalError> {
        find_hash(db, self.hash(email_canonical)?).await
    }

    /// Returns the entry of a Microsoft identity.
    pub(crate) async fn find_identity(
        &self,
        db: &impl ConnectionTrait,
        tid: &str,
        oid: &str,
    ) -> Result<Option<blocked_identity::Model>, InternalError> {
        find_hash(db, self.hash_identity(tid, oid)?).await
    }

    /// Restores the earlier entry of an email address. `None` removes it.
    pub(crate) async fn restore(
        &self,
        db: &impl ConnectionTrait,
        email_canonical: &str,
        entry: Option<(OpenEnum<BlockReason>, Timestamp)>,
    ) -> Result<(), InternalError> {
        restore_hash(db, self.hash(email_canonical)?, entry).await
    }

    /// Restores the earlier entry of a Microsoft identity. `None` removes it.
    pub(crate) async fn restore_identity(
        &self,
        db: &impl ConnectionTrait,
        tid: &str,
        oid: &str,
        entry: Option<(OpenEnum<BlockReason>, Timestamp)>,
    ) -> Result<(), InternalError> {
        restore_hash(db, self.hash_identity(tid, oid)?, entry).await
    }

    /// Unblocks an email address. Called in the transaction that approves or reactivates its owner.
    pub async fn remove(
        &self,
        db: &impl ConnectionTrait,
        email_canonical: &str,
    ) -> Result<(), InternalError> {
        remove_hash(db, self.hash(email_canonical)?).await
    }

    /// Returns true if the email address is blocked.
    pub async fn contains(
        &self,
        db: &impl ConnectionTrait,
        email_canonical: &str,
    ) -> Result<bool, InternalError> {
        contains_hash(db, self.hash(email_canonical)?).await
    }

    /// Returns the reason and the time of the block for each of these email addresses that is blocked.
    pub async fn find_many(
        &self,
        db: &impl ConnectionTrait,
        emails: &BTreeSet<&str>,
    ) -> Result<HashMap<String, (BlockReason, Timestamp)>, InternalError> {
        let mut by_hash = HashMap::new();
        for email in emails {
            by_hash.insert(self.hash(email)?, *email);
        }
        let rows = blocked_identity::Entity::find()
            .filter(blocked_identity::Column::Hash.is_in(by_hash.keys().cloned()))
            .all(db)
            .await
            .context("find blocked identities")?;
        let known = rows.into_iter().filter_map(|row| {
            let email = by_hash.get(&row.hash)?;
            Some(((*email).to_owned(), (row.reason.known()?, row.created_at)))
        });
        Ok(known.collect())
    }
}

/// Blocks a user's canonical email address, if given, and their Microsoft identity. The caller gives only a confirmed email
/// address, because an unconfirmed one may belong to someone else.
pub(crate) async fn block(
    backend: &Backend,
    db: &impl ConnectionTrait,
    user_id: UserId,
    confirmed_email: Option<&str>,
    reason: BlockReason,
) -> Result<(), InternalError> {
    let now = backend.now();
    if let Some(email) = confirmed_email {
        backend.blocked_identities.insert(db, email, reason, now).await?;
    }
    if let Some(row) = find_identity(db, user_id).await? {
        backend.blocked_identities.insert_identity(db, &row.tid, &row.oid, reason, now).await?;
    }
    Ok(())
}

/// Unblocks a user's canonical email address, if given, and their Microsoft identity.
pub(crate) async fn unblock(
    backend: &Backend,
    db: &impl ConnectionTrait,
    user_id: UserId,
    confirmed_email: Option<&str>,
) -> Result<(), InternalError> {
    if let Some(email) = confirmed_email {
        backend.blocked_identities.remove(db, email).await?;
    }
    if let Some(row) = find_identity(db, user_id).await? {
        backend.blocked_identities.remove_identity(db, &row.tid, &row.oid).await?;
    }
    Ok(())
}

/// Unlinks an account's Microsoft identity, if it was linked at `since` or later, and blocks it: a new registration with it
/// stays pending until an administrator approves it.
pub async fn unlink_and_block_identity(
    backend: &Backend,
    db: &impl ConnectionTrait,
    user_id: UserId,
    since: Timestamp,
    now: Timestamp,
) -> Result<(), InternalError> {
    let row = find_identity(db, user_id).await?.filter(|row| row.linked_at >= since);
    let Some(row) = row else { return Ok(()) };
    backend.blocked_identities.insert_identity(db, &row.tid, &row.oid, BlockReason::Unlinked, now).await?;
    identity::Entity::delete_by_id(user_id).exec(db).await.context("delete the identity")?;
    Ok(())
}

async fn insert_hash(
    db: &impl ConnectionTrait,
    hash: String,
    reason: OpenEnum<BlockReason>,
    now: Timestamp,
) -> Result<(), InternalError> {
    let row = blocked_identity::ActiveModel {
        hash: ActiveValue::Set(hash),
        reason: ActiveValue::Set(reason),
        created_at: ActiveValue::Set(now),
    };
    let on_conflict = OnConflict::column(blocked_identity::Column::Hash)
        .update_columns([blocked_identity::Column::Reason, blocked_identity::Column::CreatedAt])
        .to_owned();
    blocked_identity::Entity::insert(row)
        .on_conflict(on_conflict)
        .exec_without_returning(db)
        .await
        .context("store a blocked identity")?;
    Ok(())
}

async fn remove_hash(db: &impl ConnectionTrait, hash: String) -> Result<(), InternalError> {
    blocked_identity::Entity::delete_by_id(hash).exec(db).await.context("delete a blocked identity")?;
    Ok(())
}

async fn restore_hash(
    db: &impl ConnectionTrait,
    hash: String,
    entry: Option<(OpenEnum<BlockReason>, Timestamp)>,
) -> Result<(), InternalError> {
    match entry {
        Some((reason, created_at)) => insert_hash(db, hash, reason, created_at).await,
        None => remove_hash(db, hash).await,
    }
}

async fn find_hash(
    db: &impl ConnectionTrait,
    hash: String,
) -> Result<Option<blocked_identity::Model>, InternalError> {
    blocked_identity::Entity::find_by_id(hash).one(db).await.context("find a blocked identity")
}

async fn contains_hash(db: &impl ConnectionTrait, hash: String) -> Result<bool, InternalError> {
    Ok(find_hash(db, hash).await?.is_some())
}
