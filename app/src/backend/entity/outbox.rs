//! Mails on their way.

use sea_orm::entity::prelude::*;

/// One row of `outbox`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    /// The number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// See `backend::mail::message::Kind`.
    pub kind: String,
    /// Whom it is about; `None` once the account has been deleted.
    pub user_id: Option<i32>,
    /// Whom it is for.
    pub recipient: String,
    /// What the sealed content is bound to, beside the recipient.
    pub seal_context: String,
    /// The content, sealed; wiped once it is sent or dropped.
    pub sealed: Option<String>,
    /// Smaller goes first.
    pub priority: i32,
    /// See `backend::mail::outbox::State`.
    pub status: String,
    /// When it was written.
    pub created_at: i64,
    /// Not before.
    pub due_at: i64,
    /// After this it would arrive dead, and is dropped.
    pub not_after: Option<i64>,
    /// Until when a worker has it.
    pub leased_until: i64,
    /// How often it was tried.
    pub attempts: i32,
    /// What the last try came to.
    pub last_error: String,
    /// When it was sent, dropped or given up; 0 before.
    pub finished_at: i64,
}

/// How it hangs together with other tables.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
