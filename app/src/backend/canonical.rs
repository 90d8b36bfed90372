//! Which two addresses are the same.
//!
//! Guarantees: the canonical form is ASCII and lower-case, its domain in IDNA's A-label form (UTS 46). No Unicode
//! folding touches the local part, which is ASCII by parsing: `mıke@` never gets the mail of `mike@`.

use crate::domain::address::EmailAddress;

/// The canonical form; `None` where the domain has none (IDNA refuses it).
pub fn canonical(address: &EmailAddress) -> Option<String> {
    let domain = idna::domain_to_ascii_strict(address.domain()).ok()?;
    (!domain.is_empty()).then(|| format!("{}@{domain}", address.local_part().to_ascii_lowercase()))
}

/// Returns the mailbox of a canonical email address: the address without the tag of its local part (RFC 5233), since
/// `ada+1@` and `ada+2@` mostly reach one person. Limits count by it. It decides nothing about whose an email address is.
pub fn mailbox_of(canonical: &str) -> String {
    match canonical.rsplit_once('@').map(|(local, domain)| (local.split_once('+'), domain)) {
        Some((Some((user, _)), domain)) if !user.is_empty() => format!("{user}@{domain}"),
        _ => canonical.to_owned(),
    }
}

/// An address for somebody who judges by it: beside a domain that is not ASCII stands its A-label form, since letters of other
/// alphabets look alike.
pub fn told_apart(email: &str, canonical: &str) -> String {
    match canonical.rsplit_once('@') {
        Some((_, domain)) if !email.is_ascii() => format!("{email} ({domain})"),
        _ => email.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_that_looks_like_another_is_told_apart() {
        let told = |email: &str| told_apart(email, &canonical_of(email).expect("is one"));
        assert_eq!(told("z@\u{430}pple.com"), "z@\u{430}pple.com (xn--pple-43d.com)");
        assert_eq!(told("Ada@Example.com"), "Ada@Example.com");
        assert_eq!(canonical_of("n@ex\u{ad}ample.com"), None, "a hyphen that nobody sees");
    }

    fn canonical_of(text: &str) -> Option<String> {
        EmailAddress::parse(text).ok().as_ref().and_then(canonical)
    }

    #[test]
    fn addresses_that_differ_in_their_tag_are_one_mailbox() {
        for address in ["ada@example.com", "ada+1@example.com", "ada+a+b@example.com"] {
            assert_eq!(mailbox_of(address), "ada@example.com");
        }
        assert_eq!(mailbox_of("+ada@example.com"), "+ada@example.com");
        assert_ne!(mailbox_of("ada+x@example.com"), mailbox_of("ada@example.net"));
    }

    #[test]
    fn case_and_idna_forms_are_one_address() {
        assert_eq!(canonical_of("Ada@Example.COM").as_deref(), Some("ada@example.com"));
        assert_eq!(canonical_of("ada@Exämple.de").as_deref(), Some("ada@xn--exmple-cua.de"));
        assert_eq!(canonical_of("ada@xn--exmple-cua.de"), canonical_of("ada@exämple.de"));
    }

    #[test]
    fn a_domain_that_idna_refuses_has_no_canonical_form() {
        assert_eq!(canonical_of("ada@xn--a.example"), None);
    }
}
