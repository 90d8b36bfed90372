//! The id of the portal, in one row: `portal_id`.

use sea_orm::entity::prelude::*;

/// The row of `portal_id`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "portal_id")]
pub struct Model {
    /// The random id, in hexadecimal. It never changes.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
