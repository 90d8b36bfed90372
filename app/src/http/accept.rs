//! The Accept header of a request.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// Returns true if a client asks for JSON rather than for a page, as the portal's scripts do. A client that accepts anything
/// (`*/*`) or says nothing gets a page: it may be a small browser, or sit behind a proxy that rewrites the header.
pub fn asks_for_json(headers: &HeaderMap) -> bool {
    quality(headers, "application/json") > quality(headers, "text/html")
}

/// Returns the quality (RFC 9110, 12.4.2) of a media type that the Accept header names, or 0 if the header does not name it.
fn quality(headers: &HeaderMap, media_type: &str) -> f32 {
    let lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let qualities = lines.flat_map(|line| line.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        parts.next().filter(|name| name.eq_ignore_ascii_case(media_type))?;
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        Some(quality.map_or(1.0, |quality| quality.parse().unwrap_or(0.0)))
    });
    qualities.fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_a_client_that_names_json_asks_for_json() {
        for (accept, expected) in [
            ("application/json", true),
            ("Application/JSON", true),
            ("application/json, text/plain, */*", true),
            ("text/html;q=0.5, application/json", true),
            ("*/*", false),
            ("", false),
            ("text/html,application/xhtml+xml,*/*;q=0.8", false),
            ("text/html, application/json", false),
            ("application/json;q=0, */*", false),
            ("application/json;q=0.1,text/html;q=0.2", false),
            ("application/*", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(asks_for_json(&headers), expected, "{accept}");
        }
        assert!(!asks_for_json(&HeaderMap::new()));
    }
}
