//! The canonical form of email addresses, which decides whether two of them are the same.
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
    let domain = idna::domain_to_ascii_strict(email.domain()).ok()?;
    (!domain.is_empty()).then(|| format!("{}@{domain}", email.local_part().to_ascii_lowercase()))
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
        assert_eq!(canonical_of("n@ex\u{ad}ample.com"), None, "a hyphen that nobody sees");
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
    fn a_domain_that_idna_rejects_has_no_canonical_form() {
        assert_eq!(canonical_of("ada@xn--a.example"), None);
    }
}
