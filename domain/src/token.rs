//! The purposes of tokens.

use serde::{Deserialize, Serialize};

/// The purpose of a token. A token is valid for its own purpose only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Purpose {
    /// Confirms the email address that received the token.
    ConfirmEmail,
    /// Signs its owner in once.
    SignIn,
    /// Signs its owner in once, issued by an operator command. The session can set a password without the current one.
    OperatorSignIn,
    /// Replaces the password until the user chooses a new one.
    TemporaryPassword,
    /// Changes the email address of the account to the one that received the token.
    ChangeEmail,
    /// Restores the previous email address, which received the token.
    UndoEmailChange,
    /// Cancels the deletion of an account.
    KeepAccount,
    /// Creates the first administrator.
    Setup,
    /// Answers the question of an administrator about a registration.
    Answer,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 9] = [
        Self::ConfirmEmail,
        Self::SignIn,
        Self::OperatorSignIn,
        Self::TemporaryPassword,
        Self::ChangeEmail,
        Self::UndoEmailChange,
        Self::KeepAccount,
        Self::Setup,
        Self::Answer,
    ];

    /// Parses the name in the database.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == name)
    }

    /// Returns the name in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfirmEmail => "confirm_email",
            Self::SignIn => "sign_in",
            Self::OperatorSignIn => "operator_sign_in",
            Self::TemporaryPassword => "temporary_password",
            Self::ChangeEmail => "change_email",
            Self::UndoEmailChange => "undo_email_change",
            Self::KeepAccount => "keep_account",
            Self::Setup => "setup",
            Self::Answer => "answer",
        }
    }
}
