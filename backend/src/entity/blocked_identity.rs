//! Keyed hashes of blocked identities: `blocked_identities`.

use sea_orm::entity::prelude::*;

use super::open_enum::{OpenEnum, column_text};
use domain::time::Timestamp;

/// The reason why an identity is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockReason {
    /// An administrator rejected the registration.
    Rejected,
    /// An administrator deactivated the account.
    Deactivated,
    /// The account was deleted.
    Deleted,
    /// The user unlinked the identity.
    Unlinked,
}

column_text! {
    BlockReason {
        Rejected => "rejected",
        Deactivated => "deactivated",
        Deleted => "deleted",
        Unlinked => "unlinked",
    }
}

/// One row of `blocked_identities`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "blocked_identities")]
pub struct Model {
    /// The HMAC-SHA-256 of the email address or Microsoft identity, in hexadecimal.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: String,
    /// The reason.
    pub reason: OpenEnum<BlockReason>,
    /// The time at which the identity was blocked.
    pub created_at: Timestamp,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
