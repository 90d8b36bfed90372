//! Linked Microsoft identities: `identities`.

use sea_orm::entity::prelude::*;

use domain::status::UserId;
use domain::time::Timestamp;

/// One row of `identities`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identities")]
pub struct Model {
    /// The id of the account. An account has at most one identity.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// The tenant id, a GUID in lower case.
    pub tid: String,
    /// The id of the user in that tenant, a GUID in lower case.
    pub oid: String,
    /// The name or email address of the Microsoft account, for display only.
    pub label: String,
    /// The time at which the identity was linked.
    pub linked_at: Timestamp,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
