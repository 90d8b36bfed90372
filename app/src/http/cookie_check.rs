//! The check that a browser keeps cookies. Without cookies no one can sign in, and no message reaches the next page.
//!
//! # Guarantees
//!
//! - The page of a checked form sets a cookie. A form that is sent without any cookie is refused before its action begins, with an
//!   error on its own page.
//! - That page shows the error only to a browser that still sends no cookie.

/// The name of the hidden field that marks a checked form.
pub const COOKIE_CHECK_FIELD: &str = "cookies";
/// The value of the hidden field.
pub const COOKIE_CHECK_VALUE: &str = "needed";
/// The query parameter with which the page of a checked form shows the error.
const ERROR_PARAMETER: &str = "cookies=none";

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

/// Returns the URL of `page` (path and query) with the parameter for the error.
pub(super) fn page_with_error(page: &str) -> String {
    let separator = if page.contains('?') { '&' } else { '?' };
    format!("{page}{separator}{ERROR_PARAMETER}")
}

/// Returns true if the URL (path and query) has the parameter for the error.
pub fn asks_for_error(path_and_query: &str) -> bool {
    let query = path_and_query.split_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|pair| pair == ERROR_PARAMETER)
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

    #[test]
    fn the_error_is_a_parameter_of_the_page() {
        for page in ["/login", "/login?next=%2Fprofile"] {
            assert!(!asks_for_error(page), "{page}");
            assert!(asks_for_error(&page_with_error(page)), "{page}");
        }
        assert!(!asks_for_error("/login?next=cookies=none"));
    }
}
