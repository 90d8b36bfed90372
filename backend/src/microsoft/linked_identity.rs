//! Linked identities: links and unlinks the Microsoft identity of an account.
//!
//! # Guarantees
//!
//! - An identity belongs to one account, and an account has at most one identity.
//! - Only the owner links and unlinks, after re-authentication.
//! - The only sign-in method of an account cannot be removed.
//! - Every change is emailed to the owner, also at an earlier email address that can still undo an email change.
//! - An unlinked identity is blocked: a new account with it needs the approval of an administrator.

use sea_orm::{
    ActiveValue, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, SqlErr,
};

use crate::Backend;
use crate::accounts::blocked_identities::unlink_and_block_identity;
use crate::accounts::delete_users::delete_users;
use crate::audit::{Action, has_just_done, insert_audit};
use crate::auth::reauthentication::reauthenticate;
use crate::auth::token::email_addresses_that_can_undo;
use crate::email::message::Message;
use crate::email::outbox::{NewEmail, enqueue};
use crate::entity::{identity, user, user_session};
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::infra::database::{Lock, WriteTransaction};
use crate::microsoft::identity_lookup::find_identity;
use crate::microsoft::provider::Identity;
use crate::sessions::{AuthMethod, CurrentUser, end_sessions, require_session};
use domain::errors::ErrorCode;
use domain::invisible::is_invisible;
use domain::password::Password;
use domain::status::{Status, UserId};
use domain::time::Timestamp;

/// Maximum length of an identity's label in characters.
const MAX_LABEL_LENGTH: usize = 100;

/// Returns true if the Microsoft identity is the only sign-in method of the account.
pub fn is_only_sign_in_method(current_user: &CurrentUser) -> bool {
    !current_user.has_password
}

/// Returns the user with this identity, if any.
pub(super) async fn find_user_by_identity(
    db: &impl ConnectionTrait,
    identity: &Identity,
) -> Result<Option<user::Model>, InternalError> {
    let row = identity::Entity::find()
        .filter(identity::Column::Tid.eq(identity.tid.as_str()))
        .filter(identity::Column::Oid.eq(identity.oid.as_str()))
        .one(db)
        .await
        .context("find the owner of the identity")?;
    let Some(row) = row else { return Ok(None) };
    user::Entity::find_by_id(row.user_id).one(db).await.context("find the account")
}

/// Inserts the identity of an account. The unique index decides if the identity is free.
pub(super) async fn insert_identity(
    db: &impl ConnectionTrait,
    user_id: UserId,
    identity: &Identity,
    now: Timestamp,
) -> Result<(), DbErr> {
    let label = identity.username_hint.as_deref().or(identity.email.as_deref()).unwrap_or_default();
    let row = identity::ActiveModel {
        user_id: ActiveValue::Set(user_id),
        tid: ActiveValue::Set(identity.tid.clone()),
        oid: ActiveValue::Set(identity.oid.clone()),
        label: ActiveValue::Set(label.chars().filter(|c| is_visible(*c)).take(MAX_LABEL_LENGTH).collect()),
        linked_at: ActiveValue::Set(now),
    };
    identity::Entity::insert(row).exec_without_returning(db).await.map(drop)
}

/// Returns true if a character may appear in a label: no control characters, line separators, marks that change the text
/// direction, and characters without width.
fn is_visible(c: char) -> bool {
    !c.is_control() && !is_invisible(c) && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}')
}

/// Removes the account that an earlier sign-in with this identity created, if it is still pending and has no password. That
/// account is empty, and the user has just shown that both accounts are theirs.
async fn remove_pending_placeholder(
    txn: &WriteTransaction,
    identity: &Identity,
) -> Result<(), InternalError> {
    let Some(user) = find_user_by_identity(&**txn, identity).await? else { return Ok(()) };
    let is_pending = [Status::Shadow, Status::Pending].contains(&user.status);
    if !is_pending || user.password_hash.is_some() {
        return Ok(());
    }
    let placeholder = Condition::all()
        .add(user::Column::Id.eq(user.id))
        .add(user::Column::Status.eq(user.status))
        .add(user::Column::PasswordHash.is_null());
    delete_users(txn, placeholder).await.map(drop)
}

