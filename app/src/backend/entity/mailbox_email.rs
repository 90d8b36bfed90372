//! Emails that mailboxes got lately.

use sea_orm::entity::prelude::*;

/// One row of `mailbox_emails`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mailbox_emails")]
pub struct Model {
    /// The number.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The keyed hash of the mailbox: see `backend::canonical::mailbox_of`.
    pub mailbox_hash: String,
    /// See `backend::mail::message::Kind`.
    pub kind: String,
    /// When the email was written.
    pub created_at: i64,
}

/// How it hangs together with other tables.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
