//! Removes sensitive words from the reasons that servers give.

/// Returns a server's reason without words that may be sensitive, for the log and the database. Servers quote recipients, and may
/// quote other parts of an email or a request. The sender is not secret, and the reason may be about it.
pub(super) fn redact(reason: &str, sender: &str) -> String {
    let words: Vec<&str> = reason
        .split(char::is_whitespace)
        .map(|word| {
            let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
            if looks_sensitive(word) && !bare.eq_ignore_ascii_case(sender) { "…" } else { word }
        })
        .collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(300).collect()
}

/// Returns true if a word may be an email address, a URL or a secret. Our secrets have at least 26 characters and contain digits.
fn looks_sensitive(word: &str) -> bool {
    let is_secret = word
        .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '/' | '=')))
        .any(|run| run.len() >= 20 && run.bytes().any(|byte| byte.is_ascii_digit()));
    is_secret || word.contains('@') || word.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_addresses_urls_and_secrets_in_a_reason_are_removed() {
        for (reason, expected) in [
            ("550 no such user Ada.Lovelace@Example.org here", "550 no such user … here"),
            ("bad link http://127.0.0.1/confirm/x, sorry", "bad link … sorry"),
            ("refused: Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6.x", "refused: Bearer …"),
            ("refused 7K3MZ-92QPD-X4N8W-H6TRB-V1YCE-J", "refused …"),
            (
                "Graph answered 403 ErrorExceededMessageLimit: no",
                "Graph answered 403 ErrorExceededMessageLimit: no",
            ),
        ] {
            assert_eq!(redact(reason, "portal@example.org"), expected);
        }
        let sender = "The user 'Portal@example.org' is invalid.";
        assert_eq!(redact(sender, "portal@example.org"), sender);
        assert_eq!(redact(&"long ".repeat(100), "portal@example.org").len(), 300);
    }
}
