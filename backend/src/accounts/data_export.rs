//! The data export: all data of an account as JSON, for its owner.
//!
//! # Guarantees
//!
//! - The export contains only data of the current user, with the restrictions of [`accounts::profile`](crate::accounts::profile).
//! - It contains everything that the person and administrators have written about the registration and the account: answers,
//!   questions, reasons and notes.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};

use crate::Backend;
use crate::accounts::profile::{AccountActivity, read_activity};
use crate::audit::Action;
use crate::entity::{decision, question, registration};
use crate::error::{ErrorContext, InternalError};
use crate::microsoft::identity_lookup::find_identity;
use crate::sessions::CurrentUser;
use domain::status::UserId;
use domain::time::rfc3339;
use domain::view_models::{ActivityRow, SessionRow};

/// The maximum number of audit log entries in the export: enough for years of a busy account.
const EXPORTED_ENTRIES: u64 = 10_000;

/// Returns all data that the portal stores about the current user.
pub async fn export_data(backend: &Backend, current_user: &CurrentUser) -> Result<Value, InternalError> {
    let AccountActivity { sessions, entries } =
        read_activity(backend, current_user, EXPORTED_ENTRIES).await?;
    let identity = find_identity(backend.db.pool(), current_user.user_id).await?;
    let registration = read_registration(backend, current_user.user_id).await?;
    let questions = read_questions(backend, current_user.user_id).await?;
    let decisions = read_decisions(backend, current_user.user_id).await?;
    let sessions: Vec<Value> = sessions.into_iter().map(session_value).collect();
    let entries: Vec<Value> = entries.into_iter().map(entry_value).collect();
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
        "registration": registration,
        "questions": questions,
        "decisions": decisions,
        "sessions": sessions,
        "history": entries,
    }))
}

fn session_value(session: SessionRow) -> Value {
    json!({
        "browser": session.browser,
        "address": session.ip_address,
        "opened": rfc3339(session.created_at),
        "last_seen": rfc3339(session.last_seen),
        "shared_computer": session.shared,
        "current": session.is_current,
    })
}

fn entry_value(entry: ActivityRow) -> Value {
    json!({
        "at": rfc3339(entry.at),
        "what": entry.description,
        "by": entry.actor,
        "address": entry.ip_address,
    })
}

async fn read_registration(backend: &Backend, user_id: UserId) -> Result<Value, InternalError> {
    let row = registration::Entity::find_by_id(user_id)
        .one(backend.db.pool())
        .await
        .context("read a registration for the export")?;
    Ok(row.map_or(Value::Null, |row| {
        json!({
            "at": rfc3339(row.created_at),
            "address": row.client_ip,
            "question": row.question,
            "answer": row.answer,
        })
    }))
}

async fn read_questions(backend: &Backend, user_id: UserId) -> Result<Vec<Value>, InternalError> {
    let rows = question::Entity::find()
        .filter(question::Column::UserId.eq(user_id))
        .order_by_asc(question::Column::Id)
        .all(backend.db.pool())
        .await
        .context("read questions for the export")?;
    let to_value = |row: question::Model| {
        json!({
            "at": rfc3339(row.asked_at),
            "question": row.question,
            "answer": row.answer,
            "answered": row.answered_at.map(rfc3339),
            "withdrawn": row.withdrawn_at.map(rfc3339),
        })
    };
    Ok(rows.into_iter().map(to_value).collect())
}

async fn read_decisions(backend: &Backend, user_id: UserId) -> Result<Vec<Value>, InternalError> {
    let rows = decision::Entity::find()
        .filter(decision::Column::UserId.eq(user_id))
        .order_by_asc(decision::Column::Id)
        .all(backend.db.pool())
        .await
        .context("read decisions for the export")?;
    let to_value = |row: decision::Model| {
        json!({
            "at": rfc3339(row.decided_at),
            "what": row.action.known().map_or_else(
                || row.action.as_str().to_owned(),
                |action| Action::Admin(action).message().to_owned(),
            ),
            "reason": row.reason,
            "note": row.note,
            "undone": row.undone_at.map(rfc3339),
        })
    };
    Ok(rows.into_iter().map(to_value).collect())
}
