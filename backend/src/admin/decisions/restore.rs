//! Restoring the earlier state of an account, when a decision is undone.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::Backend;
use crate::accounts::deletion::restore_deletion_request;
use crate::admin::decisions::ask::{resend_question, withdraw_questions};
use crate::admin::decisions::blocked::restore_blocked;
use crate::admin::decisions::delivery::Delivery;
use crate::admin::decisions::effects::{send_reactivated, send_sign_in_link_now};
use crate::auth::known_browsers::forget_all_browsers;
use crate::auth::revocation::revoke_credentials;
use crate::email::jobs::enqueue_confirmation;
use crate::email::obsolete::{drop_after_status_change, is_reason_valid};
use crate::email::outbox::NOT_NEEDED;
use crate::entity::outbox::{EmailKind, EmailState};
use crate::entity::{decision, outbox, user};
use crate::error::{ErrorContext, InternalError};
use crate::infra::database::WriteTransaction;
use crate::sessions::delete_user_sessions;
use domain::status::{AdminAction, Status};
use domain::time::Timestamp;

/// Reverses the side effects of a decision, except for ended sessions. `user` is the restored account.
pub(super) async fn restore_side_effects(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    decision: &decision::Model,
    now: Timestamp,
) -> Result<(), InternalError> {
    let dropped = find_dropped_emails(txn, decision).await?;
    drop_after_status_change(&**txn, user.id, user.status, now).await?;
    if user.status != Status::Active {
        delete_user_sessions(&**txn, user.id).await?;
        forget_all_browsers(&**txn, user.id).await?;
    }
    revoke_credentials(&**txn, user.id, now).await?;
    restore_blocked(backend, txn, user, decision).await?;
    if decision.action.known() == Some(AdminAction::Ask) {
        withdraw_questions(txn, user.id, now).await?;
    }
    if let Some(due) = user.deletion_due_at {
        restore_deletion_request(backend, txn, user, due, decision.decided_at, now).await?;
    }
    for row in dropped {
        send_dropped_email(backend, txn, user, &row).await?;
    }
    Ok(())
}

/// Returns the emails that the decision has dropped, except its own.
async fn find_dropped_emails(
    txn: &WriteTransaction,
    decision: &decision::Model,
) -> Result<Vec<outbox::Model>, InternalError> {
    let rows = outbox::Entity::find()
        .filter(outbox::Column::UserId.eq(decision.user_id))
        .filter(outbox::Column::State.eq(EmailState::Dropped))
        .filter(outbox::Column::LastError.eq(NOT_NEEDED))
        .filter(outbox::Column::FinishedAt.eq(decision.decided_at))
        .order_by_asc(outbox::Column::Id)
        .all(&**txn)
        .await
        .context("find the emails that a decision has dropped")?;
    Ok(rows.into_iter().filter(|row| Some(row.id) != decision.email_id).collect())
}

/// Sends an email that the decision has dropped again, with a new link, if its reason holds again.
async fn send_dropped_email(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    row: &outbox::Model,
) -> Result<(), InternalError> {
    let now = backend.now();
    if !is_reason_valid(&**txn, row).await? {
        return Ok(());
    }
    match row.kind.known() {
        Some(EmailKind::Approved) => {
            send_sign_in_link_now(backend, &**txn, user, user.credential_version, now).await
        }
        Some(EmailKind::Reactivated) => {
            send_reactivated(backend, txn, user, Delivery::immediate(now)).await.map(drop)
        }
        Some(EmailKind::ConfirmEmail) => enqueue_confirmation(backend, txn, user, now).await,
        Some(EmailKind::Question) => resend_question(backend, txn, user).await,
        _ => Ok(()),
    }
}
