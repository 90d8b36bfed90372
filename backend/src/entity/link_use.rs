//! Uses of links: `link_uses`.

use sea_orm::entity::prelude::*;

use super::open_enum::{OpenEnum, column_text};
use domain::status::UserId;
use domain::time::Timestamp;

/// The answer to the use of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkAnswer {
    /// The email address has been confirmed, and the account is pending.
    EmailConfirmed,
    /// The email address of an account on hold has been confirmed.
    EmailConfirmedOnHold,
    /// The email address of an active account has been confirmed.
    EmailConfirmedActive,
    /// The pending registration has been deleted.
    RegistrationRemoved,
    /// The registration has been reported to the administrators.
    RegistrationReported,
    /// The user is signed in.
    SignedIn,
    /// The email address has been changed, and the user stays signed in.
    EmailChanged,
    /// The email address has been changed, and the user has to sign in.
    EmailChangedSignIn,
    /// The previous email address has been restored, and the user chooses a new password.
    EmailRestored,
    /// The previous email address of a deactivated account has been restored.
    EmailRestoredInactive,
    /// The account is kept, and the user chooses a new password.
    AccountKept,
    /// The account is kept, and the user has to sign in.
    AccountKeptSignIn,
    /// The first administrator has been created.
    AdminCreated,
    /// The question has been answered, and the registration is pending again.
    QuestionAnswered,
    /// The registration has been withdrawn and deleted.
    RequestWithdrawn,
}

column_text! {
    LinkAnswer {
        EmailConfirmed => "email_confirmed",
        EmailConfirmedOnHold => "email_confirmed_on_hold",
        EmailConfirmedActive => "email_confirmed_active",
        RegistrationRemoved => "registration_removed",
        RegistrationReported => "registration_reported",
        SignedIn => "signed_in",
        EmailChanged => "email_changed",
        EmailChangedSignIn => "email_changed_sign_in",
        EmailRestored => "email_restored",
        EmailRestoredInactive => "email_restored_inactive",
        AccountKept => "account_kept",
        AccountKeptSignIn => "account_kept_sign_in",
        AdminCreated => "admin_created",
        QuestionAnswered => "question_answered",
        RequestWithdrawn => "request_withdrawn",
    }
}

/// One row of `link_uses`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "link_uses")]
pub struct Model {
    /// The SHA-256 hash of the link's secret, as in `user_tokens`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: String,
    /// The SHA-256 hash of the secret in the browser's form cookie, in hexadecimal.
    pub browser_hash: String,
    /// The answer.
    pub answer: OpenEnum<LinkAnswer>,
    /// The id of the user. `None` if the account has been deleted.
    pub user_id: Option<UserId>,
    /// The public id of the session that the answer opened, or of the session that replaced it.
    pub session_public_id: Option<String>,
    /// The time of the use.
    pub used_at: Timestamp,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
