//! The record of what was done to accounts.
//!
//! Guarantees: a row is written in the transaction of the change it tells of, or not at all.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::Actor;
use super::entity::audit;
use super::error::{Doing, Failure};
use crate::domain::status::{Decision, UserId};
use crate::domain::time::Timestamp;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Somebody registered.
    Register,
    /// The first administrator was made.
    Setup,
    /// An administrator decided.
    Decide(Decision),
    /// An address was confirmed.
    ConfirmAddress,
    /// A registration was taken back by the address's owner.
    NotMe,
    /// A new link to confirm was asked for.
    AskConfirmation,
    /// Signed in with a password.
    SignIn,
    /// Signed in with a mailed link.
    SignInLink,
    /// Signed in with a temporary password, to choose a new one.
    SignInTemporary,
    /// Signed out.
    SignOut,
    /// Ended one of one's own sessions.
    EndSession,
    /// Ended all of one's own sessions but the present one.
    EndOtherSessions,
    /// Chose another password, giving the present one.
    ChangePassword,
    /// Chose another password, having come by a temporary one.
    ResetPassword,
    /// Chose a password without giving one.
    SetPassword,
    /// Asked to change one's address.
    AskAddressChange,
    /// The new address counts.
    ChangeAddress,
    /// The old address counts again.
    UndoAddress,
    /// Asked for one's own account to be deleted.
    AskDeletion,
    /// Kept one's own account after all.
    KeepAccount,
    /// An account was deleted, as its owner had asked.
    DeleteAccount,
    /// The operator made an administrator on the command line.
    OperatorCreate,
    /// The operator gave the role on the command line.
    OperatorGrant,
    /// The operator printed a sign-in link.
    OperatorLink,
    /// A given-up mail was sent again.
    ResendMail,
    /// A failed email was dismissed.
    DismissMail,
    /// Came from Microsoft for the first time.
    RegisterMicrosoft,
    /// Signed in with Microsoft.
    SignInMicrosoft,
    /// Linked a Microsoft account.
    LinkMicrosoft,
    /// Unlinked the Microsoft account.
    UnlinkMicrosoft,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 36] = [
        Self::Register,
        Self::Setup,
        Self::Decide(Decision::Approve),
        Self::Decide(Decision::Reject),
        Self::Decide(Decision::Reconsider),
        Self::Decide(Decision::Deactivate),
        Self::Decide(Decision::Reactivate),
        Self::Decide(Decision::MakeAdmin),
        Self::Decide(Decision::RemoveAdmin),
        Self::ConfirmAddress,
        Self::NotMe,
        Self::AskConfirmation,
        Self::SignIn,
        Self::SignInLink,
        Self::SignInTemporary,
        Self::SignOut,
        Self::EndSession,
        Self::EndOtherSessions,
        Self::ChangePassword,
        Self::ResetPassword,
        Self::SetPassword,
        Self::AskAddressChange,
        Self::ChangeAddress,
        Self::UndoAddress,
        Self::AskDeletion,
        Self::KeepAccount,
        Self::DeleteAccount,
        Self::OperatorCreate,
        Self::OperatorGrant,
        Self::OperatorLink,
        Self::ResendMail,
        Self::DismissMail,
        Self::RegisterMicrosoft,
        Self::SignInMicrosoft,
        Self::LinkMicrosoft,
        Self::UnlinkMicrosoft,
    ];

    /// Reads the name in the database.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }

    /// What the person reads to whom it was done.
    pub fn words(self) -> &'static str {
        match self {
            Self::Register => "Registered",
            Self::Setup | Self::OperatorCreate => "Created as an administrator",
            Self::Decide(decision) => match decision {
                Decision::Approve => "Approved",
                Decision::Reject => "Declined",
                Decision::Reconsider => "Put back among the waiting",
                Decision::Deactivate => "Deactivated",
                Decision::Reactivate => "Reactivated",
                Decision::MakeAdmin => "Made an administrator",
                Decision::RemoveAdmin => "No longer an administrator",
            },
            Self::ConfirmAddress => "Address confirmed",
            Self::NotMe => "Link to confirm the address voided",
            Self::AskConfirmation => "Link to confirm the address asked for",
            Self::SignIn => "Signed in with the password",
            Self::SignInLink => "Signed in with a link",
            Self::SignInTemporary => "Signed in to choose a new password",
            Self::SignOut => "Signed out",
            Self::EndSession => "One session ended",
            Self::EndOtherSessions => "All other sessions ended",
            Self::ChangePassword => "Password changed",
            Self::ResetPassword => "Password replaced",
            Self::SetPassword => "Password set",
            Self::AskAddressChange => "Change of address asked for",
            Self::ChangeAddress => "Address changed",
            Self::UndoAddress => "Change of address taken back",
            Self::AskDeletion => "Deletion requested",
            Self::KeepAccount => "Deletion cancelled",
            Self::DeleteAccount => "Deleted",
            Self::OperatorGrant => "Made an administrator on the command line",
            Self::OperatorLink => "Sign-in link printed by the operator",
            Self::ResendMail => "A mail sent again",
            Self::DismissMail => "Failed email dismissed",
            Self::RegisterMicrosoft => "Registered with Microsoft",
            Self::SignInMicrosoft => "Signed in with Microsoft",
            Self::LinkMicrosoft => "Microsoft account linked",
            Self::UnlinkMicrosoft => "Microsoft account unlinked",
        }
    }

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Register => "user.register",
            Self::Setup => "user.setup",
            Self::Decide(decision) => match decision {
                Decision::Approve => "user.approve",
                Decision::Reject => "user.reject",
                Decision::Reconsider => "user.reconsider",
                Decision::Deactivate => "user.deactivate",
                Decision::Reactivate => "user.reactivate",
                Decision::MakeAdmin => "user.make_admin",
                Decision::RemoveAdmin => "user.remove_admin",
            },
            Self::ConfirmAddress => "address.confirm",
            Self::NotMe => "address.not_me",
            Self::AskConfirmation => "address.ask_confirmation",
            Self::SignIn => "session.sign_in",
            Self::SignInLink => "session.sign_in_link",
            Self::SignInTemporary => "session.sign_in_temporary",
            Self::SignOut => "session.sign_out",
            Self::EndSession => "session.end",
            Self::EndOtherSessions => "session.end_others",
            Self::ChangePassword => "password.change",
            Self::ResetPassword => "password.reset",
            Self::SetPassword => "password.set",
            Self::AskAddressChange => "address.ask_change",
            Self::ChangeAddress => "address.change",
            Self::UndoAddress => "address.undo",
            Self::AskDeletion => "user.ask_deletion",
            Self::KeepAccount => "user.keep",
            Self::DeleteAccount => "user.delete",
            Self::OperatorCreate => "operator.create_admin",
            Self::OperatorGrant => "operator.grant_admin",
            Self::OperatorLink => "operator.user_link",
            Self::ResendMail => "mail.resend",
            Self::DismissMail => "mail.dismiss",
            Self::RegisterMicrosoft => "user.register_microsoft",
            Self::SignInMicrosoft => "session.sign_in_microsoft",
            Self::LinkMicrosoft => "microsoft.link",
            Self::UnlinkMicrosoft => "microsoft.unlink",
        }
    }
}

