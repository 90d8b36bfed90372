//! The session store: Redis through fred, or the SQL database.
//!
//! # Guarantees
//!
//! - The store holds only the first 128 bits of the SHA-256 of a session id, so a copy of the store gives no access.
//! - `save` changes a record and never creates one, so a concurrent request cannot restore an ended session.

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use fred::clients::Pool;
use fred::error::Error as RedisError;
use fred::interfaces::KeysInterface;
use fred::types::Expiration;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};
use sha2::{Digest, Sha256};
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions_redis_store::RedisStore;

use crate::entity::session_record;
use crate::infra::clock::Clock;
use crate::infra::database::Database;
use domain::time::Timestamp;

/// The store of session records, which holds hashed ids only.
#[derive(Clone, Debug)]
pub enum SessionRecords {
    /// The SQL database.
    Sql(Database, Clock),
    /// Redis.
    Redis(RedisStore<Pool>, Pool),
}

impl SessionRecords {
    /// Creates a store in Redis.
    pub fn redis(pool: Pool) -> Self {
        Self::Redis(RedisStore::new(pool.clone()), pool)
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
            Self::Redis(redis, _) => {
                for id in hashes.iter().filter_map(|hash| from_hex(hash)) {
                    redis.delete(&id).await?;
                }
            }
        }
        Ok(())
    }

    /// Returns true if Redis answers, or `None` if the records are in the SQL database.
    pub async fn redis_answers(&self) -> Option<bool> {
        match self {
            Self::Sql(..) => None,
            Self::Redis(_, pool) => Some(write_probe(pool).await.is_ok()),
        }
    }
}

/// The key that is written to check that Redis accepts writes. It is in the same slot as the rate limit counters.
const PROBE: &str = "{vestibule}:probe";
/// The lifetime of that key in seconds.
const PROBE_LIFETIME: i64 = 60;

/// Writes a key that expires: a server that answers a PING may have become a replica, which accepts no writes.
pub async fn write_probe(redis: &impl KeysInterface) -> std::result::Result<(), RedisError> {
    redis.set(PROBE, "", Some(Expiration::EX(PROBE_LIFETIME)), None, false).await
}

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
        let mut hashed = Record { id: hash(record.id), ..record.clone() };
        match self {
            Self::Sql(db, _) => insert(db, &hashed).await,
            Self::Redis(redis, _) => {
                let id = hashed.id;
                redis.create(&mut hashed).await?;
                // On a collision the Redis store chooses another id, which the cookie would not have. With 128 bits it does not
                // happen.
                if hashed.id == id { Ok(()) } else { Err(backend_error("two sessions had the same id")) }
            }
        }
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let hashed = Record { id: hash(record.id), ..record.clone() };
        match self {
            Self::Sql(db, _) => update(db, &hashed).await,
            Self::Redis(redis, _) => redis.save(&hashed).await,
        }
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let found = match self {
            Self::Sql(db, clock) => find(db, clock, hash(*id)).await?,
            Self::Redis(redis, _) => redis.load(&hash(*id)).await?,
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
            Self::Redis(redis, _) => redis.delete(&hash(*id)).await,
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
