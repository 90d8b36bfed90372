//! The preview of an email on the page of a decision.

use backend::admin::decisions::PreviewedEmail;

/// The email that the form of this request would send; `None` if it would send none.
#[derive(Clone, Debug)]
pub struct EmailPreview(pub Option<PreviewedEmail>);
