//! Keyed hashes of whoever was shut out.

use sea_orm::entity::prelude::*;

/// One row of `shut_outs`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shut_outs")]
pub struct Model {
    /// HMAC-SHA-256 of the address, in hexadecimal.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: String,
    /// See `backend::shut_out::Reason`.
    pub reason: String,
    /// Since when.
    pub created_at: i64,
}

/// How it hangs together with other tables.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
