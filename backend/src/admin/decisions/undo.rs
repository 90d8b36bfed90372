//! Undoing a decision.
//!
//! # Guarantees
//!
//! - One transaction undoes the decision, its email and its change of the account, each by one conditional UPDATE.
//! - If one of them comes too late, nothing changes, and the error gives the reason.
//! - The status is as before, the links of the decision no longer work, and its email is not sent. Sessions that have ended stay
//!   ended.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::Backend;
use crate::accounts::last_admin::count_admins;
use crate::accounts::registration::unique_violation_error;
use crate::admin::decisions::ask::find_question;
use crate::admin::decisions::restore::restore_side_effects;
use crate::admin::decisions::{account_state, require_admin};
use crate::audit::{Action, insert_audit_with_detail};
use crate::email::outbox::drop_unattempted;
use crate::entity::outbox::EmailState;
use crate::entity::{decision, outbox, user};
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::infra::database::{Lock, WriteTransaction};
use crate::sessions::{CurrentUser, lock_user_row};
use domain::errors::ErrorCode;
use domain::flash_message::FlashMessage;
use domain::status::transitions::Change;
use domain::status::{AdminAction, Status, UserId};
use domain::time::Timestamp;

/// The result of undoing a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undone {
    /// The id of the affected user.
    pub user_id: UserId,
    /// The action.
    pub action: AdminAction,
    /// True if the decision would have sent an email.
    pub email: bool,
    /// True if the decision had been undone before.
    pub repeated: bool,
}

impl Undone {
    /// Returns the message for the administrator.
    #[must_use]
    pub fn message(&self) -> FlashMessage {
        FlashMessage::Undone { action: self.action, email: self.email }
    }
}

/// Undoes a decision of any administrator, or returns the reason why it is too late. A decision that had been undone is a success.
pub async fn undo_decision(
    backend: &Backend,
    id: i64,
    admin: &CurrentUser,
    client_ip: &str,
) -> Result<Undone, UseCaseError> {
    let found = find_decision(backend.db.pool(), id).await?.ok_or(ErrorCode::DecisionNotFound)?;
    let action = found.action.known().ok_or(ErrorCode::DecisionNotFound)?;
    let status = action.status_after().filter(|_| action.is_undoable()).ok_or(ErrorCode::UndoTooLate)?;
    // Only these take the access of an account that may be the last administrator's.
    let lock = if status == Status::Active { Lock::Administrators } else { Lock::None };
    let txn = backend.db.begin_write(lock).await?;
    require_admin(&txn, admin).await?;
    lock_user_row(&*txn, found.user_id).await?;
    let decision = find_decision(&*txn, id).await?.ok_or(ErrorCode::DecisionNotFound)?;
    let user = find_user(&txn, decision.user_id).await?.ok_or(ErrorCode::DecisionNotFound)?;
    let email = decision.email_id.is_some();
    let undone = Undone { user_id: user.id, action, email, repeated: decision.undone_at.is_some() };
    if undone.repeated {
        return Ok(undone);
    }
    keep_an_admin(backend, &txn, &user, &decision).await?;
    let now = backend.now();
    if !mark_undone(&txn, &decision, admin, now).await?
        || !drop_email(&txn, &decision, now).await?
        || !restore_user(&txn, &decision, status).await?
    {
        return Err(too_late(&txn, &decision, action, status).await?.into());
    }
    let restored = find_user(&txn, user.id).await?.ok_or(ErrorCode::DecisionNotFound)?;
    restore_side_effects(backend, &txn, &restored, &decision, now).await?;
    let detail = format!("decision={id} action={}", action.slug());
    let (actor, subject) = (admin.actor(client_ip.to_owned()), Some((user.id, user.username.as_str())));
    insert_audit_with_detail(&*txn, Action::UndoDecision, &actor, subject, detail, now).await?;
    txn.commit().await?;
    backend.email_wakeup.notify();
    Ok(undone)
}

async fn find_decision(
    db: &impl sea_orm::ConnectionTrait,
    id: i64,
) -> Result<Option<decision::Model>, InternalError> {
    decision::Entity::find_by_id(id).one(db).await.context("find a decision")
}

async fn find_user(txn: &WriteTransaction, id: UserId) -> Result<Option<user::Model>, InternalError> {
    user::Entity::find_by_id(id).one(&**txn).await.context("find the user of a decision")
}

