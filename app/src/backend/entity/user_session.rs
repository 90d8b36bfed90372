//! Sessions as they are shown and revoked: no row, no session.

use sea_orm::entity::prelude::*;

/// One row of `user_sessions`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user_sessions")]
pub struct Model {
    /// The public name.
    #[sea_orm(primary_key, auto_increment = false)]
    pub handle: String,
    /// The first 128 bits of SHA-256 of the id, in hexadecimal.
    pub id_hash: String,
    /// Whose it is.
    pub user_id: i32,
    /// See `backend::sessions::Kind`.
    pub kind: String,
    /// See `backend::sessions::OpenedBy`.
    pub opened_by: String,
    /// Whether the computer is shared.
    pub shared: bool,
    /// The owner's epoch at sign-in.
    pub epoch: i32,
    /// The absolute end.
    pub expires_at: i64,
    /// When the owner last proved who they are.
    pub proved_at: i64,
    /// The browser's User-Agent, cut to 256 characters.
    pub agent: String,
    /// The network address it was opened from.
    pub address: String,
    /// When it was opened.
    pub created_at: i64,
    /// When it was last used, to the minute.
    pub last_seen_at: i64,
}

/// How it hangs together with other tables.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The person.
    #[sea_orm(belongs_to = "super::user::Entity", from = "Column::UserId", to = "super::user::Column::Id")]
    User,
}

impl Related<super::user::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
