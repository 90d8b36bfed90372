//! Actions of administrators on accounts: approve, reject, move back to pending, deactivate, reactivate and change the role.
//!
//! # Guarantees
//!
//! - The transaction of an action checks that its author is an active administrator.
//! - The domain decides, one conditional UPDATE applies the change, and its audit row and email are in the same transaction.
//! - Every action that could remove the last administrator who can sign in holds [`Lock::Administrators`] while it counts them.
//! - The same action of the same administrator, sent twice, is applied once and answered as done twice.
//! - A deactivation or a change of role ends the sessions of the user immediately.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::accounts::blocked_identities::{block, unblock};
use crate::accounts::deletion::discard_deletion_request;
use crate::accounts::last_admin::count_admins;
use crate::accounts::registration::unique_violation_error;
use crate::audit::{Action, has_just_done, insert_audit};
use crate::auth::known_browsers::forget_all_browsers;
use crate::auth::revocation::revoke_credentials;
use crate::auth::token::{NewToken, insert_token};
use crate::email::message::Message;
use crate::email::obsolete::drop_after_status_change;
use crate::email::outbox::{NewEmail, drop_unsent, enqueue};
use crate::entity::blocked_identity::BlockReason;
use crate::entity::outbox::EmailKind;
use crate::entity::user;
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::infra::database::{Lock, WriteTransaction};
use crate::sessions::{CurrentUser, delete_user_sessions, require_session};
use crate::{Actor, Backend};
use domain::errors::{ErrorCode, FormErrors};
use domain::status::transitions::{AccountState, Change};
use domain::status::{AdminAction, Role, Status, UserId};
use domain::time::Timestamp;
use domain::token::Purpose;

/// Returns the facts about a user on which the rules of the domain depend.
pub fn account_state(user: &user::Model) -> AccountState {
    AccountState {
        id: user.id,
        status: user.status,
        role: user.role,
        confirmed: user.email_confirmed_at.is_some(),
        status_since: user.status_since,
        deletion_due: user.deletion_due_at.is_some(),
    }
}

/// Applies an action by `admin` to the account `subject`, or returns the reason why it is not allowed. An action that `admin` has
/// just applied is done.
pub async fn apply_action(
    backend: &Backend,
    action: AdminAction,
    subject: UserId,
    admin: &CurrentUser,
    client_ip: &str,
) -> Result<(), UseCaseError> {
    let result = apply_action_once(backend, action, subject, admin, client_ip).await;
    let has_effect =
        matches!(&result, Err(UseCaseError::Rejected(errors)) if may_have_effect_already(errors, action));
    if has_effect && has_just_applied(backend, action, subject, admin).await? { Ok(()) } else { result }
}

/// Returns true for the errors of an action on an account that may already be in the state to which the action leads.
fn may_have_effect_already(errors: &FormErrors, action: AdminAction) -> bool {
    match action {
        // The owner may have changed the status in the meantime.
        AdminAction::MakeAdmin => errors.form == Some(ErrorCode::AlreadyAdmin),
        AdminAction::RemoveAdmin => errors.form == Some(ErrorCode::NotAdmin),
        _ => matches!(errors.form, Some(ErrorCode::WrongStatus(_))),
    }
}

async fn has_just_applied(
    backend: &Backend,
    action: AdminAction,
    subject: UserId,
    admin: &CurrentUser,
) -> Result<bool, InternalError> {
    let (db, now) = (backend.db.pool(), backend.now());
    let among = AdminAction::ALL.map(Action::Admin);
    has_just_done(db, admin.user_id, Action::Admin(action), &among, Some(subject), now).await
}

