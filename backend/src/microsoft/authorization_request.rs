//! Authorization requests: redirects to Microsoft, and the check of the state that comes back.
//!
//! # Guarantees
//!
//! - A state is accepted once, within [`LIFETIME`], and only in the browser that was redirected.
//! - The purpose of a request is stored on the server and cannot change.
//! - The database holds only hashes of the state and of the browser's secret.

use std::net::IpAddr;
use std::time::Duration;

use data_encoding::HEXLOWER;
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use sha2::{Digest, Sha256};
use url::Url;

use crate::Backend;
use crate::auth::reauthentication::reauthenticate;
use crate::entity::authorization_request::{self, RequestPurpose};
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::infra::random;
use crate::microsoft::provider::Prompt;
use crate::microsoft::with_timeout;
use crate::sessions::CurrentUser;
use domain::errors::ErrorCode;
use domain::password::Password;
use domain::status::UserId;
use domain::time::Timestamp;

/// Time until an authorization request expires.
pub(super) const LIFETIME: Duration = Duration::from_mins(10);

/// A redirect to Microsoft, and the secret that binds it to the browser.
#[derive(Debug)]
pub struct AuthorizationRedirect {
    /// The URL at Microsoft.
    pub url: Url,
    /// The secret for the browser's cookie.
    pub browser_secret: String,
}

/// An authorization request that has been consumed.
#[derive(Debug)]
pub(super) struct AuthorizationRequest {
    pub purpose: RequestPurpose,
    pub user_id: Option<UserId>,
    pub session_public_id: Option<String>,
    pub nonce: String,
    pub code_verifier: String,
    pub return_to: String,
    pub started_at: Timestamp,
}

fn hash(secret: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(secret.as_bytes()))
}

/// Begins a sign-in from a client IP, on a `shared` computer or not. `browser_secret` is the secret that this browser already
/// has, if any, so that several requests of one browser can be open.
pub async fn begin_sign_in(
    backend: &Backend,
    client_ip: IpAddr,
    shared: bool,
    return_to: &str,
    browser_secret: Option<&str>,
) -> Result<AuthorizationRedirect, UseCaseError> {
    backend.rate_limiter.acquire_microsoft_sign_in(client_ip, backend.now()).await?;
    let purpose = if shared { RequestPurpose::SignInShared } else { RequestPurpose::SignIn };
    begin(backend, purpose, None, return_to, browser_secret).await
}

/// Begins the linking of a Microsoft account, after re-authentication with the current password.
pub async fn begin_link(
    backend: &Backend,
    current_user: &CurrentUser,
    current_password: &Password,
    client_ip: IpAddr,
    browser_secret: Option<&str>,
) -> Result<AuthorizationRedirect, UseCaseError> {
    if current_user.email_confirmed_at.is_none() {
        return Err(ErrorCode::EmailUnconfirmed.into());
    }
    reauthenticate(backend, current_user, current_password, &client_ip.to_string()).await?;
    begin(backend, RequestPurpose::Link, Some(current_user), "/profile/microsoft", browser_secret).await
}

/// Begins a re-authentication with Microsoft.
pub async fn begin_reauthentication(
    backend: &Backend,
    current_user: &CurrentUser,
    return_to: &str,
    browser_secret: Option<&str>,
) -> Result<AuthorizationRedirect, UseCaseError> {
    backend.rate_limiter.acquire_reauthentication(&current_user.rate_limit_key(), backend.now()).await?;
    begin(backend, RequestPurpose::Reauthenticate, Some(current_user), return_to, browser_secret).await
}

async fn begin(
    backend: &Backend,
    purpose: RequestPurpose,
    current_user: Option<&CurrentUser>,
    return_to: &str,
    browser_secret: Option<&str>,
) -> Result<AuthorizationRedirect, UseCaseError> {
    let provider = backend.microsoft.as_ref().ok_or(ErrorCode::MicrosoftNotConfigured)?;
    let prompt =
        if purpose == RequestPurpose::Reauthenticate { Prompt::Login } else { Prompt::SelectAccount };
    let started = with_timeout(provider, provider.begin(prompt)).await?;
    let browser_secret = browser_secret.map_or_else(random::public_id, ToOwned::to_owned);
    let row = authorization_request::ActiveModel {
        state_hash: ActiveValue::Set(hash(&started.state)),
        purpose: ActiveValue::Set(purpose.into()),
        user_id: ActiveValue::Set(current_user.map(|current_user| current_user.user_id)),
        session_public_id: ActiveValue::Set(current_user.map(|current_user| current_user.public_id.clone())),
        browser_hash: ActiveValue::Set(hash(&browser_secret)),
        nonce: ActiveValue::Set(started.nonce),
        code_verifier: ActiveValue::Set(started.code_verifier),
        return_to: ActiveValue::Set(return_to.to_owned()),
        expires_at: ActiveValue::Set(backend.now().after(LIFETIME)),
    };
    authorization_request::Entity::insert(row)
        .exec_without_returning(backend.db.pool())
        .await
        .context("store an authorization request")?;
    Ok(AuthorizationRedirect { url: started.url, browser_secret })
}

/// Consumes the authorization request with this state, which must belong to this browser. Returns `None` for any other state,
/// and if the request has expired or has already been consumed.
pub(super) async fn consume_authorization_request(
    backend: &Backend,
    state: &str,
    browser_secret: Option<&str>,
) -> Result<Option<AuthorizationRequest>, InternalError> {
    let Some(browser_secret) = browser_secret else { return Ok(None) };
    let found = authorization_request::Entity::find_by_id(hash(state))
        .filter(authorization_request::Column::BrowserHash.eq(hash(browser_secret)))
        .filter(authorization_request::Column::ExpiresAt.gt(backend.now()))
        .one(backend.db.pool())
        .await
        .context("find an authorization request")?;
    let Some(row) = found else { return Ok(None) };
    // If two callbacks arrive together, only one deletes the row.
    let deleted = authorization_request::Entity::delete_by_id(row.state_hash)
        .exec(backend.db.pool())
        .await
        .context("delete an authorization request")?;
    if deleted.rows_affected != 1 {
        return Ok(None);
    }
    let Some(purpose) = row.purpose.known() else { return Ok(None) };
    Ok(Some(AuthorizationRequest {
        purpose,
        user_id: row.user_id,
        session_public_id: row.session_public_id,
        nonce: row.nonce,
        code_verifier: row.code_verifier,
        return_to: row.return_to,
        started_at: row.expires_at.before(LIFETIME),
    }))
}

/// Deletes the authorization requests that have expired.
pub async fn purge_authorization_requests(
    db: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<(), InternalError> {
    authorization_request::Entity::delete_many()
        .filter(authorization_request::Column::ExpiresAt.lt(now))
        .exec(db)
        .await
        .context("purge authorization requests")?;
    Ok(())
}