/// Checks that an administrator who can sign in remains.
async fn keep_an_admin(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    decision: &decision::Model,
) -> Result<(), UseCaseError> {
    let change = Change { status: decision.status_before, role: user.role };
    let loses_admin = account_state(user).loses_admin(change);
    if loses_admin && count_admins(backend, &**txn, Some(user.id)).await? == 0 {
        return Err(ErrorCode::LastAdmin.into());
    }
    Ok(())
}

/// Marks a decision as undone. Returns false if the time for that has passed, or someone else has undone it.
async fn mark_undone(
    txn: &WriteTransaction,
    decision: &decision::Model,
    admin: &CurrentUser,
    now: Timestamp,
) -> Result<bool, InternalError> {
    let marked = decision::Entity::update_many()
        .col_expr(decision::Column::UndoneAt, Expr::value(now))
        .col_expr(decision::Column::UndoneBy, Expr::value(admin.user_id))
        .filter(decision::Column::Id.eq(decision.id))
        .filter(decision::Column::UndoneAt.is_null())
        .filter(decision::Column::UndoUntil.gt(now))
        .exec(&**txn)
        .await
        .context("undo a decision")?;
    Ok(marked.rows_affected == 1)
}

/// Drops the email of a decision. Returns false if an attempt to send it has begun.
async fn drop_email(
    txn: &WriteTransaction,
    decision: &decision::Model,
    now: Timestamp,
) -> Result<bool, InternalError> {
    let Some(id) = decision.email_id else { return Ok(true) };
    if drop_unattempted(&**txn, id, now).await? {
        return Ok(true);
    }
    // A later change may have dropped it.
    let row = find_email(txn, id).await?;
    Ok(row.is_some_and(|row| row.state.known() == Some(EmailState::Dropped)))
}

async fn find_email(txn: &WriteTransaction, id: i64) -> Result<Option<outbox::Model>, InternalError> {
    outbox::Entity::find_by_id(id).one(&**txn).await.context("find the email of a decision")
}

/// Gives the account back its status. Returns false if it has changed since the decision, or the person has signed in.
async fn restore_user(
    txn: &WriteTransaction,
    decision: &decision::Model,
    status: Status,
) -> Result<bool, UseCaseError> {
    let mut update = user::Entity::update_many()
        .col_expr(user::Column::Status, Expr::value(decision.status_before))
        .col_expr(user::Column::StatusSince, Expr::value(decision.status_since_before))
        .col_expr(user::Column::StatusBy, Expr::value(decision.status_by_before))
        .col_expr(user::Column::DeletionDueAt, Expr::value(decision.deletion_due_before))
        .col_expr(user::Column::CredentialVersion, Expr::col(user::Column::CredentialVersion).add(1))
        .filter(user::Column::Id.eq(decision.user_id))
        .filter(user::Column::Status.eq(status))
        .filter(user::Column::CredentialVersion.eq(decision.credential_version_after));
    if status == Status::Active {
        update = update.filter(user::Column::LastSignInAt.lt(decision.decided_at));
    }
    let restored = update.exec(&**txn).await.map_err(|error| match unique_violation_error(error) {
        UseCaseError::Rejected(_) => ErrorCode::UndoIdentityTaken.into(),
        internal @ UseCaseError::Internal(_) => internal,
    })?;
    Ok(restored.rows_affected == 1)
}

/// Returns the reason why it is too late. The transaction, which is rolled back, may have changed the decision and the email.
async fn too_late(
    txn: &WriteTransaction,
    decision: &decision::Model,
    action: AdminAction,
    status: Status,
) -> Result<ErrorCode, InternalError> {
    let Some(user) = find_user(txn, decision.user_id).await? else { return Ok(ErrorCode::DecisionNotFound) };
    if status == Status::Active && user.last_sign_in_at >= decision.decided_at {
        return Ok(ErrorCode::UndoSignedIn);
    }
    if user.credential_version != decision.credential_version_after || user.status != status {
        let question = if action == AdminAction::Ask { find_question(&**txn, user.id).await? } else { None };
        let is_answered = question.is_some_and(|question| question.answered_at.is_some());
        return Ok(if is_answered { ErrorCode::UndoAnswered } else { ErrorCode::UndoAccountChanged });
    }
    let email = match decision.email_id {
        Some(id) => find_email(txn, id).await?,
        None => None,
    };
    Ok(match email.and_then(|email| email.state.known().map(|state| (state, email.attempts))) {
        Some((EmailState::Sent, _)) => ErrorCode::UndoEmailSent,
        Some((EmailState::Pending | EmailState::Failed, 1..)) => ErrorCode::UndoEmailLeaving,
        _ => ErrorCode::UndoTooLate,
    })
}
