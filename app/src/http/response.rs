//! Responses of actions.

use axum::http::HeaderName;

use domain::decision::BatchReport;
use domain::errors::{ErrorCode, FormErrors};
use domain::flash_message::FlashMessage;
use domain::view_models::UserRow;

/// The header with which a response without a page names the reference of its error to the middleware that adds the page. It is
/// never sent.
pub const REFERENCE: HeaderName = HeaderName::from_static("x-error-reference");

/// The response of an action.
#[derive(Debug)]
pub enum ActionResponse {
    /// The browser goes to another page.
    Redirect {
        /// The page's path and query.
        to: String,
        /// A message for that page.
        message: Option<FlashMessage>,
        /// Errors for that page.
        errors: Option<FormErrors>,
    },
    /// The action has succeeded, and the browser stays on the page.
    Stay {
        /// A message.
        message: FlashMessage,
        /// The affected user as they are now.
        user: Option<Box<UserRow>>,
    },
    /// The action was refused, and the browser stays on the page.
    Refused(FormErrors),
    /// The action was refused because the user has changed in the meantime. Scripts show the user as they are now.
    Stale(FormErrors, Box<UserRow>),
    /// The results of an action on several users. The browser stays on the page.
    Batch(BatchReport),
}

impl ActionResponse {
    /// Creates a redirect to `to` with a message.
    pub fn redirect_with(to: &str, message: FlashMessage) -> Self {
        Self::Redirect { to: to.to_owned(), message: Some(message), errors: None }
    }

    /// Creates a redirect to `to`.
    pub fn redirect(to: &str) -> Self {
        Self::Redirect { to: to.to_owned(), message: None, errors: None }
    }

    /// Creates a redirect to `to` with an error.
    pub fn refused_at(to: &str, code: ErrorCode) -> Self {
        Self::Redirect { to: to.to_owned(), message: None, errors: Some(FormErrors::of(code)) }
    }

    /// Creates a response that stays on the page with a message.
    pub fn stay(message: FlashMessage, user: Option<UserRow>) -> Self {
        Self::Stay { message, user: user.map(Box::new) }
    }
}
