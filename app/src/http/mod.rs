//! HTTP on the server: the request context, cookies, the action runner and its responses.

mod accept;
mod action;
mod cookie_check;
mod cookies;
mod page_form;
mod remember;
mod request_context;
mod response;
mod urls;

pub use crate::http::accept::asks_for_json;
pub use crate::http::action::{Action, ActionContext, ActionStop, action};
pub(crate) use crate::http::cookie_check::find_proof;
pub use crate::http::cookie_check::{COOKIE_CHECK_FIELD, COOKIE_CHECK_VALUE, CheckedForm};
pub use crate::http::cookies::{CookieJar, Flash, FlashId, KnownBrowsers, SESSION, SavedInput, Theme};
pub use crate::http::page_form::PageForm;
pub use crate::http::request_context::RequestContext;
pub use crate::http::response::{ActionResponse, REFERENCE};
pub use crate::http::urls::{escape, login_page, token_page};
