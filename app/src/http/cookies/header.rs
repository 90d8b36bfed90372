//! The Cookie header of a request, read as bytes.
//!
//! # Guarantees
//!
//! - Cookies of other applications on the domain change nothing, whatever bytes they contain.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

/// Returns the name and the value of each cookie. Text without `=` is not a cookie.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    lines.flat_map(|line| line.split(|byte| *byte == b';')).filter_map(|pair| {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        Some((parts.next()?.trim_ascii(), parts.next()?.trim_ascii()))
    })
}

/// Returns the values of the cookies with this name. The portal writes only ASCII, so any other value is another application's.
pub(super) fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    cookies(headers)
        .filter(move |(found, _)| *found == name.as_bytes())
        .filter_map(|(_, value)| std::str::from_utf8(value).ok().filter(|value| is_plain(value.as_bytes())))
}

/// Returns the names of all cookies.
pub(super) fn names(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    cookies(headers).map(|(name, _)| name)
}

/// Removes all cookies except those whose name is accepted by `is_own`.
pub(super) fn retain(headers: &mut HeaderMap, is_own: impl Fn(&[u8]) -> bool) {
    if !headers.contains_key(COOKIE) {
        return;
    }
    let own = cookies(headers).filter(|(name, value)| is_own(name) && is_plain(value));
    let own: Vec<Vec<u8>> = own.map(|(name, value)| [name, value].join(&b'=')).collect();
    let line = HeaderValue::from_bytes(&own.join(&b"; "[..])).ok().filter(|line| !line.is_empty());
    headers.remove(COOKIE);
    if let Some(line) = line {
        headers.insert(COOKIE, line);
    }
}

/// Returns true if a value has only visible ASCII characters.
fn is_plain(value: &[u8]) -> bool {
    value.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns headers with these lines of cookies.
    fn headers(lines: &[&[u8]]) -> HeaderMap {
        let line = |line: &&[u8]| (COOKIE, HeaderValue::from_bytes(line).expect("a header"));
        lines.iter().map(line).collect()
    }

    #[test]
    fn a_cookie_is_found_between_cookies_with_any_bytes() {
        for lines in [
            &[&b"session=abc; theme=dark"[..]][..],
            &[&b"other=Zo\xc3\xab; session=abc; theme=dark"[..]][..],
            &[&b"session=abc; other=Zo\xeb;theme=dark"[..]][..],
            &[&b"other=\xff\xfe"[..], &b"session=abc"[..], &b"theme=dark"[..]][..],
            &[&b"; ;=x; other; session =abc;\ttheme= dark ;;"[..]][..],
            &[&b"session=\xeb; session=abc; mysession=x; sessions=y; theme=dark; Theme=light"[..]][..],
        ] {
            let mut headers = headers(lines);
            assert_eq!(values(&headers, "session").collect::<Vec<_>>(), ["abc"], "{headers:?}");
            retain(&mut headers, |name| matches!(name, b"session" | b"theme"));
            assert_eq!(headers.get_all(COOKIE).iter().collect::<Vec<_>>(), ["session=abc; theme=dark"]);
        }
    }

    #[test]
    fn a_header_without_our_cookies_is_removed() {
        for line in [&b"other=Zo\xeb"[..], b"session", b"", b"session=\xff"] {
            let mut headers = headers(&[line]);
            retain(&mut headers, |name| name == b"session");
            assert!(headers.is_empty(), "{headers:?}");
        }
    }
}
