//! The audit log: `audit`.

use sea_orm::entity::prelude::*;

use super::open_enum::{ColumnText, OpenEnum};
use domain::status::{AdminAction, UserId};
use domain::time::Timestamp;

/// An action in the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A user registered.
    Register,
    /// The first administrator was created with the setup link.
    Setup,
    /// An administrator acted on an account.
    Admin(AdminAction),
    /// A user confirmed their email address.
    ConfirmEmail,
    /// The owner of an email address reported that they did not register.
    CancelRegistration,
    /// A user requested a new link to confirm their email address.
    RequestVerification,
    /// A user signed in with a password.
    SignIn,
    /// A user signed in with a link from an email or from the operator.
    SignInLink,
    /// A user signed in with a temporary password, to choose a new one.
    SignInTemporary,
    /// A user signed out.
    SignOut,
    /// A user revoked one of their sessions.
    EndSession,
    /// A user revoked all of their sessions except the current one.
    EndOtherSessions,
    /// A user chose a new password and gave the current one.
    ChangePassword,
    /// A user chose a new password in a restricted session.
    ResetPassword,
    /// A user chose a password without giving the current one.
    SetPassword,
    /// A user requested a change of email address.
    RequestEmailChange,
    /// A user confirmed their new email address, which replaced the old one.
    ChangeEmail,
    /// The owner of the old email address undid a change of email address.
    UndoEmailChange,
    /// A user requested the deletion of their account.
    RequestDeletion,
    /// A user cancelled the deletion of their account.
    KeepAccount,
    /// An account was deleted at the request of its owner.
    DeleteAccount,
    /// A registration was deleted at the end of its retention period.
    DeleteExpired,
    /// The operator created an administrator on the command line.
    OperatorCreate,
    /// The operator gave a user the administrator role on the command line.
    OperatorGrant,
    /// The operator printed a sign-in link.
    OperatorLink,
    /// An administrator sent a failed email again.
    ResendEmail,
    /// An administrator dismissed a failed email.
    DismissEmail,
    /// A user registered with Microsoft.
    RegisterMicrosoft,
    /// A user signed in with Microsoft.
    SignInMicrosoft,
    /// A user linked a Microsoft account.
    LinkMicrosoft,
    /// A user unlinked their Microsoft account.
    UnlinkMicrosoft,
    /// An administrator undid a decision.
    UndoDecision,
    /// An applicant answered an administrator's question.
    AnswerQuestion,
    /// An applicant withdrew their registration, which was deleted.
    WithdrawRequest,
    /// An administrator added a saved reason.
    AddReason,
    /// An administrator changed a saved reason.
    ChangeReason,
    /// An administrator deleted a saved reason.
    DeleteReason,
}

impl ColumnText for Action {
    const ALL: &'static [Self] = &[
        Self::Register,
        Self::Setup,
        Self::Admin(AdminAction::Approve),
        Self::Admin(AdminAction::Reject),
        Self::Admin(AdminAction::Reconsider),
        Self::Admin(AdminAction::Deactivate),
        Self::Admin(AdminAction::Reactivate),
        Self::Admin(AdminAction::MakeAdmin),
        Self::Admin(AdminAction::RemoveAdmin),
        Self::Admin(AdminAction::Ask),
        Self::ConfirmEmail,
        Self::CancelRegistration,
        Self::RequestVerification,
        Self::SignIn,
        Self::SignInLink,
        Self::SignInTemporary,
        Self::SignOut,
        Self::EndSession,
        Self::EndOtherSessions,
        Self::ChangePassword,
        Self::ResetPassword,
        Self::SetPassword,
        Self::RequestEmailChange,
        Self::ChangeEmail,
        Self::UndoEmailChange,
        Self::RequestDeletion,
        Self::KeepAccount,
        Self::DeleteAccount,
        Self::DeleteExpired,
        Self::OperatorCreate,
        Self::OperatorGrant,
        Self::OperatorLink,
        Self::ResendEmail,
        Self::DismissEmail,
        Self::RegisterMicrosoft,
        Self::SignInMicrosoft,
        Self::LinkMicrosoft,
        Self::UnlinkMicrosoft,
        Self::UndoDecision,
        Self::AnswerQuestion,
        Self::WithdrawRequest,
        Self::AddReason,
        Self::ChangeReason,
        Self::DeleteReason,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Register => "user.register",
            Self::Setup => "user.setup",
            Self::Admin(action) => match action {
                AdminAction::Approve => "user.approve",
                AdminAction::Reject => "user.reject",
                AdminAction::Reconsider => "user.reconsider",
                AdminAction::Deactivate => "user.deactivate",
                AdminAction::Reactivate => "user.reactivate",
                AdminAction::MakeAdmin => "user.make_admin",
                AdminAction::RemoveAdmin => "user.remove_admin",
                AdminAction::Ask => "user.ask",
            },
            Self::ConfirmEmail => "email.confirm",
            Self::CancelRegistration => "email.cancel_registration",
            Self::RequestVerification => "email.request_verification",
            Self::SignIn => "session.sign_in",
            Self::SignInLink => "session.sign_in_link",
            Self::SignInTemporary => "session.sign_in_temporary",
            Self::SignOut => "session.sign_out",
            Self::EndSession => "session.end",
            Self::EndOtherSessions => "session.end_others",
            Self::ChangePassword => "password.change",
            Self::ResetPassword => "password.reset",
            Self::SetPassword => "password.set",
            Self::RequestEmailChange => "email.request_change",
            Self::ChangeEmail => "email.change",
            Self::UndoEmailChange => "email.undo_change",
            Self::RequestDeletion => "user.request_deletion",
            Self::KeepAccount => "user.keep",
            Self::DeleteAccount => "user.delete",
            Self::DeleteExpired => "user.delete_expired",
            Self::OperatorCreate => "operator.create_admin",
            Self::OperatorGrant => "operator.grant_admin",
            Self::OperatorLink => "operator.user_link",
            Self::ResendEmail => "email.resend",
            Self::DismissEmail => "email.dismiss",
            Self::RegisterMicrosoft => "user.register_microsoft",
            Self::SignInMicrosoft => "session.sign_in_microsoft",
            Self::LinkMicrosoft => "microsoft.link",
            Self::UnlinkMicrosoft => "microsoft.unlink",
            Self::UndoDecision => "user.undo_decision",
            Self::AnswerQuestion => "question.answer",
            Self::WithdrawRequest => "user.withdraw",
            Self::AddReason => "reason.add",
            Self::ChangeReason => "reason.change",
            Self::DeleteReason => "reason.delete",
        }
    }
}

impl From<Action> for Value {
    fn from(action: Action) -> Self {
        Self::from(action.as_str())
    }
}

/// One row of `audit`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit")]
pub struct Model {
    /// The id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The time of the action.
    pub at: Timestamp,
    /// The action.
    pub action: OpenEnum<Action>,
    /// The id of the user who acted; `None` for visitors and the program itself.
    pub actor_id: Option<UserId>,
    /// The name of the actor at that time; `None` once their account has been deleted.
    pub actor_name: Option<String>,
    /// The id of the user who was affected.
    pub subject_id: Option<UserId>,
    /// The name of that user at that time; `None` once their account has been deleted.
    pub subject_name: Option<String>,
    /// The IP address of the actor; `None` once their account has been deleted.
    pub client_ip: Option<String>,
    /// Numbers and codes about the action, for example `decision=7 undone`. Never personal data.
    pub detail: Option<String>,
}

/// Relations to other tables: none.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
