//! Conversations with Microsoft that are under way.

use sea_orm::entity::prelude::*;

/// One row of `microsoft_trips`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "microsoft_trips")]
pub struct Model {
    /// SHA-256 of the `state`, in hexadecimal.
    #[sea_orm(primary_key, auto_increment = false)]
    pub state_hash: String,
    /// See `backend::microsoft::Purpose`.
    pub purpose: String,
    /// Who was signed in when it began.
    pub user_id: Option<i32>,
    /// The session in which it began; empty for strangers.
    pub session_handle: String,
    /// SHA-256 of what the browser's cookie holds, in hexadecimal.
    pub browser_hash: String,
    /// What the ID token has to repeat.
    pub nonce: String,
    /// The PKCE verifier (RFC 7636).
    pub verifier: String,
    /// The page to go on to.
    pub next: String,
    /// When it is over.
    pub expires_at: i64,
}

/// How it hangs together with other tables.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
