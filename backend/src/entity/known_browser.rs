//! Browsers in which a user has signed in before: `known_browsers`.

use sea_orm::entity::prelude::*;

use domain::status::UserId;
use domain::time::Timestamp;

/// One row of `known_browsers`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "known_browsers")]
pub struct Model {
    /// The SHA-256 hash of the random id in the browser's cookie.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id_hash: String,
    /// The id of the account.
    pub user_id: UserId,
    /// The number of failed sign-ins since the last successful one.
    pub failures: i32,
    /// The time of the last sign-in in this browser.
    pub last_used_at: Timestamp,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