/// The row that says that `actor` did `action` to `subject` (number and name).
pub fn audit_row(
    action: Action,
    actor: &Actor,
    subject: Option<(UserId, &str)>,
    now: Timestamp,
) -> audit::ActiveModel {
    audit::ActiveModel {
        id: ActiveValue::NotSet,
        at: ActiveValue::Set(now.0),
        action: ActiveValue::Set(action.as_str().to_owned()),
        actor_id: ActiveValue::Set(actor.id),
        actor_name: ActiveValue::Set(actor.name.clone()),
        subject_id: ActiveValue::Set(subject.map(|(id, _)| id)),
        subject_name: ActiveValue::Set(subject.map_or_else(String::new, |(_, name)| name.to_owned())),
        source: ActiveValue::Set(actor.source.clone()),
    }
}

/// Writes a row.
pub async fn insert_audit_row(db: &impl ConnectionTrait, row: audit::ActiveModel) -> Result<(), Failure> {
    audit::Entity::insert(row).exec_without_returning(db).await.doing("write the audit")?;
    Ok(())
}

/// Writes down that `actor` did `action` to `subject`.
pub async fn insert_audit(
    db: &impl ConnectionTrait,
    action: Action,
    actor: &Actor,
    subject: Option<(UserId, &str)>,
    now: Timestamp,
) -> Result<(), Failure> {
    insert_audit_row(db, audit_row(action, actor, subject, now)).await
}

/// Empties what names these people, who are being removed: the rows keep their numbers alone.
pub async fn forget_names(db: &impl ConnectionTrait, people: &[UserId]) -> Result<(), Failure> {
    let nobody = || Expr::value(String::new());
    audit::Entity::update_many()
        .col_expr(audit::Column::SubjectName, nobody())
        .filter(audit::Column::SubjectId.is_in(people.iter().copied()))
        .exec(db)
        .await
        .doing("forget whom the audit names")?;
    // Someone who was not signed in, such as the owner of a mistyped email address.
    audit::Entity::update_many()
        .col_expr(audit::Column::Source, nobody())
        .filter(audit::Column::SubjectId.is_in(people.iter().copied()))
        .filter(audit::Column::ActorId.is_null())
        .exec(db)
        .await
        .doing("forget where others acted from")?;
    audit::Entity::update_many()
        .col_expr(audit::Column::ActorName, nobody())
        .col_expr(audit::Column::Source, nobody())
        .filter(audit::Column::ActorId.is_in(people.iter().copied()))
        .exec(db)
        .await
        .doing("forget who acted")?;
    Ok(())
}
