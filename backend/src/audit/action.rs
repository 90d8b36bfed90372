//! The texts that users read about actions in the audit log.

use crate::entity::audit::Action;
use domain::status::AdminAction;

impl Action {
    /// Returns the sentence that the affected user reads.
    pub fn message(self) -> &'static str {
        match self {
            Self::Register => "Registered",
            Self::Setup | Self::OperatorCreate => "Created as an administrator",
            Self::Admin(action) => match action {
                AdminAction::Approve => "Approved",
                AdminAction::Reject => "Declined",
                AdminAction::Reconsider => "Moved back to pending",
                AdminAction::Deactivate => "Deactivated",
                AdminAction::Reactivate => "Reactivated",
                AdminAction::MakeAdmin => "Made an administrator",
                AdminAction::RemoveAdmin => "No longer an administrator",
                AdminAction::Ask => "Asked a question",
            },
            Self::ConfirmEmail => "Email address confirmed",
            Self::CancelRegistration => "Confirmation link cancelled",
            Self::RequestVerification => "Confirmation link requested",
            Self::SignIn => "Signed in with a password",
            Self::SignInLink => "Signed in with a link",
            Self::SignInTemporary => "Signed in to choose a new password",
            Self::SignOut => "Signed out",
            Self::EndSession => "One session ended",
            Self::EndOtherSessions => "All other sessions ended",
            Self::ChangePassword => "Password changed",
            Self::ResetPassword => "Password reset",
            Self::SetPassword => "Password set",
            Self::RequestEmailChange => "Email address change requested",
            Self::ChangeEmail => "Email address changed",
            Self::UndoEmailChange => "Email address change undone",
            Self::RequestDeletion => "Deletion requested",
            Self::KeepAccount => "Deletion cancelled",
            Self::DeleteAccount => "Deleted",
            Self::DeleteExpired => "Deleted at the end of the retention period",
            Self::OperatorGrant => "Made an administrator from the command line",
            Self::OperatorLink => "Sign-in link created from the command line",
            Self::ResendEmail => "Email sent again",
            Self::DismissEmail => "Failed email dismissed",
            Self::RegisterMicrosoft => "Registered with Microsoft",
            Self::SignInMicrosoft => "Signed in with Microsoft",
            Self::LinkMicrosoft => "Microsoft account linked",
            Self::UnlinkMicrosoft => "Microsoft account unlinked",
            Self::UndoDecision => "Decision undone",
            Self::AnswerQuestion => "Question answered",
            Self::WithdrawRequest => "Registration withdrawn",
            Self::AddReason => "Reason saved",
            Self::ChangeReason => "Saved reason changed",
            Self::DeleteReason => "Saved reason deleted",
        }
    }
}
