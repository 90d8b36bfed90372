//! Who was shut out: keyed hashes of the addresses and Microsoft identities of rejected, deactivated and deleted people,
//! and of identities that were unlinked.
//!
//! Guarantees: nobody reads an address from the table, not even with the whole database and a list of addresses, since
//! the key is sealed under SECRET_KEY; rotating SECRET_KEY blinds nothing, since the key itself stays. Whoever is let in
//! again is removed. An address counts for this only once it was confirmed.

use data_encoding::HEXLOWER;
use hkdf::hmac::{Hmac, KeyInit, Mac};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use sha2::Sha256;

use super::database::{Database, Lock};
use super::entity::{identity, portal_key, shut_out};
use super::error::{Doing, Failure};
use super::identities::find_identity;
use super::keys::Keys;
use super::{Backend, random};
use crate::domain::status::UserId;
use crate::domain::time::Timestamp;

/// The key's name in `portal_keys`.
const KEY: &str = "shut_outs";

/// Why somebody was shut out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// An administrator declined the request.
    Rejected,
    /// An administrator deactivated the account.
    Deactivated,
    /// The account was deleted.
    Deleted,
    /// Its owner unlinked the identity.
    Unlinked,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Deactivated => "deactivated",
            Self::Deleted => "deleted",
            Self::Unlinked => "unlinked",
        }
    }
}

/// The table, with the key that hashes for it.
pub struct ShutOuts {
    key: Vec<u8>,
}

impl std::fmt::Debug for ShutOuts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShutOuts(…)")
    }
}

impl ShutOuts {
    /// Whether the key that the database has, if it has one, can be opened; changes nothing.
    ///
    /// # Errors
    /// [`Failure::Seal`] where neither SECRET_KEY nor SECRET_KEY_PREVIOUS opens it.
    pub async fn check(db: &Database, keys: &Keys) -> Result<(), Failure> {
        let row = portal_key::Entity::find_by_id(KEY).one(db.pool()).await.doing("read a key")?;
        row.map_or(Ok(()), |row| keys.open_key(&row.sealed, KEY).map(drop))
    }

    /// Reads the key, which the first start makes; seals it anew after SECRET_KEY was changed.
    ///
    /// # Errors
    /// [`Failure::Seal`] where neither SECRET_KEY nor SECRET_KEY_PREVIOUS opens it.
    pub async fn load(db: &Database, keys: &Keys, now: Timestamp) -> Result<Self, Failure> {
        let txn = db.begin_write(Lock::Schema).await?;
        let row = portal_key::Entity::find_by_id(KEY).one(&*txn).await.doing("read a key")?;
        let key = if let Some(row) = row {
            let (key, outdated) = keys.open_key(&row.sealed, KEY)?;
            if outdated {
                portal_key::Entity::update_many()
                    .col_expr(portal_key::Column::Sealed, Expr::value(keys.seal_key(&key, KEY)?))
                    .filter(portal_key::Column::Name.eq(KEY))
                    .exec(&*txn)
                    .await
                    .doing("seal a key anew")?;
            }
            key
        } else {
            let key = random::bytes::<32>().to_vec();
            let row = portal_key::ActiveModel {
                name: ActiveValue::Set(KEY.to_owned()),
                sealed: ActiveValue::Set(keys.seal_key(&key, KEY)?),
                created_at: ActiveValue::Set(now.0),
            };
            portal_key::Entity::insert(row).exec_without_returning(&*txn).await.doing("keep a key")?;
            key
        };
        txn.commit().await?;
        Ok(Self { key })
    }

    fn hash(&self, email_canonical: &str) -> Result<String, Failure> {
        self.mac(&["address", email_canonical])
    }

    /// Returns the keyed hash of a mailbox, for limits.
    pub fn hash_mailbox(&self, mailbox: &str) -> Result<String, Failure> {
        self.mac(&["mailbox", mailbox])
    }

    fn hash_identity(&self, tid: &str, oid: &str) -> Result<String, Failure> {
        self.mac(&["microsoft", tid, oid])
    }