async fn apply_action_once(
    backend: &Backend,
    action: AdminAction,
    subject: UserId,
    admin: &CurrentUser,
    client_ip: &str,
) -> Result<(), UseCaseError> {
    let lock = match action {
        AdminAction::Deactivate | AdminAction::MakeAdmin | AdminAction::RemoveAdmin => Lock::Administrators,
        AdminAction::Approve | AdminAction::Reject | AdminAction::Reconsider | AdminAction::Reactivate => {
            Lock::None
        }
    };
    let txn = backend.db.begin_write(lock).await?;
    require_admin(&txn, admin).await?;
    let user = user::Entity::find_by_id(subject).one(&*txn).await.context("find the user")?;
    let user = user.ok_or(ErrorCode::UserNotFound)?;
    let account = account_state(&user);
    let now = backend.now();
    let change = account.decide(action, admin.user_id, backend.settings.require_confirmed_email, now)?;
    if account.loses_admin(change) && count_admins(backend, &*txn, Some(subject)).await? == 0 {
        return Err(ErrorCode::LastAdmin.into());
    }
    // An administrator's decision about the status takes precedence over the owner's deletion request.
    let discards_deletion = account.deletion_due
        && matches!(action, AdminAction::Deactivate | AdminAction::Reactivate | AdminAction::Approve);
    update_user(&txn, &user, change, discards_deletion, admin.user_id, now).await?;
    if discards_deletion {
        discard_deletion_request(&txn, &user, now).await?;
    }
    apply_side_effects(backend, &txn, &user, account, change).await?;
    let actor = admin.actor(client_ip.to_owned());
    insert_audit(&*txn, Action::Admin(action), &actor, Some((user.id, &user.username)), now).await?;
    txn.commit().await?;
    backend.email_wakeup.notify();
    Ok(())
}

/// Checks in the transaction that `admin` is still an active administrator, because two administrators may act on each other at
/// the same time.
pub(crate) async fn require_admin(txn: &WriteTransaction, admin: &CurrentUser) -> Result<(), UseCaseError> {
    require_session(&**txn, admin).await?;
    let row = user::Entity::find_by_id(admin.user_id).one(&**txn).await.context("find the administrator")?;
    let is_active_admin = row.is_some_and(|row| row.role == Role::Admin && row.status == Status::Active);
    if is_active_admin { Ok(()) } else { Err(ErrorCode::Forbidden.into()) }
}

/// Updates the role and status with one conditional UPDATE. It fails if someone else has changed them since the row was read.
async fn update_user(
    txn: &WriteTransaction,
    user: &user::Model,
    change: Change,
    discards_deletion: bool,
    by: UserId,
    now: Timestamp,
) -> Result<(), UseCaseError> {
    let mut update = user::Entity::update_many()
        .col_expr(user::Column::Role, Expr::value(change.role))
        .col_expr(user::Column::CredentialVersion, Expr::col(user::Column::CredentialVersion).add(1));
    if discards_deletion {
        update = update.col_expr(user::Column::DeletionDueAt, Expr::value(Option::<Timestamp>::None));
    }
    if discards_deletion || change.status != user.status {
        update = update
            .col_expr(user::Column::Status, Expr::value(change.status))
            .col_expr(user::Column::StatusSince, Expr::value(now))
            .col_expr(user::Column::StatusBy, Expr::value(by));
    }
    let updated = update
        .filter(user::Column::Id.eq(user.id))
        .filter(user::Column::CredentialVersion.eq(user.credential_version))
        .filter(user::Column::Status.eq(user.status))
        .exec(&**txn)
        .await
        .map_err(unique_violation_error)?;
    if updated.rows_affected == 1 {
        return Ok(());
    }
    let current = user::Entity::find_by_id(user.id).one(&**txn).await.context("find the user again")?;
    Err(current.map_or(ErrorCode::UserNotFound, |user| ErrorCode::WrongStatus(user.status.public())).into())
}