/// Links an identity with the current user's account.
pub(super) async fn link(
    backend: &Backend,
    current_user: &CurrentUser,
    identity: &Identity,
    client_ip: &str,
) -> Result<(), UseCaseError> {
    if current_user.email_confirmed_at.is_none() {
        return Err(ErrorCode::EmailUnconfirmed.into());
    }
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    require_session(&*txn, current_user).await?;
    if find_identity(&*txn, current_user.user_id).await?.is_some() {
        return Err(ErrorCode::MicrosoftAlreadyLinked.into());
    }
    remove_pending_placeholder(&txn, identity).await?;
    if let Err(error) = insert_identity(&*txn, current_user.user_id, identity, now).await {
        return Err(match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => ErrorCode::MicrosoftLinkedElsewhere.into(),
            _ => InternalError::Database { context: "link an identity", source: error }.into(),
        });
    }
    backend.blocked_identities.remove_identity(&*txn, &identity.tid, &identity.oid).await?;
    let message = Message::MicrosoftLinked {
        username: current_user.username.clone(),
        url: backend.settings.link("/profile"),
    };
    audit_and_notify(backend, &txn, current_user, Action::LinkMicrosoft, message, client_ip, now).await?;
    txn.commit().await?;
    backend.email_wakeup.notify();
    Ok(())
}

/// Unlinks the current user's identity, and ends their other sessions that began with it. The identity is blocked, so that a
/// new account with it needs the approval of an administrator. An identity that the user has just unlinked is done.
pub async fn unlink(
    backend: &Backend,
    current_user: &CurrentUser,
    current_password: &Password,
    client_ip: &str,
) -> Result<(), UseCaseError> {
    if is_only_sign_in_method(current_user) {
        return Err(ErrorCode::LastSignInMethod.into());
    }
    reauthenticate(backend, current_user, current_password, client_ip).await?;
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    require_session(&*txn, current_user).await?;
    if find_identity(&*txn, current_user.user_id).await?.is_none() {
        let among = [Action::LinkMicrosoft, Action::UnlinkMicrosoft];
        let (id, action) = (current_user.user_id, Action::UnlinkMicrosoft);
        let done = has_just_done(&*txn, id, action, &among, Some(id), now).await?;
        return if done { Ok(()) } else { Err(ErrorCode::MicrosoftNotLinked.into()) };
    }
    unlink_and_block_identity(backend, &*txn, current_user.user_id, Timestamp::default(), now).await?;
    let microsoft_sessions = Condition::all()
        .add(user_session::Column::UserId.eq(current_user.user_id))
        .add(user_session::Column::AuthMethod.eq(AuthMethod::Microsoft))
        .add(user_session::Column::PublicId.ne(current_user.public_id.as_str()));
    end_sessions(&*txn, microsoft_sessions).await?;
    let message = Message::MicrosoftUnlinked {
        username: current_user.username.clone(),
        url: backend.settings.link("/profile"),
    };
    audit_and_notify(backend, &txn, current_user, Action::UnlinkMicrosoft, message, client_ip, now).await?;
    txn.commit().await?;
    backend.email_wakeup.notify();
    Ok(())
}

async fn audit_and_notify(
    backend: &Backend,
    txn: &WriteTransaction,
    current_user: &CurrentUser,
    action: Action,
    message: Message,
    client_ip: &str,
    now: Timestamp,
) -> Result<(), InternalError> {
    let subject = Some((current_user.user_id, current_user.username.as_str()));
    insert_audit(&**txn, action, &current_user.actor(client_ip.to_owned()), subject, now).await?;
    // A recent email change may be an attacker's. The owner is also notified at the address that can undo it.
    let mut recipients = email_addresses_that_can_undo(&**txn, current_user.user_id, now).await?;
    recipients.push(current_user.email.clone());
    for recipient in &recipients {
        let new_email = NewEmail {
            user_id: Some(current_user.user_id),
            recipient,
            message: message.clone(),
            not_after: None,
        };
        enqueue(&**txn, &backend.keys, new_email, now).await?;
    }
    Ok(())
}