    fn mac(&self, parts: &[&str]) -> Result<String, Failure> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).map_err(|_| Failure::Seal("hash who was shut out"))?;
        mac.update(parts.join("\n").as_bytes());
        Ok(HEXLOWER.encode(&mac.finalize().into_bytes()))
    }

    /// Remembers an address, in the transaction that shuts its owner out.
    pub async fn insert(
        &self,
        db: &impl ConnectionTrait,
        email_canonical: &str,
        reason: Reason,
        now: Timestamp,
    ) -> Result<(), Failure> {
        insert_hash(db, self.hash(email_canonical)?, reason, now).await
    }

    /// Remembers a Microsoft identity.
    pub async fn insert_identity(
        &self,
        db: &impl ConnectionTrait,
        tid: &str,
        oid: &str,
        reason: Reason,
        now: Timestamp,
    ) -> Result<(), Failure> {
        insert_hash(db, self.hash_identity(tid, oid)?, reason, now).await
    }

    /// Forgets a Microsoft identity.
    pub async fn remove_identity(
        &self,
        db: &impl ConnectionTrait,
        tid: &str,
        oid: &str,
    ) -> Result<(), Failure> {
        remove_hash(db, self.hash_identity(tid, oid)?).await
    }

    /// Whether whoever has this Microsoft identity was shut out.
    pub async fn contains_identity(
        &self,
        db: &impl ConnectionTrait,
        tid: &str,
        oid: &str,
    ) -> Result<bool, Failure> {
        contains_hash(db, self.hash_identity(tid, oid)?).await
    }

    /// Forgets an address, in the transaction that lets its owner in again.
    pub async fn remove(&self, db: &impl ConnectionTrait, email_canonical: &str) -> Result<(), Failure> {
        remove_hash(db, self.hash(email_canonical)?).await
    }

    /// Whether the address's owner was shut out.
    pub async fn contains(&self, db: &impl ConnectionTrait, email_canonical: &str) -> Result<bool, Failure> {
        contains_hash(db, self.hash(email_canonical)?).await
    }
}

/// Remembers somebody by their canonical address, where they have confirmed one, and their Microsoft identity. An address
/// that was only typed stays out: its owner may be somebody else.
pub(super) async fn shut_out(
    backend: &Backend,
    db: &impl ConnectionTrait,
    user_id: UserId,
    address: Option<&str>,
    reason: Reason,
) -> Result<(), Failure> {
    let now = backend.now();
    if let Some(address) = address {
        backend.shut_outs.insert(db, address, reason, now).await?;
    }
    if let Some(row) = find_identity(db, user_id).await? {
        backend.shut_outs.insert_identity(db, &row.tid, &row.oid, reason, now).await?;
    }
    Ok(())
}

/// Forgets them.
pub(super) async fn let_in(
    backend: &Backend,
    db: &impl ConnectionTrait,
    user_id: UserId,
    address: Option<&str>,
) -> Result<(), Failure> {
    if let Some(address) = address {
        backend.shut_outs.remove(db, address).await?;
    }
    if let Some(row) = find_identity(db, user_id).await? {
        backend.shut_outs.remove_identity(db, &row.tid, &row.oid).await?;
    }
    Ok(())
}

/// Takes an account's identity away, if it was linked at `since` or later. Who has it waits if they come by it again.
pub async fn drop_identity(
    backend: &Backend,
    db: &impl ConnectionTrait,
    user_id: UserId,
    since: Timestamp,
    now: Timestamp,
) -> Result<(), Failure> {
    let row = find_identity(db, user_id).await?.filter(|row| row.linked_at >= since.0);
    let Some(row) = row else { return Ok(()) };
    backend.shut_outs.insert_identity(db, &row.tid, &row.oid, Reason::Unlinked, now).await?;
    identity::Entity::delete_by_id(user_id).exec(db).await.doing("drop the identity")?;
    Ok(())
}

async fn insert_hash(
    db: &impl ConnectionTrait,
    hash: String,
    reason: Reason,
    now: Timestamp,
) -> Result<(), Failure> {
    let row = shut_out::ActiveModel {
        hash: ActiveValue::Set(hash),
        reason: ActiveValue::Set(reason.as_str().to_owned()),
        created_at: ActiveValue::Set(now.0),
    };
    let again = OnConflict::column(shut_out::Column::Hash)
        .update_columns([shut_out::Column::Reason, shut_out::Column::CreatedAt])
        .to_owned();
    shut_out::Entity::insert(row)
        .on_conflict(again)
        .exec_without_returning(db)
        .await
        .doing("remember who was shut out")?;
    Ok(())
}

async fn remove_hash(db: &impl ConnectionTrait, hash: String) -> Result<(), Failure> {
    shut_out::Entity::delete_by_id(hash).exec(db).await.doing("forget who was shut out")?;
    Ok(())
}

async fn contains_hash(db: &impl ConnectionTrait, hash: String) -> Result<bool, Failure> {
    let found = shut_out::Entity::find_by_id(hash).one(db).await.doing("look who was shut out")?;
    Ok(found.is_some())
}
