//! Only paths that mean the same to everybody.
//!
//! Guarantees: no path reaches routing, the gate or a page that any of them could read differently. The router matches
//! the path as it was sent, while the page's own router reads it as browsers do (`\\` is `/`, `..` and `%2e%2e` go up):
//! `/confirm/..\\admin` would be one page here and another there. Our addresses need letters, digits and `- . _ ~` alone,
//! so whatever has anything else, a dot segment or a segment longer than a file's name can be is not found. Nor is what
//! begins with a dot, but for `/.well-known`: a file like that is in the folder by mistake.

/// Longest part of a path, in bytes: the longest file name of usual file systems.
const MAX_SEGMENT: usize = 255;

/// Whether this is such a path.
pub fn is_plain(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    path.strip_prefix('/').is_some_and(|path| {
        path.split('/').enumerate().all(|(place, part)| {
            let hidden = part.starts_with('.') && !(place == 0 && part == ".well-known");
            part.bytes().all(plain) && !hidden && part.len() <= MAX_SEGMENT
        })
    }) && !path.contains("//")
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn our_own_addresses_are_plain() {
        for path in
            ["/", "/admin/users/7", "/confirm/AwY-DiV_b", "/pkg/vestibule.-2G.wasm", "/.well-known/x", "/a/"]
        {
            assert!(is_plain(path), "{path}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not() {
        let long = format!("/{}", "a".repeat(256));
        for path in [
            "",
            "*",
            "//admin",
            "/confirm/..\\admin",
            "/confirm/../admin",
            "/confirm/%2e%2e/admin",
            "/a/./b",
            "/%61dmin",
            "/a%2fb",
            "/a;b",
            "/\u{e4}",
            "/a b",
            "/.git/HEAD",
            "/.env",
            "/pkg/.hidden",
            "/a/.well-known",
            &long,
        ] {
            assert!(!is_plain(path), "{path}");
        }
    }
}
