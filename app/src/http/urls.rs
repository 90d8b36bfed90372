//! URLs of the portal's own pages.

use url::form_urlencoded::byte_serialize;

use domain::return_to::ReturnTo;

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

/// Escapes text for the query of a URL.
pub fn escape(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}
