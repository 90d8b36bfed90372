//! Events from which the worker writes emails: `email_jobs`.

use sea_orm::entity::prelude::*;

use super::open_enum::{OpenEnum, column_text};
use domain::status::UserId;
use domain::time::Timestamp;

/// The event that an email job reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Someone has registered.
    Registered,
    /// Someone has requested another link to confirm their email address.
    Confirmation,
    /// A registration is pending, and administrators are to be notified.
    PendingRegistration,
    /// Someone wants to change their email address.
    EmailChange,
    /// The owner of an account's email address did not register, and administrators are to be notified.
    RegistrationDisputed,
}

column_text! {
    JobKind {
        Registered => "registered",
        Confirmation => "confirmation",
        PendingRegistration => "pending_registration",
        EmailChange => "email_change",
        RegistrationDisputed => "registration_disputed",
    }
}

/// One row of `email_jobs`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "email_jobs")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The event.
    pub kind: OpenEnum<JobKind>,
    /// The id of the account that the event is about.
    pub user_id: UserId,
    /// The email address that the event is about, if it is not the account's.
    pub email: Option<String>,
    /// The time at which the job was created.
    pub created_at: Timestamp,
    /// The earliest time of the next attempt.
    pub due_at: Timestamp,
    /// The number of failed attempts.
    pub attempts: i32,
    /// The time of the last failed attempt, once no further attempt follows.
    pub failed_at: Option<Timestamp>,
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
