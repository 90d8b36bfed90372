//! Emails to be sent: `outbox`.

use sea_orm::entity::prelude::*;

use super::open_enum::{OpenEnum, column_text};
use domain::status::UserId;
use domain::time::Timestamp;

/// The kind of an email.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailKind {
    /// A link that confirms the email address.
    ConfirmEmail,
    /// A message that the email address already has an account.
    AlreadyRegistered,
    /// A message that registrations are pending, to administrators.
    PendingRegistrations,
    /// A message that the owner of an email address did not register, to administrators.
    RegistrationDisputed,
    /// A message that the account has been approved.
    Approved,
    /// A message that the account has been reactivated.
    Reactivated,
    /// A temporary password.
    TemporaryPassword,
    /// The reason why there is no temporary password.
    NoTemporaryPassword,
    /// A message that the password has been changed.
    PasswordChanged,
    /// A link that confirms the new email address.
    ConfirmNewEmail,
    /// A message that the email address has been changed.
    EmailChanged,
    /// A message that a Microsoft account has been linked or unlinked.
    MicrosoftChanged,
    /// A message that the account will be deleted.
    AccountDeletion,
    /// A test email.
    Test,
    /// A message that the registration was declined, with the reason if there is one.
    Rejected,
    /// A question about the registration, with a link to answer it.
    Question,
    /// A reminder that registrations are waiting for a decision, to administrators.
    Reminder,
}

column_text! {
    EmailKind {
        ConfirmEmail => "confirm_email",
        AlreadyRegistered => "already_registered",
        PendingRegistrations => "pending_registrations",
        RegistrationDisputed => "registration_disputed",
        Approved => "approved",
        Reactivated => "reactivated",
        TemporaryPassword => "temporary_password",
        NoTemporaryPassword => "no_temporary_password",
        PasswordChanged => "password_changed",
        ConfirmNewEmail => "confirm_new_email",
        EmailChanged => "email_changed",
        MicrosoftChanged => "microsoft_changed",
        AccountDeletion => "account_deletion",
        Test => "test",
        Rejected => "rejected",
        Question => "question",
        Reminder => "reminder",
    }
}

/// The state of an email.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailState {
    /// Waiting to be sent.
    Pending,
    /// Accepted by the next server.
    Sent,
    /// No longer worth sending.
    Dropped,
    /// Refused, or attempted too often.
    Failed,
}

column_text! {
    EmailState {
        Pending => "pending",
        Sent => "sent",
        Dropped => "dropped",
        Failed => "failed",
    }
}

/// One row of `outbox`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The kind.
    pub kind: OpenEnum<EmailKind>,
    /// The version of the content: see [`crate::email::outbox::FORMAT`].
    pub format: i32,
    /// The id of the account that the email is about; `None` once the account has been deleted.
    pub user_id: Option<UserId>,
    /// The recipient's email address.
    pub recipient: String,
    /// Additional data to which the sealed content is bound, besides the recipient.
    pub seal_context: String,
    /// The sealed content; `None` once the email has been sent or dropped.
    pub sealed: Option<String>,
    /// The priority. Smaller numbers are sent first.
    pub priority: i32,
    /// The state.
    pub state: OpenEnum<EmailState>,
    /// The time at which the email was written.
    pub created_at: Timestamp,
    /// The earliest time of the next attempt.
    pub due_at: Timestamp,
    /// The time after which the email is useless and is dropped.
    pub not_after: Option<Timestamp>,
    /// The end of the worker's lease; zero for none.
    pub leased_until: Timestamp,
    /// The number of attempts.
    pub attempts: i32,
    /// The error of the last attempt.
    pub last_error: Option<String>,
    /// The time at which the email was sent, was dropped or failed; zero before.
    pub finished_at: Timestamp,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
