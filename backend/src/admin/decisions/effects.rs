//! The side effects of a decision: sessions and links that end, identities that are blocked, and the email.

use sea_orm::ConnectionTrait;

use crate::Backend;
use crate::accounts::blocked_identities::{block, unblock};
use crate::admin::decisions::ask::ask;
use crate::admin::decisions::confirmed_email;
use crate::admin::decisions::delivery::{Delivery, enqueue_email};
use crate::auth::known_browsers::forget_all_browsers;
use crate::auth::revocation::revoke_credentials;
use crate::auth::token::{NewToken, insert_token};
use crate::email::message::Message;
use crate::email::obsolete::drop_after_status_change;
use crate::email::outbox::drop_unsent;
use crate::entity::blocked_identity::BlockReason;
use crate::entity::outbox::EmailKind;
use crate::entity::user;
use crate::error::InternalError;
use crate::infra::database::WriteTransaction;
use crate::sessions::{CurrentUser, delete_user_sessions};
use domain::decision::DecisionForm;
use domain::status::transitions::Change;
use domain::status::{AdminAction, Status};
use domain::time::Timestamp;
use domain::token::Purpose;

/// Applies the side effects of a change: ends sessions, revokes links, blocks or unblocks identities, and enqueues the email.
/// Returns the id of the email.
pub(super) async fn apply_side_effects(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    change: Change,
    form: &DecisionForm,
    admin: &CurrentUser,
    delivery: Delivery,
) -> Result<Option<i64>, InternalError> {
    if change.status != user.status {
        drop_after_status_change(&**txn, user.id, change.status, delivery.decided_at).await?;
    }
    if change.status != Status::Active || change.role != user.role {
        revoke_access(backend, txn, user, change.status, delivery.decided_at).await?;
    }
    let email = confirmed_email(user);
    match change.status {
        Status::Rejected => block(backend, &**txn, user.id, email, BlockReason::Rejected).await?,
        Status::Deactivated => block(backend, &**txn, user.id, email, BlockReason::Deactivated).await?,
        Status::Active => unblock(backend, &**txn, user.id, email).await?,
        _ => {}
    }
    match form.action {
        AdminAction::Ask => ask(backend, txn, user, form, admin, delivery).await.map(Some),
        AdminAction::Reject if !form.silent => {
            let message = rejection(backend, user, form);
            enqueue_email(backend, &**txn, user, message, None, delivery).await.map(Some)
        }
        AdminAction::Approve | AdminAction::Reactivate if user.status == Status::Deactivated => {
            send_reactivated(backend, txn, user, delivery).await.map(Some)
        }
        AdminAction::Approve => {
            send_sign_in_link(backend, &**txn, user, user.credential_version + 1, delivery).await.map(Some)
        }
        _ => Ok(None),
    }
}

/// Returns the email that tells the applicant of a rejection.
pub(super) fn rejection(backend: &Backend, user: &user::Model, form: &DecisionForm) -> Message {
    Message::Rejected {
        username: user.username.clone(),
        reason: form.reason.as_ref().map(ToString::to_string),
        url: backend.settings.link("/"),
    }
}

/// Ends a user's sessions and revokes their links, after a change that gives them `status`. If the approval email of a user who
/// stays active has not been sent yet, one with a new link replaces it.
pub(crate) async fn revoke_access(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    status: Status,
    now: Timestamp,
) -> Result<(), InternalError> {
    delete_user_sessions(&**txn, user.id).await?;
    forget_all_browsers(&**txn, user.id).await?;
    let dropped = drop_unsent(&**txn, user.id, &[EmailKind::Approved], now).await?;
    revoke_credentials(&**txn, user.id, now).await?;
    let has_signed_in = user.last_sign_in_at > user.status_since;
    if dropped == 0 || status != Status::Active || has_signed_in {
        return Ok(());
    }
    send_sign_in_link_now(backend, &**txn, user, user.credential_version + 1, now).await
}

/// Sends the email about a reactivation. `user` is the account before it.
pub(super) async fn send_reactivated(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    delivery: Delivery,
) -> Result<i64, InternalError> {
    let message = Message::Reactivated {
        username: user.username.clone(),
        url: backend.settings.link("/login"),
        deletion_cancelled: user.deletion_due_at.is_some() && user.password_hash.is_some(),
    };
    enqueue_email(backend, &**txn, user, message, None, delivery).await
}

/// Sends an approved user the one-time sign-in link immediately.
pub(crate) async fn send_sign_in_link_now(
    backend: &Backend,
    db: &impl ConnectionTrait,
    user: &user::Model,
    credential_version: i32,
    now: Timestamp,
) -> Result<(), InternalError> {
    send_sign_in_link(backend, db, user, credential_version, Delivery::immediate(now)).await.map(drop)
}

/// Sends an approved user the one-time sign-in link. A user without a password gets a link to the sign-in page instead.
async fn send_sign_in_link(
    backend: &Backend,
    db: &impl ConnectionTrait,
    user: &user::Model,
    credential_version: i32,
    delivery: Delivery,
) -> Result<i64, InternalError> {
    if user.password_hash.is_none() {
        let message = Message::ApprovedMicrosoft {
            username: user.username.clone(),
            url: backend.settings.link("/login"),
        };
        return enqueue_email(backend, db, user, message, None, delivery).await;
    }
    let lifetime = backend.settings.sign_in_link_lifetime;
    let expires_at = delivery.due_at.after(lifetime);
    let new_token = NewToken {
        user_id: Some(user.id),
        purpose: Purpose::SignIn,
        credential_version,
        email_canonical: &user.email_canonical,
        email: None,
        now: delivery.decided_at,
        expires_at,
    };
    let token = insert_token(db, new_token).await?;
    let message = Message::Approved {
        username: user.username.clone(),
        url: backend.settings.link(&format!("/auto-login/{}", token.expose())),
        lifetime,
        asks_password: user.email_confirmed_at.is_none(),
    };
    enqueue_email(backend, db, user, message, Some(expires_at), delivery).await
}
