//! The blocked identities of an account before a decision, so that undoing it restores them.
//!
//! # Guarantees
//!
//! - The text in the database has reasons and times only, no hashes.
//! - Only the identities that the decision has touched are restored.

use crate::Backend;
use crate::admin::decisions::confirmed_email;
use crate::entity::blocked_identity::{self, BlockReason};
use crate::entity::open_enum::OpenEnum;
use crate::entity::{decision, user};
use crate::error::InternalError;
use crate::infra::database::WriteTransaction;
use crate::microsoft::identity_lookup::find_identity;
use domain::time::Timestamp;

/// An entry of `blocked_identities` without its hash.
type Entry = (OpenEnum<BlockReason>, Timestamp);

/// Returns the text about the entries of the user's confirmed email address and Microsoft identity, as far as there are such.
pub(super) async fn read_blocked(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
) -> Result<Option<String>, InternalError> {
    let mut parts = Vec::new();
    if let Some(email) = confirmed_email(user) {
        let entry = backend.blocked_identities.find(&**txn, email).await?;
        parts.push(format!("email={}", entry_text(entry)));
    }
    if let Some(identity) = find_identity(&**txn, user.id).await? {
        let blocked = &backend.blocked_identities;
        let entry = blocked.find_identity(&**txn, &identity.tid, &identity.oid).await?;
        parts.push(format!("identity={}", entry_text(entry)));
    }
    Ok((!parts.is_empty()).then(|| parts.join(" ")))
}

/// Restores the entries that the decision has changed.
pub(super) async fn restore_blocked(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    decision: &decision::Model,
) -> Result<(), InternalError> {
    let text = decision.blocked_before.as_deref().unwrap_or_default();
    let before = |name: &str| text.split(' ').find_map(|part| part.strip_prefix(name)).map(parse_entry);
    if let (Some(entry), Some(email)) = (before("email="), confirmed_email(user)) {
        backend.blocked_identities.restore(&**txn, email, entry).await?;
    }
    if let (Some(entry), Some(identity)) = (before("identity="), find_identity(&**txn, user.id).await?) {
        let blocked = &backend.blocked_identities;
        blocked.restore_identity(&**txn, &identity.tid, &identity.oid, entry).await?;
    }
    Ok(())
}

fn entry_text(entry: Option<blocked_identity::Model>) -> String {
    entry.map_or_else(
        || "none".to_owned(),
        |entry| format!("{}@{}", entry.reason.as_str(), entry.created_at.0),
    )
}

fn parse_entry(text: &str) -> Option<Entry> {
    let (reason, created_at) = text.split_once('@')?;
    Some((OpenEnum::parse(reason.to_owned()), Timestamp(created_at.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_as_it_is_written() {
        let row = blocked_identity::Model {
            hash: "h".to_owned(),
            reason: BlockReason::Unlinked.into(),
            created_at: Timestamp(7),
        };
        let text = entry_text(Some(row));
        assert_eq!(text, "unlinked@7");
        assert_eq!(parse_entry(&text), Some((BlockReason::Unlinked.into(), Timestamp(7))));
        assert_eq!(parse_entry(&entry_text(None)), None);
    }
}
