//! The result of an action, as scripts receive it.
//!
//! # Guarantees
//!
//! - A result carries codes and no text, so that no URL or header can put text on a page.
//! - A refusal is an ordinary result. [`ActionError`] stands for errors that the person did not cause.

use serde::{Deserialize, Serialize};
use server_fn::codec::JsonEncoding;
use server_fn::error::{FromServerFnError, ServerFnErrorErr};

use domain::decision::BatchReport;
use domain::errors::FormErrors;
use domain::flash_message::FlashMessage;
use domain::view_models::UserRow;

/// The result of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionResult {
    /// The action has succeeded, and the browser stays on the page.
    Done {
        /// A message.
        message: FlashMessage,
        /// The affected user as they are now.
        user: Option<Box<UserRow>>,
    },
    /// The action has succeeded, and the browser goes to this page of the portal (path and query).
    Goto(String),
    /// The action was refused.
    Refused(FormErrors),
    /// The action was refused because the user, shown as they are now, has changed in the meantime.
    Stale(FormErrors, Box<UserRow>),
    /// The results of an action on several users.
    Batch(Box<BatchReport>),
}

/// An error that the person did not cause. It contains only a code and a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionError {
    /// An internal error. The reference (40 random bits) identifies the log line.
    Internal(u64),
    /// The response is a redirect, because a plain form was sent.
    Redirected,
    /// The server could not be reached, or its response was not the expected one.
    Unreachable,
}

impl std::fmt::Display for ActionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Internal(_) => "internal",
            Self::Redirected => "redirected",
            Self::Unreachable => "unreachable",
        })
    }
}

impl std::error::Error for ActionError {}

impl FromServerFnError for ActionError {
    type Encoder = JsonEncoding;

    /// Converts every error of the framework into a code, so that its text is never shown.
    fn from_server_fn_error(_: ServerFnErrorErr) -> Self {
        Self::Unreachable
    }
}
