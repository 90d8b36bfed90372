//! Hashes of emailed secrets: `user_tokens`.

use sea_orm::entity::prelude::*;

use super::open_enum::OpenEnum;
use domain::status::UserId;
use domain::time::Timestamp;
use domain::token::Purpose;

/// One row of `user_tokens`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user_tokens")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key)]
    pub id: i32,
    /// The id of the user; `None` for the setup link of the first administrator.
    pub user_id: Option<UserId>,
    /// The purpose.
    pub purpose: OpenEnum<Purpose>,
    /// The SHA-256 hash of the secret, in hexadecimal.
    pub token_hash: String,
    /// The user's credential version at the time of creation.
    pub credential_version: i32,
    /// The canonical email address that the token is for.
    pub email_canonical: String,
    /// The same email address as typed, if the token is about a change of email address.
    pub email: Option<String>,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The expiry time.
    pub expires_at: Timestamp,
    /// The time at which the token was used or revoked.
    pub used_at: Option<Timestamp>,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
