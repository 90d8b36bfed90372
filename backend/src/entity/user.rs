//! Accounts: `users`.

use sea_orm::entity::prelude::*;

use domain::status::{Role, Status, UserId};
use domain::time::Timestamp;

/// One row of `users`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// The id. It is never reused.
    #[sea_orm(primary_key)]
    pub id: UserId,
    /// The username as typed.
    pub username: String,
    /// The username in lower case, which is unique.
    pub username_key: String,
    /// The email address as typed.
    pub email: String,
    /// The canonical form of the email address, which is unique among confirmed ones.
    pub email_canonical: String,
    /// The time at which the email address was confirmed.
    pub email_confirmed_at: Option<Timestamp>,
    /// The time at which the owner of the unconfirmed email address reported that they did not register.
    pub registration_disputed_at: Option<Timestamp>,
    /// The password hash in PHC format.
    pub password_hash: Option<String>,
    /// The status.
    pub status: Status,
    /// The time of the last change of status.
    pub status_since: Timestamp,
    /// The id of the administrator who set the status.
    pub status_by: Option<UserId>,
    /// The role.
    pub role: Role,
    /// A counter that increases with every change of password, role, status or email address.
    pub credential_version: i32,
    /// The time at which the account will be deleted, if its owner has requested that.
    pub deletion_due_at: Option<Timestamp>,
    /// The time of registration.
    pub created_at: Timestamp,
    /// The time of the last sign-in; zero for never.
    pub last_sign_in_at: Timestamp,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
