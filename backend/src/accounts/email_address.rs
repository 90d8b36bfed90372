//! The canonical form of email addresses, which decides whether two of them are the same, and the form that mail servers accept.
//!
//! # Guarantees
//!
//! - The canonical form is ASCII and lower-case, with the domain in IDNA's A-label form (UTS 46).
//! - The local part is ASCII by parsing and is never case-folded as Unicode: `mıke@` never gets an email for `mike@`.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::entity::user;
use crate::error::{ErrorContext, InternalError};
use domain::email_address::EmailAddress;
use domain::status::Status;

/// Returns the canonical form, or `None` if IDNA rejects the domain.
pub fn canonical(email: &EmailAddress) -> Option<String> {
    ascii_form(email).map(|ascii| ascii.to_ascii_lowercase())
}

/// Returns the email address as every mail server accepts it, or `None` if IDNA rejects the domain: with the local part as typed,
/// and the domain in ASCII. Only servers with the extension SMTPUTF8 accept other domains. Full-width letters, digits and dots
/// become ASCII.
pub fn ascii_form(email: &EmailAddress) -> Option<String> {
    let domain = idna::domain_to_ascii_strict(email.domain()).ok()?;
    // The result may be longer, or end with a number.
    let ascii = EmailAddress::parse(&format!("{}@{domain}", email.local_part())).ok()?;
    Some(ascii.as_str().to_owned())
}

/// Returns the mailbox of a canonical email address: the email address without the tag of its local part (RFC 5233), because
/// `ada+1@` and `ada+2@` usually reach the same person. Rate limits count by mailbox. Ownership does not depend on it.
pub fn mailbox_of(canonical: &str) -> String {
    match canonical.rsplit_once('@').map(|(local, domain)| (local.split_once('+'), domain)) {
        Some((Some((user, _)), domain)) if !user.is_empty() => format!("{user}@{domain}"),
        _ => canonical.to_owned(),
    }
}

/// Returns the email address as administrators see it. A domain that is not ASCII is followed by its A-label form, because
/// letters of different alphabets look alike.
pub fn display_email(email: &str, canonical: &str) -> String {
    match canonical.rsplit_once('@') {
        Some((_, domain)) if !email.is_ascii() => format!("{email} ({domain})"),
        _ => email.to_owned(),
    }
}

/// Returns true if an account that is not rejected has confirmed this email address.
pub async fn is_known(db: &impl ConnectionTrait, email_canonical: &str) -> Result<bool, InternalError> {
    let known = user::Entity::find()
        .filter(user::Column::EmailCanonical.eq(email_canonical))
        .filter(user::Column::EmailConfirmedAt.is_not_null())
        .filter(user::Column::Status.ne(Status::Rejected))
        .count(db)
        .await
        .context("find the email address")?;
    Ok(known > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_that_looks_like_another_is_shown_with_its_ascii_form() {
        let shown = |email: &str| display_email(email, &canonical_of(email).expect("is one"));
        assert_eq!(shown("z@\u{430}pple.com"), "z@\u{430}pple.com (xn--pple-43d.com)");
        assert_eq!(shown("Ada@Example.com"), "Ada@Example.com");
    }

    fn canonical_of(text: &str) -> Option<String> {
        EmailAddress::parse(text).ok().as_ref().and_then(canonical)
    }

    #[test]
    fn email_addresses_that_differ_only_in_their_tag_share_a_mailbox() {
        for email in ["ada@example.com", "ada+1@example.com", "ada+a+b@example.com"] {
            assert_eq!(mailbox_of(email), "ada@example.com");
        }
        assert_eq!(mailbox_of("+ada@example.com"), "+ada@example.com");
        assert_ne!(mailbox_of("ada+x@example.com"), mailbox_of("ada@example.net"));
    }

    #[test]
    fn email_addresses_that_differ_only_in_case_or_idna_form_are_the_same() {
        assert_eq!(canonical_of("Ada@Example.COM").as_deref(), Some("ada@example.com"));
        assert_eq!(canonical_of("ada@Exämple.de").as_deref(), Some("ada@xn--exmple-cua.de"));
        assert_eq!(canonical_of("ada@xn--exmple-cua.de"), canonical_of("ada@exämple.de"));
    }

    #[test]
    fn an_invisible_character_makes_no_other_email_address() {
        for text in ["n@ex\u{ad}ample.com", "\u{feff}n@example.\u{2060}com", "n\u{200b}@example.com"] {
            assert_eq!(canonical_of(text).as_deref(), Some("n@example.com"), "{text:?}");
        }
        let (with_joiner, without) =
            ("n@\u{646}\u{647}\u{200c}\u{627}.example", "n@\u{646}\u{647}\u{627}.example");
        assert_ne!(canonical_of(with_joiner), canonical_of(without), "a joiner can belong to a domain");
    }

    #[test]
    fn full_width_characters_of_a_domain_become_ascii() {
        for domain in [
            "\u{ff45}\u{ff58}\u{ff41}\u{ff4d}\u{ff50}\u{ff4c}\u{ff45}.org",
            "example\u{ff0e}org",
            "example\u{3002}org",
            "example\u{ff61}\u{ff2f}\u{ff32}\u{ff27}",
        ] {
            assert_eq!(
                canonical_of(&format!("ada@{domain}")).as_deref(),
                Some("ada@example.org"),
                "{domain}"
            );
        }
        let long_label = "\u{ff41}".repeat(60);
        assert!(canonical_of(&format!("ada@{long_label}.org")).is_some(), "its ASCII form has 60 bytes");
    }

    #[test]
    fn the_ascii_form_keeps_the_local_part_as_typed() {
        let ascii = |email: &str| EmailAddress::parse(email).ok().as_ref().and_then(ascii_form);
        assert_eq!(ascii("Info@M\u{fc}ller.de").as_deref(), Some("Info@xn--mller-kva.de"));
        assert_eq!(ascii("Info@Example.ORG").as_deref(), Some("Info@example.org"));
    }

    #[test]
    fn a_domain_whose_ascii_form_is_no_domain_has_no_canonical_form() {
        let long = format!("ada@{}.org", "\u{fc}".repeat(60));
        for email in [
            "ada@xn--a.example",
            "ada@127.0.0.\u{ff11}",
            "ada@a\u{ff0f}b.org",
            "ada@a\u{ff20}b.org",
            long.as_str(),
        ] {
            assert_eq!(canonical_of(email), None, "{email}");
        }
    }
}
