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
                AdminAction::Reconsider => "Put back among the waiting",
                AdminAction::Deactivate => "Deactivated",
                AdminAction::Reactivate => "Reactivated",
                AdminAction::MakeAdmin => "Made an administrator",
                AdminAction::RemoveAdmin => "No longer an administrator",
            },
            Self::ConfirmEmail => "Address confirmed",
            Self::CancelRegistration => "Link to confirm the address voided",
            Self::RequestVerification => "Link to confirm the address asked for",
            Self::SignIn => "Signed in with the password",
            Self::SignInLink => "Signed in with a link",
            Self::SignInTemporary => "Signed in to choose a new password",
            Self::SignOut => "Signed out",
            Self::EndSession => "One session ended",
            Self::EndOtherSessions => "All other sessions ended",
            Self::ChangePassword => "Password changed",
            Self::ResetPassword => "Password replaced",
            Self::SetPassword => "Password set",
            Self::RequestEmailChange => "Change of address asked for",
            Self::ChangeEmail => "Address changed",
            Self::UndoEmailChange => "Change of address taken back",
            Self::RequestDeletion => "Deletion requested",
            Self::KeepAccount => "Deletion cancelled",
            Self::DeleteAccount => "Deleted",
            Self::OperatorGrant => "Made an administrator on the command line",
            Self::OperatorLink => "Sign-in link printed by the operator",
            Self::ResendEmail => "A mail sent again",
            Self::DismissEmail => "Failed email dismissed",
            Self::RegisterMicrosoft => "Registered with Microsoft",
            Self::SignInMicrosoft => "Signed in with Microsoft",
            Self::LinkMicrosoft => "Microsoft account linked",
            Self::UnlinkMicrosoft => "Microsoft account unlinked",
        }
    }
}
