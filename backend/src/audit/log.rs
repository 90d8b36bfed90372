//! Writing the audit log.
//!
//! # Guarantees
//!
//! - A row is written in the transaction of the change that it reports.
//! - Erasing names removes the username and the IP address of deleted users from every row, and keeps their user ids.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::Actor;
use crate::entity::audit::{self, Action};
use crate::error::{ErrorContext, InternalError};
use domain::status::UserId;
use domain::time::Timestamp;

/// Returns the row that records that `actor` did `action` to `subject` (user id and username).
pub fn audit_row(
    action: Action,
    actor: &Actor,
    subject: Option<(UserId, &str)>,
    now: Timestamp,
) -> audit::ActiveModel {
    audit::ActiveModel {
        id: ActiveValue::NotSet,
        at: ActiveValue::Set(now),
        action: ActiveValue::Set(action.into()),
        actor_id: ActiveValue::Set(actor.id),
        actor_name: ActiveValue::Set(text_or_null(&actor.name)),
        subject_id: ActiveValue::Set(subject.map(|(id, _)| id)),
        subject_name: ActiveValue::Set(subject.and_then(|(_, name)| text_or_null(name))),
        client_ip: ActiveValue::Set(text_or_null(&actor.client_ip)),
        detail: ActiveValue::Set(None),
    }
}

/// Returns no text for an empty one: the cleanup acts without a name and an IP address.
fn text_or_null(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Inserts a row.
pub async fn insert_audit_row(
    db: &impl ConnectionTrait,
    row: audit::ActiveModel,
) -> Result<(), InternalError> {
    audit::Entity::insert(row).exec_without_returning(db).await.context("write to the audit log")?;
    Ok(())
}

/// Inserts the row that records that `actor` did `action` to `subject`.
pub async fn insert_audit(
    db: &impl ConnectionTrait,
    action: Action,
    actor: &Actor,
    subject: Option<(UserId, &str)>,
    now: Timestamp,
) -> Result<(), InternalError> {
    insert_audit_row(db, audit_row(action, actor, subject, now)).await
}

/// Inserts the row that records that `actor` did `action` to `subject`, with numbers and codes about the action.
pub async fn insert_audit_with_detail(
    db: &impl ConnectionTrait,
    action: Action,
    actor: &Actor,
    subject: Option<(UserId, &str)>,
    detail: String,
    now: Timestamp,
) -> Result<(), InternalError> {
    let detail = ActiveValue::Set(Some(detail));
    insert_audit_row(db, audit::ActiveModel { detail, ..audit_row(action, actor, subject, now) }).await
}

/// Empties the names and IP addresses of these users, who are being deleted. The rows keep only their user ids.
pub async fn erase_names(db: &impl ConnectionTrait, user_ids: &[UserId]) -> Result<(), InternalError> {
    let nothing = || Expr::value(Option::<String>::None);
    audit::Entity::update_many()
        .col_expr(audit::Column::SubjectName, nothing())
        .filter(audit::Column::SubjectId.is_in(user_ids.iter().copied()))
        .exec(db)
        .await
        .context("erase the subject from the audit log")?;
    // The IP address of a visitor who acted on the account, such as the owner of a mistyped email address.
    audit::Entity::update_many()
        .col_expr(audit::Column::ClientIp, nothing())
        .filter(audit::Column::SubjectId.is_in(user_ids.iter().copied()))
        .filter(audit::Column::ActorId.is_null())
        .exec(db)
        .await
        .context("erase IP addresses from the audit log")?;
    audit::Entity::update_many()
        .col_expr(audit::Column::ActorName, nothing())
        .col_expr(audit::Column::ClientIp, nothing())
        .filter(audit::Column::ActorId.is_in(user_ids.iter().copied()))
        .exec(db)
        .await
        .context("erase the actor from the audit log")?;
    Ok(())
}
