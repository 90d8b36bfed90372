//! Emails that mailboxes have received recently: `mailbox_emails`.

use sea_orm::entity::prelude::*;

use super::open_enum::OpenEnum;
use super::outbox::EmailKind;
use domain::time::Timestamp;

/// One row of `mailbox_emails`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mailbox_emails")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The keyed hash of the mailbox: see `accounts::email_address::mailbox_of`.
    pub mailbox_hash: String,
    /// The kind of the email.
    pub kind: OpenEnum<EmailKind>,
    /// The time at which the email was written.
    pub created_at: Timestamp,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
