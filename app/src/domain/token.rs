//! What a mailed secret is for.

use serde::{Deserialize, Serialize};

/// The purpose of a token. One made for one purpose is worth nothing for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Purpose {
    /// Confirms the address it was mailed to.
    ConfirmAddress,
    /// Signs its owner in, once.
    SignIn,
    /// The same, printed by the operator: whoever comes by it may set a password without the present one.
    OperatorSignIn,
    /// Stands for the password until a new one is chosen.
    TemporaryPassword,
    /// Makes the address it was mailed to the account's.
    ChangeAddress,
    /// Makes the address it was mailed to the account's again.
    UndoAddress,
    /// Keeps an account that is due for deletion.
    KeepAccount,
    /// Makes the first administrator.
    Setup,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 8] = [
        Self::ConfirmAddress,
        Self::SignIn,
        Self::OperatorSignIn,
        Self::TemporaryPassword,
        Self::ChangeAddress,
        Self::UndoAddress,
        Self::KeepAccount,
        Self::Setup,
    ];

    /// Reads the name in the database.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == name)
    }

    /// The name in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfirmAddress => "confirm_address",
            Self::SignIn => "sign_in",
            Self::OperatorSignIn => "operator_sign_in",
            Self::TemporaryPassword => "temporary_password",
            Self::ChangeAddress => "change_address",
            Self::UndoAddress => "undo_address",
            Self::KeepAccount => "keep_account",
            Self::Setup => "setup",
        }
    }
}
