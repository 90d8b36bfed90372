//! The session store: Redis through fred, or the SQL database.
//!
//! # Guarantees
//!
//! - The store holds only the first 128 bits of the SHA-256 of a session id, so a copy of the store gives no access.
//! - `save` changes a record and never creates one, so a concurrent request cannot restore an ended session.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use fred::clients::Pool;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};
use sha2::{Digest, Sha256};
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

use crate::entity::session_record;
use crate::infra::clock::Clock;
use crate::infra::database::Database;
use crate::infra::redis_keys::RedisKeys;
use crate::sessions::redis_records::RedisRecords;
use domain::time::Timestamp;

/// The store of session records, which holds hashed ids only.
#[derive(Clone, Debug)]
pub enum SessionRecords {
    /// The SQL database.
    Sql(Database, Clock),
    /// Redis.
    Redis(RedisRecords),
}

impl SessionRecords {
    /// Creates a store in Redis.
    pub fn redis(pool: Pool, keys: &RedisKeys) -> Self {
        Self::Redis(RedisRecords::new(pool, keys))
    }

    /// Returns true if the records are in Redis.
    pub fn is_redis(&self) -> bool {
        matches!(self, Self::Redis(_))
    }

    /// Runs every command that session records need on a record of its own, if the records are in Redis. Returns the error if
    /// Redis does not execute one of them.
    pub async fn check_redis(&self, now: Timestamp) -> Result<()> {
        let Self::Redis(redis) = self else { return Ok(()) };
        let expiry_date = time::OffsetDateTime::from_unix_timestamp(now.after(CHECK_LIFETIME).seconds())
            .map_err(|e| Error::Encode(e.to_string()))?;
        let record = Record { id: Id::default(), data: HashMap::new(), expiry_date };
        redis.create(&record).await?;
        redis.save(&record).await?;
        redis.load(record.id).await?;
        redis.delete(record.id).await
    }

    /// Removes the records of these sessions, given by the hashes in `user_sessions`. A missing record is no error.
    pub async fn delete_hashed(&self, hashes: &[String]) -> Result<()> {
        match self {
            Self::Sql(db, _) => {
                let records = session_record::Column::Id.is_in(hashes.iter().map(String::as_str));
                session_record::Entity::delete_many()
                    .filter(records)
                    .exec(db.pool())
                    .await
                    .map_err(backend_error)?;
            }
            Self::Redis(redis) => {
                for id in hashes.iter().filter_map(|hash| from_hex(hash)) {
                    redis.delete(id).await?;
                }
            }
        }
        Ok(())
    }
}

/// The lifetime of the record that a check creates, in case the check is interrupted.
const CHECK_LIFETIME: Duration = Duration::from_mins(1);

/// Returns the first 128 bits of the SHA-256 of an id.
fn hash(id: Id) -> Id {
    let digest = Sha256::digest(id.0.to_le_bytes());
    let first = digest.first_chunk::<16>().copied().unwrap_or_default();
    Id(i128::from_le_bytes(first))
}

/// Returns the hash of an id as stored in `user_sessions`.
pub fn hash_hex(id: Id) -> String {
    HEXLOWER.encode(&hash(id).0.to_le_bytes())
}

/// Parses a hash in the form of [`hash_hex`].
fn from_hex(hash: &str) -> Option<Id> {
    let bytes = HEXLOWER.decode(hash.as_bytes()).ok()?;
    bytes.first_chunk::<16>().map(|first| Id(i128::from_le_bytes(*first)))
}

fn backend_error(error: impl std::fmt::Display) -> Error {
    Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for SessionRecords {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let hashed = Record { id: hash(record.id), ..record.clone() };
        match self {
            Self::Sql(db, _) => insert(db, &hashed).await,
            Self::Redis(redis) => {
                // With 128 bits a second record with the same id does not happen.
                let created = redis.create(&hashed).await?;
                if created { Ok(()) } else { Err(backend_error("two sessions had the same id")) }
            }
        }
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let hashed = Record { id: hash(record.id), ..record.clone() };
        match self {
            Self::Sql(db, _) => update(db, &hashed).await,
            Self::Redis(redis) => redis.save(&hashed).await,
        }
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let found = match self {
            Self::Sql(db, clock) => find(db, clock, hash(*id)).await?,
            Self::Redis(redis) => redis.load(hash(*id)).await?,
        };
        Ok(found.map(|record| Record { id: *id, ..record }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        match self {
            Self::Sql(db, _) => {
                let key = HEXLOWER.encode(&hash(*id).0.to_le_bytes());
                session_record::Entity::delete_by_id(key).exec(db.pool()).await.map_err(backend_error)?;
                Ok(())
            }
            Self::Redis(redis) => redis.delete(hash(*id)).await,
        }
    }
}

fn key(record: &Record) -> String {
    HEXLOWER.encode(&record.id.0.to_le_bytes())
}

fn expires_at(record: &Record) -> Timestamp {
    Timestamp(record.expiry_date.unix_timestamp().saturating_mul(1_000_000))
}

fn data(record: &Record) -> Result<String> {
    serde_json::to_string(&record.data).map_err(|e| Error::Encode(e.to_string()))
}

async fn insert(db: &Database, record: &Record) -> Result<()> {
    let row = session_record::ActiveModel {
        id: ActiveValue::Set(key(record)),
        data: ActiveValue::Set(data(record)?),
        expires_at: ActiveValue::Set(expires_at(record)),
    };
    session_record::Entity::insert(row).exec_without_returning(db.pool()).await.map_err(backend_error)?;
    Ok(())
}

async fn update(db: &Database, record: &Record) -> Result<()> {
    session_record::Entity::update_many()
        .col_expr(session_record::Column::Data, Expr::value(data(record)?))
        .col_expr(session_record::Column::ExpiresAt, Expr::value(expires_at(record)))
        .filter(session_record::Column::Id.eq(key(record)))
        .exec(db.pool())
        .await
        .map_err(backend_error)?;
    Ok(())
}

async fn find(db: &Database, clock: &Clock, hashed: Id) -> Result<Option<Record>> {
    let key = HEXLOWER.encode(&hashed.0.to_le_bytes());
    let row = session_record::Entity::find_by_id(key)
        .filter(session_record::Column::ExpiresAt.gt(clock.now()))
        .one(db.pool())
        .await
        .map_err(backend_error)?;
    row.map(|row| {
        Ok(Record {
            id: hashed,
            data: serde_json::from_str(&row.data).map_err(|e| Error::Decode(e.to_string()))?,
            expiry_date: time::OffsetDateTime::from_unix_timestamp(row.expires_at.seconds())
                .map_err(|e| Error::Decode(e.to_string()))?,
        })
    })
    .transpose()
}
