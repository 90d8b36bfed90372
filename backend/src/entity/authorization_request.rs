//! Sign-ins with Microsoft that have begun: `authorization_requests`.

use sea_orm::entity::prelude::*;

use super::open_enum::{OpenEnum, column_text};
use domain::status::UserId;
use domain::time::Timestamp;

/// The purpose of an authorization request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestPurpose {
    /// Signing in.
    SignIn,
    /// Signing in on a shared computer.
    SignInShared,
    /// Linking a Microsoft account.
    Link,
    /// Re-authentication.
    Reauthenticate,
}

column_text! {
    RequestPurpose {
        SignIn => "sign_in",
        SignInShared => "sign_in_shared",
        Link => "link",
        Reauthenticate => "reauthenticate",
    }
}

/// One row of `authorization_requests`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "authorization_requests")]
pub struct Model {
    /// The SHA-256 hash of the `state` parameter, in hexadecimal.
    #[sea_orm(primary_key, auto_increment = false)]
    pub state_hash: String,
    /// The purpose.
    pub purpose: OpenEnum<RequestPurpose>,
    /// The id of the user who was signed in at the beginning.
    pub user_id: Option<UserId>,
    /// The public id of their session.
    pub session_public_id: Option<String>,
    /// The SHA-256 hash of the secret in the browser's cookie, in hexadecimal.
    pub browser_hash: String,
    /// The nonce that the ID token must repeat.
    pub nonce: String,
    /// The PKCE code verifier (RFC 7636).
    pub code_verifier: String,
    /// The page to return to.
    pub return_to: String,
    /// The time at which the request expires.
    pub expires_at: Timestamp,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
