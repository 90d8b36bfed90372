//! Sessions: `user_sessions`. Without a row there is no session.

use sea_orm::entity::prelude::*;

use super::open_enum::{OpenEnum, column_text};
use domain::status::UserId;
use domain::time::Timestamp;

/// The kind of a session, which decides what the session permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// A session that permits everything.
    Ordinary,
    /// A session that permits only choosing a new password and signing out.
    Restricted,
}

column_text! {
    SessionKind {
        Ordinary => "ordinary",
        Restricted => "restricted",
    }
}

/// The authentication method that opened a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// The password.
    Password,
    /// The link in the approval email.
    SignInLink,
    /// A link printed by the operator.
    OperatorLink,
    /// A temporary password.
    TemporaryPassword,
    /// The link that undoes a change of email address.
    UndoLink,
    /// The link that cancels a deletion.
    KeepLink,
    /// The setup link of the first administrator.
    Setup,
    /// A Microsoft account.
    Microsoft,
}

column_text! {
    AuthMethod {
        Password => "password",
        SignInLink => "sign_in_link",
        OperatorLink => "operator_link",
        TemporaryPassword => "temporary_password",
        UndoLink => "undo_link",
        KeepLink => "keep_link",
        Setup => "setup",
        Microsoft => "microsoft",
    }
}

/// One row of `user_sessions`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user_sessions")]
pub struct Model {
    /// The public id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub public_id: String,
    /// The first 128 bits of the SHA-256 hash of the session id, in hexadecimal.
    pub id_hash: String,
    /// The id of the user.
    pub user_id: UserId,
    /// The kind.
    pub kind: OpenEnum<SessionKind>,
    /// The authentication method.
    pub auth_method: OpenEnum<AuthMethod>,
    /// True on a shared computer.
    pub shared: bool,
    /// The user's credential version at sign-in.
    pub credential_version: i32,
    /// The absolute expiry time.
    pub expires_at: Timestamp,
    /// The time of the last authentication.
    pub authenticated_at: Timestamp,
    /// The User-Agent header of the browser, at most 256 characters.
    pub user_agent: String,
    /// The IP address at sign-in.
    pub client_ip: String,
    /// The time of sign-in.
    pub created_at: Timestamp,
    /// The time of the last use, at most a minute old.
    pub last_seen_at: Timestamp,
}

/// Relations to other tables.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The account.
    #[sea_orm(belongs_to = "super::user::Entity", from = "Column::UserId", to = "super::user::Column::Id")]
    User,
}

impl Related<super::user::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
