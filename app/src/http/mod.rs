//! HTTP on the server: the request context, cookies, the action runner and its responses.

mod accept;
mod action;
mod cookie_check;
mod cookies;
mod email_preview;
mod page_form;
mod remember;
mod request_context;
mod response;
mod shown_registration;
mod urls;

pub use crate::http::accept::asks_for_json;
pub use crate::http::action::{Action, ActionContext, ActionStop, action};
pub(crate) use crate::http::cookie_check::find_proof;
pub use crate::http::cookie_check::{COOKIE_CHECK_FIELD, COOKIE_CHECK_VALUE, CheckedForm};
pub use crate::http::cookies::{
    CookieJar, Flash, FlashId, KnownBrowsers, SESSION, SavedInput, Theme, VerifiedUser,
};
pub use crate::http::email_preview::EmailPreview;
pub use crate::http::page_form::PageForm;
pub use crate::http::request_context::RequestContext;
pub use crate::http::response::{ActionResponse, REFERENCE};
pub use crate::http::shown_registration::refuse_other_registration;
pub use crate::http::urls::{
    QUESTION_PAGE, STATUS_PAGE, admin_page, escape, list_page, login_page, page_with_use, question_page,
    token_page,
};