/// Applies the side effects of a change: ends sessions, revokes links, blocks or unblocks identities, and sends the email.
async fn apply_side_effects(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    before: AccountState,
    change: Change,
) -> Result<(), InternalError> {
    if change.status != before.status {
        drop_after_status_change(&**txn, user.id, change.status, backend.now()).await?;
    }
    if change.status != Status::Active || change.role != before.role {
        revoke_access(backend, txn, user, change.status).await?;
    }
    // An unconfirmed email address may belong to anyone.
    let confirmed_email = user.email_confirmed_at.is_some().then_some(user.email_canonical.as_str());
    match change.status {
        Status::Rejected => {
            block(backend, &**txn, user.id, confirmed_email, BlockReason::Rejected).await?;
        }
        Status::Deactivated => {
            block(backend, &**txn, user.id, confirmed_email, BlockReason::Deactivated).await?;
        }
        Status::Active => unblock(backend, &**txn, user.id, confirmed_email).await?,
        _ => {}
    }
    if change.status != Status::Active || before.status == Status::Active {
        return Ok(());
    }
    if before.status == Status::Deactivated {
        let message = Message::Reactivated {
            username: user.username.clone(),
            url: backend.settings.link("/login"),
            deletion_cancelled: user.deletion_due_at.is_some() && user.password_hash.is_some(),
        };
        return enqueue_email(backend, &**txn, user, message, None).await;
    }
    send_sign_in_link(backend, &**txn, user, user.credential_version + 1).await
}

/// Ends a user's sessions and revokes their links, after a change that gives them `status`. If the approval email of a user who
/// stays active has not been sent yet, one with a new link replaces it.
pub(crate) async fn revoke_access(
    backend: &Backend,
    txn: &WriteTransaction,
    user: &user::Model,
    status: Status,
) -> Result<(), InternalError> {
    delete_user_sessions(&**txn, user.id).await?;
    forget_all_browsers(&**txn, user.id).await?;
    let now = backend.now();
    let dropped = drop_unsent(&**txn, user.id, &[EmailKind::Approved], now).await?;
    revoke_credentials(&**txn, user.id, now).await?;
    let has_signed_in = user.last_sign_in_at > user.status_since;
    if dropped == 0 || status != Status::Active || has_signed_in {
        return Ok(());
    }
    send_sign_in_link(backend, &**txn, user, user.credential_version + 1).await
}

/// Sends an approved user the one-time sign-in link. A user without a password gets a link to the sign-in page instead.
pub(crate) async fn send_sign_in_link(
    backend: &Backend,
    db: &impl ConnectionTrait,
    user: &user::Model,
    credential_version: i32,
) -> Result<(), InternalError> {
    if user.password_hash.is_none() {
        let message = Message::ApprovedMicrosoft {
            username: user.username.clone(),
            url: backend.settings.link("/login"),
        };
        return enqueue_email(backend, db, user, message, None).await;
    }
    let now = backend.now();
    let expires_at = now.after(backend.settings.sign_in_link_lifetime);
    let new_token = NewToken {
        user_id: Some(user.id),
        purpose: Purpose::SignIn,
        credential_version,
        email_canonical: &user.email_canonical,
        email: None,
        now,
        expires_at,
    };
    let token = insert_token(db, new_token).await?;
    let message = Message::Approved {
        username: user.username.clone(),
        url: backend.settings.link(&format!("/auto-login/{}", token.expose())),
        lifetime: backend.settings.sign_in_link_lifetime,
        asks_password: user.email_confirmed_at.is_none(),
    };
    enqueue_email(backend, db, user, message, Some(expires_at)).await
}

async fn enqueue_email(
    backend: &Backend,
    db: &impl ConnectionTrait,
    user: &user::Model,
    message: Message,
    not_after: Option<Timestamp>,
) -> Result<(), InternalError> {
    let new_email = NewEmail { user_id: Some(user.id), recipient: &user.email, message, not_after };
    enqueue(db, &backend.keys, new_email, backend.now()).await
}

/// Returns the actor of admin commands.
pub fn command_line_actor() -> Actor {
    Actor { id: None, name: "command line".to_owned(), client_ip: "local".to_owned() }
}
