//! What a mailed secret is for.

use serde::{Deserialize, Serialize};

/// The purpose of a token. One made for one purpose is worth nothing for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Purpose {
    /// Confirms the address it was mailed to.
    ConfirmAddress,
    /// Signs its owner in, once.
    SignIn,
    /// Makes the first administrator.
    Setup,
}

impl Purpose {
    /// The name in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfirmAddress => "confirm_address",
            Self::SignIn => "sign_in",
            Self::Setup => "setup",
        }
    }
}
