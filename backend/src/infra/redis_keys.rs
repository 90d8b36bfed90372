//! The names of the portal's keys in Redis.
//!
//! # Guarantees
//!
//! - Every key begins with one prefix, which belongs to the portal's database. Portals with different databases share no key.
//! - In a Redis Cluster, all rate limit counters of a portal are in one slot, because one script uses several of them.

use sea_orm::EntityTrait;

use crate::entity::portal_id;
use crate::error::{ErrorContext, InternalError};
use crate::infra::database::Database;

/// The names of one portal's keys.
#[derive(Clone, Debug)]
pub struct RedisKeys {
    prefix: String,
}

impl RedisKeys {
    /// Returns the names for the portal with this id.
    pub fn new(portal_id: &str) -> Self {
        Self { prefix: format!("vestibule:{portal_id}:") }
    }

    /// Returns the names for the portal of a migrated database.
    pub async fn of_database(db: &Database) -> Result<Self, InternalError> {
        let row = portal_id::Entity::find().one(db.pool()).await.context("read the portal's id")?;
        row.map(|row| Self::new(&row.id)).ok_or(InternalError::Data("the table portal_id is empty"))
    }

    /// Returns the prefix of every key.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the prefix of the session records.
    pub fn sessions(&self) -> String {
        format!("{}session:", self.prefix)
    }

    /// Returns the prefix of the rate limit counters. Redis Cluster chooses a slot by the text in braces.
    pub fn counters(&self) -> String {
        format!("{}{{limits}}:", self.prefix)
    }

    /// Returns the key that is written to check the connection. It is in the slot of the counters.
    pub fn probe(&self) -> String {
        format!("{}probe", self.counters())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_begins_with_the_prefix_of_its_portal() {
        let (keys, other) = (RedisKeys::new("0123456789abcdef"), RedisKeys::new("0123456789abcde"));
        for name in [keys.sessions(), keys.counters(), keys.probe()] {
            assert!(name.starts_with(keys.prefix()), "{name}");
            assert!(!name.starts_with(other.prefix()), "{name}");
        }
    }
}
