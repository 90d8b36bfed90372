//! Keys of the portal that outlive a rotation of `SECRET_KEY`: `portal_keys`.

use sea_orm::entity::prelude::*;

use domain::time::Timestamp;

/// One row of `portal_keys`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "portal_keys")]
pub struct Model {
    /// The purpose of the key.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// The sealed key.
    pub sealed: String,
    /// The time at which the key was created.
    pub created_at: Timestamp,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
