//! URLs of the portal's own pages.

use url::form_urlencoded::byte_serialize;

use domain::return_to::ReturnTo;
use domain::saved_reason::ReasonUse;

/// The page on which an applicant answers a question without the link from its email.
pub const QUESTION_PAGE: &str = "/register/answer";
/// The page that shows the status of a registration.
pub const STATUS_PAGE: &str = "/register/status";

/// Returns the URL of the sign-in page, which leads to `return_to` after the sign-in.
pub fn login_page(return_to: Option<&ReturnTo>) -> String {
    return_to.map_or_else(|| "/login".to_owned(), |page| format!("/login?next={}", escape(page.as_str())))
}

/// Returns the URL of a token's page below `base`, without characters that cannot be in a token.
pub fn token_page(base: &str, token: &str) -> String {
    let token: String =
        token.chars().take(64).filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    format!("{base}/{token}")
}

/// Returns the URL of the page on which an applicant answers a question, with or without the token of its link.
pub fn question_page(token: &str) -> String {
    if token.is_empty() { QUESTION_PAGE.to_owned() } else { token_page("/answer", token) }
}

/// Returns the URL of a page with the form of a saved reason, on which the decision `used_for` is chosen.
pub fn page_with_use(page: &str, used_for: &str) -> String {
    ReasonUse::from_slug(used_for)
        .map_or_else(|| page.to_owned(), |used_for| format!("{page}?for={}", used_for.slug()))
}

/// Escapes text for the query of a URL.
pub fn escape(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// Returns the admin page (path and query) that a form names as the page to return to, or the list of people for any other page.
pub fn admin_page(from: &str) -> String {
    let page = ReturnTo::parse(from).filter(|page| page.as_str().starts_with("/admin"));
    page.map_or_else(|| "/admin".to_owned(), |page| page.as_str().to_owned())
}

/// Returns the list to which an admin page leads after a decision: the same place in the list of people, which the page of one
/// user does not know.
pub fn list_page(page: &str) -> &str {
    if page.starts_with("/admin/") { "/admin" } else { page }
}
