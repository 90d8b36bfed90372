//! Session records in Redis.
//!
//! # Guarantees
//!
//! - The keys of the records begin with the prefix of the portal.
//! - A record expires together with its session.

use std::collections::HashMap;

use data_encoding::HEXLOWER;
use fred::clients::Pool;
use fred::interfaces::KeysInterface;
use fred::types::{Expiration, SetOptions};
use serde_json::Value;
use time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

use crate::infra::redis_keys::RedisKeys;

/// The records of one portal, by their hashed ids.
#[derive(Clone, Debug)]
pub struct RedisRecords {
    pool: Pool,
    /// The beginning of the names of the records.
    prefix: String,
}

impl RedisRecords {
    /// Creates the store with the names in `keys`.
    pub(super) fn new(pool: Pool, keys: &RedisKeys) -> Self {
        Self { pool, prefix: keys.sessions() }
    }

    /// Stores a new record. Returns false if another record has the same id.
    pub(super) async fn create(&self, record: &Record) -> Result<bool> {
        self.set(record, SetOptions::NX).await
    }

    /// Changes a record. Does nothing if it no longer exists.
    pub(super) async fn save(&self, record: &Record) -> Result<()> {
        self.set(record, SetOptions::XX).await.map(drop)
    }

    /// Returns a record, if it exists.
    pub(super) async fn load(&self, id: Id) -> Result<Option<Record>> {
        let text: Option<String> = self.pool.get(self.key(id)).await.map_err(failed)?;
        let Some(text) = text else { return Ok(None) };
        let (expires_at, data): (i64, HashMap<String, Value>) =
            serde_json::from_str(&text).map_err(|e| Error::Decode(e.to_string()))?;
        let expiry_date =
            OffsetDateTime::from_unix_timestamp(expires_at).map_err(|e| Error::Decode(e.to_string()))?;
        Ok(Some(Record { id, data, expiry_date }))
    }

    /// Deletes a record. A missing record is no error.
    pub(super) async fn delete(&self, id: Id) -> Result<()> {
        self.pool.del(self.key(id)).await.map_err(failed)
    }

    /// Writes a record, and returns true if it was written.
    async fn set(&self, record: &Record, condition: SetOptions) -> Result<bool> {
        let expires_at = record.expiry_date.unix_timestamp();
        let text =
            serde_json::to_string(&(expires_at, &record.data)).map_err(|e| Error::Encode(e.to_string()))?;
        let expiration = Some(Expiration::EXAT(expires_at));
        let key = self.key(record.id);
        // Redis answers nothing if the condition does not hold.
        let written: Option<String> =
            self.pool.set(key, text, expiration, Some(condition), false).await.map_err(failed)?;
        Ok(written.is_some())
    }

    fn key(&self, id: Id) -> String {
        format!("{}{}", self.prefix, HEXLOWER.encode(&id.0.to_le_bytes()))
    }
}

fn failed(error: fred::error::Error) -> Error {
    Error::Backend(error.to_string())
}
