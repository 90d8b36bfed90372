//! The people.

use sea_orm::entity::prelude::*;

/// One row of `users`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// The number; never used twice.
    #[sea_orm(primary_key)]
    pub id: i32,
    /// The name as typed.
    pub username: String,
    /// What decides whether two names are the same.
    pub username_key: String,
    /// The address as typed; mail goes there.
    pub email: String,
    /// What decides whether two addresses are the same.
    pub email_canonical: String,
    /// When the address was confirmed.
    pub email_confirmed_at: Option<i64>,
    /// When the owner of the unconfirmed address said that they did not register.
    pub email_disowned_at: Option<i64>,
    /// The PHC string of the password, if there is one.
    pub password_hash: Option<String>,
    /// See `domain::status::Status`.
    pub status: String,
    /// Since when it has this status.
    pub status_since: i64,
    /// Who gave it.
    pub status_by: Option<i32>,
    /// See `domain::status::Role`.
    pub role: String,
    /// Counts up whenever credentials, role, status or address change.
    pub auth_epoch: i32,
    /// When the account is deleted, because its owner asked for it.
    pub deletion_due_at: Option<i64>,
    /// When it was registered.
    pub created_at: i64,
    /// When its owner last signed in; 0 for never.
    pub last_sign_in_at: i64,
}

/// How it hangs together with other tables.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
