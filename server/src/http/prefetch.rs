//! Prefetching: browsers fetch pages in advance, which the person may never open.

use axum::http::HeaderMap;

/// The headers by which browsers announce a prefetch or a preview: Sec-Purpose (<https://fetch.spec.whatwg.org/#sec-purpose-header>),
/// and those of older browsers.
const HEADERS: [&str; 4] = ["sec-purpose", "purpose", "x-purpose", "x-moz"];

/// Returns true if a browser fetches the page in advance.
pub fn is_prefetch(headers: &HeaderMap) -> bool {
    let values = HEADERS.iter().flat_map(|name| headers.get_all(*name));
    values.filter_map(|value| value.to_str().ok()).any(|value| {
        let value = value.to_ascii_lowercase();
        ["prefetch", "prerender", "preview"].iter().any(|purpose| value.contains(purpose))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    #[test]
    fn a_prefetch_is_recognised_in_every_browser() {
        for (name, value) in [
            ("sec-purpose", "prefetch"),
            ("sec-purpose", "prefetch;prerender"),
            ("sec-purpose", "prefetch;anonymous-client-ip"),
            ("purpose", "prefetch"),
            ("x-purpose", "preview"),
            ("x-moz", "prefetch"),
        ] {
            let header = (HeaderName::from_static(name), HeaderValue::from_static(value));
            assert!(is_prefetch(&HeaderMap::from_iter([header])), "{name}: {value}");
        }
        let other = (HeaderName::from_static("sec-fetch-mode"), HeaderValue::from_static("navigate"));
        assert!(!is_prefetch(&HeaderMap::from_iter([other])));
    }
}
