//! Registrations that are sent twice, because someone presses the button again on a slow line.
//!
//! # Guarantees
//!
//! - A repetition is a registration with the username, email address and password of one that the same client made within
//!   [`REPEAT_PERIOD`] and that is still pending. It gets the same answer and changes nothing.
//! - Registering a username that the client has just registered costs the same hash as any other registration, and counts as an
//!   attempt to sign in to that account, whatever the email address and the password. So it helps no one to guess them.
//! - Without attempts left, the answer is that of any other username that is taken.

use std::net::IpAddr;
use std::time::Duration;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::Backend;
use crate::accounts::email_address::canonical;
use crate::audit::Action;
use crate::auth::password::hasher::Verification;
use crate::auth::password::policy::PasswordPolicy;
use crate::auth::password_sign_in::attempt_key;
use crate::auth::rate_limit::{SignInAttempt, is_same_client};
use crate::entity::{audit, user};
use crate::error::{ErrorContext, InternalError, UseCaseError};
use domain::errors::{ErrorCode, Field, FormErrors};
use domain::status::{Status, UserId};
use domain::username::Username;
use domain::validation::Registration;

/// The time for which a registration can be repeated.
pub const REPEAT_PERIOD: Duration = Duration::from_mins(10);

/// Returns the user id of the registration that `form` repeats, or `None` if the client has not registered this username within
/// [`REPEAT_PERIOD`] or has no attempts to sign in left. Fails if the client has registered it with another email address or
/// password.
pub(super) async fn find_repeated_registration(
    backend: &Backend,
    form: &Registration,
    client_ip: IpAddr,
) -> Result<Option<UserId>, UseCaseError> {
    let Some(email_canonical) = canonical(&form.email) else { return Ok(None) };
    let Some((user, hash)) = find_recent_registration(backend, &form.username, client_ip).await? else {
        return Ok(None);
    };
    let Some(attempt) = acquire_attempt(backend, &form.username, client_ip).await else { return Ok(None) };
    let policy =
        PasswordPolicy::new(&form.password, form.username.as_str(), form.email.as_str(), &backend.settings);
    let (password, client) = (form.password.password(), client_ip.to_string());
    let verified = backend.hasher.verify_unless(password, &hash, &client, move || policy.is_too_weak()).await;
    let verification = match verified {
        Ok(verification) => verification,
        Err(error) => {
            // A busy hasher is not the user's fault.
            backend.rate_limiter.refund(attempt).await;
            return Err(error.into());
        }
    };
    // As at sign-in, the right password of an account that is not active counts too.
    backend.rate_limiter.record_failure(attempt).await;
    match verification {
        None => Err(FormErrors::of_field(Field::Password, ErrorCode::PasswordTooWeak).into()),
        Some(Verification::Correct { .. }) if user.email_canonical == email_canonical => Ok(Some(user.id)),
        Some(_) => Err(FormErrors::of_field(Field::Username, ErrorCode::UsernameTaken).into()),
    }
}

/// Counts an attempt to sign in. Returns `None` if a limit has been reached.
async fn acquire_attempt(backend: &Backend, username: &Username, client_ip: IpAddr) -> Option<SignInAttempt> {
    let (limiter, now) = (&backend.rate_limiter, backend.now());
    let attempt = limiter
        .acquire_sign_in(&backend.settings, &attempt_key(&username.key()), client_ip, now)
        .await
        .ok()?;
    if attempt.daily_limit_wait().is_some() {
        limiter.refund(attempt).await;
        return None;
    }
    Some(attempt)
}

/// Returns the pending account that this client has registered with this username within [`REPEAT_PERIOD`], and its password hash.
async fn find_recent_registration(
    backend: &Backend,
    username: &Username,
    client_ip: IpAddr,
) -> Result<Option<(user::Model, String)>, InternalError> {
    let since = backend.now().before(REPEAT_PERIOD);
    let user = user::Entity::find()
        .filter(user::Column::UsernameKey.eq(username.key()))
        .filter(user::Column::Status.is_in([Status::Pending, Status::Shadow]))
        .filter(user::Column::CreatedAt.gt(since))
        .one(backend.db.pool())
        .await
        .context("find a recent registration")?;
    let Some((user, hash)) = user.and_then(|user| user.password_hash.clone().map(|hash| (user, hash))) else {
        return Ok(None);
    };
    let registered = audit::Entity::find()
        .filter(audit::Column::SubjectId.eq(user.id))
        .filter(audit::Column::Action.eq(Action::Register))
        .one(backend.db.pool())
        .await
        .context("find the client of a registration")?;
    let registered_from: Option<IpAddr> = registered.and_then(|row| row.client_ip?.parse().ok());
    Ok(registered_from.is_some_and(|from| is_same_client(from, client_ip)).then_some((user, hash)))
}
