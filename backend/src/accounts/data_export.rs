//! The data export: all data of an account as JSON, for its owner.
//!
//! # Guarantees
//!
//! - The export contains only data of the current user, with the restrictions of [`accounts::profile`](crate::accounts::profile).

use serde_json::{Value, json};

use crate::Backend;
use crate::accounts::profile::{AccountActivity, read_activity};
use crate::error::InternalError;
use crate::microsoft::identity_lookup::find_identity;
use crate::sessions::CurrentUser;
use domain::time::rfc3339;

/// The maximum number of audit log entries in the export: enough for years of a busy account.
const EXPORTED_ENTRIES: u64 = 10_000;

/// Returns all data that the portal stores about the current user.
pub async fn export_data(backend: &Backend, current_user: &CurrentUser) -> Result<Value, InternalError> {
    let AccountActivity { sessions, entries } =
        read_activity(backend, current_user, EXPORTED_ENTRIES).await?;
    let identity = find_identity(backend.db.pool(), current_user.user_id).await?;
    let sessions: Vec<Value> = sessions
        .into_iter()
        .map(|session| {
            json!({
                "browser": session.browser,
                "address": session.ip_address,
                "opened": rfc3339(session.created_at),
                "last_seen": rfc3339(session.last_seen),
                "shared_computer": session.shared,
                "current": session.is_current,
            })
        })
        .collect();
    let entries: Vec<Value> = entries
        .into_iter()
        .map(|entry| {
            json!({
                "at": rfc3339(entry.at),
                "what": entry.description,
                "by": entry.actor,
                "address": entry.ip_address,
            })
        })
        .collect();
    Ok(json!({
        "portal": backend.settings.portal_name,
        "generated_at": rfc3339(backend.now()),
        "account": {
            "username": current_user.username,
            "email": current_user.email,
            "email_confirmed": current_user.email_confirmed_at.map(rfc3339),
            "role": current_user.role,
            "registered": rfc3339(current_user.registered),
            "last_sign_in": rfc3339(current_user.last_sign_in),
            "has_password": current_user.has_password,
        },
        "microsoft": identity.map(|identity| json!({
            "name": identity.label,
            "tenant": identity.tid,
            "object": identity.oid,
            "linked": rfc3339(identity.linked_at),
        })),
        "sessions": sessions,
        "history": entries,
    }))
}
