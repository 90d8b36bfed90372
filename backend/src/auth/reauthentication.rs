//! Re-authentication before a sensitive action.
//!
//! # Guarantees
//!
//! - Re-authentication requires the current password or, if there is none to ask for, a sign-in within the last ten minutes.
//! - Every attempt is counted against the rate limit before the password is verified.

use sea_orm::EntityTrait;

use crate::Backend;
use crate::auth::password::hasher::Verification;
use crate::auth::password::normalize;
use crate::entity::user;
use crate::error::{ErrorContext, UseCaseError};
use crate::sessions::CurrentUser;
use domain::errors::{ErrorCode, Field, FormErrors};
use domain::password::{NormalizedPassword, Password};
use domain::status::UserId;

/// Verifies the current password or, if there is none to ask for, that the sign-in is at most ten minutes old.
pub async fn reauthenticate(
    backend: &Backend,
    current_user: &CurrentUser,
    current: &Password,
    client_ip: &str,
) -> Result<(), UseCaseError> {
    backend.rate_limiter.acquire_reauthentication(&current_user.rate_limit_key(), backend.now()).await?;
    if current_user.requires_password() {
        return verify_current_password(backend, current_user.user_id, &normalize(current), client_ip).await;
    }
    if current_user.is_recently_authenticated(backend.now()) {
        Ok(())
    } else {
        Err(ErrorCode::ReauthenticationRequired.into())
    }
}

/// Verifies the current password of a signed-in user.
pub(crate) async fn verify_current_password(
    backend: &Backend,
    user_id: UserId,
    current: &NormalizedPassword,
    client_ip: &str,
) -> Result<(), UseCaseError> {
    if current.is_empty() {
        return Err(FormErrors::of_field(Field::CurrentPassword, ErrorCode::CurrentPasswordMissing).into());
    }
    let wrong =
        || UseCaseError::from(FormErrors::of_field(Field::CurrentPassword, ErrorCode::CurrentPasswordWrong));
    if current.is_too_long() {
        return Err(wrong());
    }
    let user = user::Entity::find_by_id(user_id).one(backend.db.pool()).await.context("find the account")?;
    let hash = user.and_then(|user| user.password_hash);
    match backend.hasher.verify(current, hash.as_deref(), client_ip).await? {
        Verification::Correct { .. } => Ok(()),
        Verification::Wrong => Err(wrong()),
    }
}
