//! The infrastructure of the use cases: database, clock, random data, encryption and counters.

pub mod clock;
pub mod counters;
pub mod database;
pub mod encryption;
pub mod prepared_query;
pub mod random;
pub mod redis_keys;
