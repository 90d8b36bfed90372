//! Whose Microsoft identity is whose.

use sea_orm::entity::prelude::*;

/// One row of `identities`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identities")]
pub struct Model {
    /// Whose account; everybody has one identity at most.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: i32,
    /// The tenant's number, a GUID in small letters.
    pub tid: String,
    /// The person's number in that tenant, a GUID in small letters.
    pub oid: String,
    /// What the identity is called at Microsoft, for people to tell it by; decides nothing.
    pub label: String,
    /// Since when.
    pub linked_at: i64,
}

/// How it hangs together with other tables.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
