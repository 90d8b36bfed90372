//! Revocation of links and temporary passwords after a change of credentials.
//!
//! # Guarantees
//!
//! - No link, temporary password or queued request from before the change gives access to the account.
//! - No email with such a link or temporary password is sent after the change.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::auth::token::{PlainToken, revoke_tokens};
use crate::email::obsolete::drop_after_revocation;
use crate::entity::email_job::JobKind;
use crate::entity::{email_job, user};
use crate::error::{ErrorContext, InternalError};
use domain::password::NormalizedPassword;
use domain::status::UserId;
use domain::time::Timestamp;
use domain::token::Purpose;

/// The purposes of the tokens that are revoked. The new credential version invalidates them too.
const REVOKED: [Purpose; 4] =
    [Purpose::SignIn, Purpose::OperatorSignIn, Purpose::TemporaryPassword, Purpose::ChangeEmail];

/// Returns a random password that no one knows. Password reset by email works with it as with any other.
pub(crate) fn random_password() -> NormalizedPassword {
    NormalizedPassword::from_nfkc(PlainToken::generate().expose().to_owned())
}

/// Replaces the password, which a thief may know. Does nothing for an account without a password.
pub(crate) async fn replace_password(
    db: &impl ConnectionTrait,
    user_id: UserId,
    hash: &str,
) -> Result<(), InternalError> {
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(hash))
        .filter(user::Column::Id.eq(user_id))
        .filter(user::Column::PasswordHash.is_not_null())
        .exec(db)
        .await
        .context("replace the password")?;
    Ok(())
}

/// Revokes the links and temporary passwords of a user, drops the unsent emails with them, and deletes the jobs that would send
/// new links.
pub async fn revoke_credentials(
    db: &impl ConnectionTrait,
    user_id: UserId,
    now: Timestamp,
) -> Result<(), InternalError> {
    revoke_tokens(db, Some(user_id), &REVOKED, now).await?;
    drop_after_revocation(db, user_id, now).await?;
    delete_email_change_jobs(db, user_id).await
}

/// Deletes the jobs of a user's requests to change their email address.
pub(crate) async fn delete_email_change_jobs(
    db: &impl ConnectionTrait,
    user_id: UserId,
) -> Result<(), InternalError> {
    email_job::Entity::delete_many()
        .filter(email_job::Column::UserId.eq(user_id))
        .filter(email_job::Column::Kind.eq(JobKind::EmailChange))
        .exec(db)
        .await
        .context("cancel a requested email address change")?;
    Ok(())
}
