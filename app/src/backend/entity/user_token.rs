//! Mailed secrets, as hashes.

use sea_orm::entity::prelude::*;

/// One row of `user_tokens`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user_tokens")]
pub struct Model {
    /// The number.
    #[sea_orm(primary_key)]
    pub id: i32,
    /// Whose it is; nobody's for the first administrator's.
    pub user_id: Option<i32>,
    /// See `domain::token::Purpose`.
    pub purpose: String,
    /// SHA-256 of the secret, in hexadecimal.
    pub token_hash: String,
    /// The owner's epoch at issue.
    pub epoch: i32,
    /// The address it was made for.
    pub email_canonical: String,
    /// The same as typed, where the token is about a change of address.
    pub email: String,
    /// When it was made.
    pub created_at: i64,
    /// Until when it is good.
    pub expires_at: i64,
    /// When it was spent or voided.
    pub used_at: Option<i64>,
}

/// How it hangs together with other tables.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
