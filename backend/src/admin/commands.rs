//! The use cases behind the admin commands, for example when no administrator can sign in or no email can be sent.
//!
//! # Guarantees
//!
//! - Commands follow the same rules, take the same locks and write the same audit log as the admin pages.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::Backend;
use crate::accounts::email_address::canonical;
use crate::accounts::first_admin::insert_admin;
use crate::accounts::registration::prepare_registration;
use crate::admin::decisions::{account_state, command_line_actor, revoke_access};
use crate::audit::{Action, insert_audit};
use crate::auth::token::{NewToken, insert_token};
use crate::entity::user;
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::infra::database::Lock;
use domain::email_address::EmailAddress;
use domain::errors::ErrorCode;
use domain::status::{AdminAction, Role, Status, UserId};
use domain::token::Purpose;
use domain::username;
use domain::validation::Registration;

/// The actor id of the command line. No account has it, so the rules for administrators who act on themselves never apply.
const COMMAND_LINE: UserId = UserId(0);

/// Creates an active administrator whose email address counts as confirmed.
pub async fn create_admin(backend: &Backend, form: Registration) -> Result<UserId, UseCaseError> {
    let new = prepare_registration(backend, form, "local").await?;
    let txn = backend.db.begin_write(Lock::Administrators).await?;
    let id = insert_admin(backend, &*txn, &new, &command_line_actor(), Action::OperatorCreate).await?;
    txn.commit().await?;
    Ok(id)
}

/// Returns the user who has confirmed this email address, and whom a new administrator with it cannot replace.
pub async fn find_owner(
    backend: &Backend,
    email: &EmailAddress,
) -> Result<Option<user::Model>, InternalError> {
    let Some(email_canonical) = canonical(email) else { return Ok(None) };
    user::Entity::find()
        .filter(user::Column::EmailCanonical.eq(email_canonical))
        .filter(user::Column::EmailConfirmedAt.is_not_null())
        .one(backend.db.pool())
        .await
        .context("find the owner of an email address")
}

/// Gives the administrator role to an active user with a confirmed email address.
pub async fn grant_admin(backend: &Backend, name: &str) -> Result<(), UseCaseError> {
    let txn = backend.db.begin_write(Lock::Administrators).await?;
    let user = find_user_by_name(&*txn, name).await?.ok_or(ErrorCode::UserNotFound)?;
    let now = backend.now();
    let change = account_state(&user).decide(AdminAction::MakeAdmin, COMMAND_LINE, false, now)?;
    user::Entity::update_many()
        .col_expr(user::Column::Role, Expr::value(change.role))
        .col_expr(user::Column::CredentialVersion, Expr::col(user::Column::CredentialVersion).add(1))
        .filter(user::Column::Id.eq(user.id))
        .exec(&*txn)
        .await
        .context("grant the role")?;
    revoke_access(backend, &txn, &user, user.status, now).await?;
    let subject = Some((user.id, user.username.as_str()));
    insert_audit(&*txn, Action::OperatorGrant, &command_line_actor(), subject, now).await?;
    txn.commit().await?;
    Ok(())
}

/// Returns all administrators, whatever their status.
pub async fn list_admins(backend: &Backend) -> Result<Vec<user::Model>, InternalError> {
    user::Entity::find()
        .filter(user::Column::Role.eq(Role::Admin))
        .order_by_asc(user::Column::UsernameKey)
        .all(backend.db.pool())
        .await
        .context("list the administrators")
}

/// Creates a one-time sign-in link for an active user.
pub async fn make_user_link(backend: &Backend, name: &str) -> Result<String, UseCaseError> {
    let txn = backend.db.begin_write(Lock::None).await?;
    let user = find_user_by_name(&*txn, name).await?.ok_or(ErrorCode::UserNotFound)?;
    if user.status != Status::Active {
        return Err(ErrorCode::WrongStatus(user.status.public()).into());
    }
    let now = backend.now();
    let new_token = NewToken {
        user_id: Some(user.id),
        purpose: Purpose::OperatorSignIn,
        credential_version: user.credential_version,
        email_canonical: &user.email_canonical,
        email: None,
        now,
        expires_at: now.after(backend.settings.sign_in_link_lifetime),
    };
    let token = insert_token(&*txn, new_token).await?;
    let subject = Some((user.id, user.username.as_str()));
    insert_audit(&*txn, Action::OperatorLink, &command_line_actor(), subject, now).await?;
    txn.commit().await?;
    Ok(backend.settings.link(&format!("/auto-login/{}", token.expose())))
}

/// Finds the user with this username. Shadow accounts are not found.
async fn find_user_by_name(
    db: &impl sea_orm::ConnectionTrait,
    name: &str,
) -> Result<Option<user::Model>, InternalError> {
    user::Entity::find()
        .filter(user::Column::UsernameKey.eq(username::key_of(name)))
        .filter(user::Column::Status.ne(Status::Shadow))
        .one(db)
        .await
        .context("find the user")
}
