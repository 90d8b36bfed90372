//! The check that a browser keeps cookies. Without cookies no one can sign in, and no message reaches the next page.
//!
//! # Guarantees
//!
//! - The page of a checked form sets a cookie. A form that is sent without any cookie is refused before its action begins, with an
//!   error on its own page.
//! - The refusal sets a cookie. The form's page shows the error only to a browser that does not send it back.
//! - A link from elsewhere shows no error: the URL has a sealed proof, for one client IP and for a minute.

use axum::http::request::Parts;
use url::form_urlencoded;

use crate::http::urls::escape;

/// The name of the hidden field that marks a checked form.
pub const COOKIE_CHECK_FIELD: &str = "cookies";
/// The value of the hidden field.
pub const COOKIE_CHECK_VALUE: &str = "needed";
/// The query parameter with which the page of a checked form shows the error.
const ERROR_PARAMETER: &str = "cookies";

/// Marks a request that has sent a checked form.
#[derive(Clone, Copy, Debug)]
pub struct CheckedForm;

impl CheckedForm {
    /// Returns the mark if the body is a checked form.
    pub fn find(body: &[u8]) -> Option<Self> {
        let field = format!("{COOKIE_CHECK_FIELD}={COOKIE_CHECK_VALUE}");
        body.split(|byte| *byte == b'&').any(|pair| pair == field.as_bytes()).then_some(Self)
    }
}

/// Returns the URL of `page` (path and query) with the parameter for the error. `proof` shows that the portal has made the URL.
pub(super) fn page_with_error(page: &str, proof: &str) -> String {
    let separator = if page.contains('?') { '&' } else { '?' };
    format!("{page}{separator}{ERROR_PARAMETER}={}", escape(proof))
}

/// Returns the proof in the URL of a request that asks for the error, unless a link of another website has led to it.
pub(crate) fn find_proof(parts: &Parts) -> Option<String> {
    let from_elsewhere = parts.headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
    let query = parts.uri.query().filter(|_| !from_elsewhere)?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == ERROR_PARAMETER).map(|(_, proof)| proof.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checked_form_has_the_field_with_its_value() {
        for (body, is_checked) in [
            ("cookies=needed", true),
            ("username=ada&cookies=needed&password=x", true),
            ("username=cookies=needed", false),
            ("xcookies=needed", false),
            ("cookies=", false),
            ("", false),
        ] {
            assert_eq!(CheckedForm::find(body.as_bytes()).is_some(), is_checked, "{body}");
        }
    }

    fn proof_at(url: &str, fetch_site: Option<&str>) -> Option<String> {
        let request = axum::http::Request::get(url);
        let request =
            fetch_site.iter().fold(request, |request, site| request.header("sec-fetch-site", *site));
        find_proof(&request.body(()).expect("a request").into_parts().0)
    }

    #[test]
    fn the_error_is_a_parameter_of_the_page() {
        for page in ["/login", "/login?next=%2Fprofile", "/login?next=cookies=none"] {
            assert_eq!(proof_at(page, None), None, "{page}");
            let with_error = page_with_error(page, "a+b/c=");
            assert_eq!(proof_at(&with_error, None).as_deref(), Some("a+b/c="), "{with_error}");
            assert_eq!(proof_at(&with_error, Some("same-origin")).as_deref(), Some("a+b/c="), "{with_error}");
            assert_eq!(proof_at(&with_error, Some("cross-site")), None, "{with_error}");
        }
    }
}
