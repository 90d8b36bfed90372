//! Handles the redirect back from Microsoft.
//!
//! # Guarantees
//!
//! - Nothing changes unless every check has passed.
//! - Linking and re-authentication finish only in the session that began them.
//! - A first sign-in creates a new account and changes no other account.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use std::net::IpAddr;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use url::form_urlencoded::byte_serialize;

use crate::Backend;
use crate::auth::known_browsers::KnownBrowser;
use crate::auth::password_sign_in::inactive_reason;
use crate::entity::authorization_request::RequestPurpose;
use crate::entity::user_session;
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::infra::counters::SignInOutcome;
use crate::infra::database::Lock;
use crate::microsoft::authorization_request::{AuthorizationRequest, consume_authorization_request};
use crate::microsoft::linked_identity::{find_user_by_identity, link};
use crate::microsoft::oauth_client::describe_oauth_error;
use crate::microsoft::provider::{Identity, Provider};
use crate::microsoft::provisioning::create_account;
use crate::microsoft::with_timeout;
use crate::sessions::{
    AuthMethod, Browser, BrowserSession, CurrentUser, SessionRequest, open_session, require_session,
};
use domain::errors::ErrorCode;
use domain::status::{Status, UserId};
use domain::time::Timestamp;

/// Allowed difference between the provider's clock and the portal's, the same as for ID tokens.
const LEEWAY: Duration = Duration::from_mins(1);
/// The page after a sign-in that began at no particular page.
pub const DEFAULT_RETURN_TO: &str = "/profile";

/// The parameters of the callback, and the browser that sent it.
#[derive(Debug)]
pub struct CallbackRequest<'a> {
    /// The `state` parameter.
    pub state: &'a str,
    /// The authorization code.
    pub code: Option<&'a str>,
    /// The `error` parameter and Microsoft's description of it.
    pub error: Option<(&'a str, Option<&'a str>)>,
    /// The secret in the browser's cookie.
    pub browser_secret: Option<&'a str>,
    /// The user who is signed in in the browser.
    pub current_user: Option<&'a CurrentUser>,
}

/// The result of a callback.
#[derive(Debug, PartialEq, Eq)]
pub enum CallbackResult {
    /// The user is signed in.
    SignedIn {
        /// The browser's new entry for its cookie. `None` on a shared computer.
        known: Option<KnownBrowser>,
        /// The page to continue to.
        return_to: String,
    },
    /// The account is not active.
    NotActive {
        /// The id of the account.
        user_id: UserId,
        /// True if the account has a password. Without one, its owner can confirm the email address in this browser.
        has_password: bool,
        /// The reason that the owner reads.
        reason: ErrorCode,
        /// The page to which the sign-in would have led.
        return_to: String,
        /// True if the computer is shared.
        shared: bool,
    },
    /// The identity is linked with the current user's account.
    Linked,
    /// The current user has re-authenticated.
    Reauthenticated {
        /// The page to continue to.
        return_to: String,
    },
}

/// The error of a callback that changed nothing.
#[derive(Debug)]
pub struct CallbackError {
    /// The page that shows the error.
    pub page: String,
    /// The error.
    pub error: UseCaseError,
    /// True if the sign-in began on a shared computer.
    pub shared: bool,
}

/// Handles a callback: consumes the authorization request and completes the sign-in, link or re-authentication.
pub async fn handle_callback(
    backend: &Backend,
    session: &BrowserSession,
    callback: CallbackRequest<'_>,
    browser: &Browser,
    client_ip: IpAddr,
) -> Result<CallbackResult, CallbackError> {
    // The sign-in page redirects users who are signed in, so they would not see the error there.
    let default_page = if callback.current_user.is_some() { "/profile" } else { "/login" };
    let fail =
        |page: &str, error: UseCaseError| CallbackError { page: page.to_owned(), error, shared: false };
    if let Err(code) = backend.rate_limiter.acquire_microsoft_request(client_ip, backend.now()).await {
        return Err(fail(default_page, code.into()));
    }
    let request = consume_authorization_request(backend, callback.state, callback.browser_secret).await;
    let Some(request) = request.map_err(|failure| fail("/login", failure.into()))? else {
        tracing::warn!("Microsoft callback without a matching sign-in request");
        return Err(fail(default_page, ErrorCode::MicrosoftRequestExpired.into()));
    };
    let page = error_page(&request, callback.current_user);
    let shared = request.purpose == RequestPurpose::SignInShared;
    let done = complete(backend, session, &callback, request, browser).await;
    done.map_err(|error| CallbackError { page, error, shared })
}

/// Returns the page that shows the error of a request.
fn error_page(request: &AuthorizationRequest, current_user: Option<&CurrentUser>) -> String {
    match (request.purpose, current_user) {
        // The sign-in page redirects users who are signed in.
        (RequestPurpose::SignIn | RequestPurpose::SignInShared, Some(_)) => "/profile".to_owned(),
        (RequestPurpose::SignIn | RequestPurpose::SignInShared, None)
            if request.return_to == DEFAULT_RETURN_TO =>
        {
            "/login".to_owned()
        }
        (RequestPurpose::Link | RequestPurpose::Reauthenticate, Some(_)) => request.return_to.clone(),
        (_, None) => {
            format!("/login?next={}", byte_serialize(request.return_to.as_bytes()).collect::<String>())
        }
    }
}

async fn complete(
    backend: &Backend,
    session: &BrowserSession,
    callback: &CallbackRequest<'_>,
    request: AuthorizationRequest,
    browser: &Browser,
) -> Result<CallbackResult, UseCaseError> {
    let provider = backend.microsoft.as_ref().ok_or(ErrorCode::MicrosoftNotConfigured)?;
    let current_user = match request.purpose {
        RequestPurpose::SignIn | RequestPurpose::SignInShared => None,
        RequestPurpose::Link | RequestPurpose::Reauthenticate => {
            Some(requesting_user(callback, &request).ok_or_else(|| {
                tracing::warn!("Microsoft callback for a different session");
                ErrorCode::MicrosoftRequestExpired
            })?)
        }
    };
    let identity = fetch_identity(provider, callback, &request, backend.now()).await?;
    match (request.purpose, current_user) {
        (RequestPurpose::Link, Some(current_user)) => {
            link(backend, current_user, &identity, &browser.client_ip).await?;
            Ok(CallbackResult::Linked)
        }
        (RequestPurpose::Reauthenticate, Some(current_user)) => {
            reauthenticate(backend, current_user, &identity, request.started_at).await?;
            Ok(CallbackResult::Reauthenticated { return_to: request.return_to })
        }
        (RequestPurpose::SignIn | RequestPurpose::SignInShared, _) => {
            let shared = request.purpose == RequestPurpose::SignInShared;
            sign_in(backend, session, &identity, request.return_to, shared, browser).await
        }
        (RequestPurpose::Link | RequestPurpose::Reauthenticate, None) => {
            Err(ErrorCode::MicrosoftRequestExpired.into())
        }
    }
}

/// Returns the current user if the request was made in the current session.
fn requesting_user<'a>(
    callback: &CallbackRequest<'a>,
    request: &AuthorizationRequest,
) -> Option<&'a CurrentUser> {
    callback.current_user.filter(|current_user| {
        request.user_id == Some(current_user.user_id)
            && request.session_public_id.as_deref() == Some(&current_user.public_id)
    })
}

/// Exchanges the code for the verified identity.
async fn fetch_identity(
    provider: &Provider,
    callback: &CallbackRequest<'_>,
    request: &AuthorizationRequest,
    now: Timestamp,
) -> Result<Identity, ErrorCode> {
    if let Some((error, description)) = callback.error {
        let denied = error == "access_denied";
        tracing::warn!(cause = describe_oauth_error(error, description), "Microsoft returned an error");
        return Err(if denied { ErrorCode::MicrosoftDenied } else { ErrorCode::MicrosoftRefused });
    }
    let code = callback.code.ok_or_else(|| {
        tracing::warn!("Microsoft callback without a code or an error");
        ErrorCode::MicrosoftRefused
    })?;
    with_timeout(provider, provider.finish(code, &request.nonce, &request.code_verifier, now)).await
}

/// Signs in the user with this identity. Creates an account if there is none.
async fn sign_in(
    backend: &Backend,
    session: &BrowserSession,
    identity: &Identity,
    return_to: String,
    shared: bool,
    browser: &Browser,
) -> Result<CallbackResult, UseCaseError> {
    let mut found = find_user_by_identity(backend.db.pool(), identity).await?;
    if found.is_none() {
        let created = create_account(backend, identity, browser).await;
        // If a callback in another tab was faster, this one has failed, and the account exists.
        found = find_user_by_identity(backend.db.pool(), identity).await?;
        if found.is_none() {
            created?;
        }
    }
    let user = found.ok_or(InternalError::Data("a new account is missing"))?;
    if user.status != Status::Active {
        backend.counters.count_sign_in(SignInOutcome::NotActive);
        let reason = inactive_reason(&user, backend.now());
        let (user_id, has_password) = (user.id, user.password_hash.is_some());
        return Ok(CallbackResult::NotActive { user_id, has_password, reason, return_to, shared });
    }
    let request = SessionRequest {
        user_id: user.id,
        username: &user.username,
        credential_version: user.credential_version,
        shared,
        auth_method: AuthMethod::Microsoft,
    };
    // An old session at Microsoft does not count as a fresh sign-in. Without auth_time the oldest possible time counts.
    let now = backend.now();
    let authenticated_at = identity.auth_time.unwrap_or_default().min(now);
    let signed_in = open_session(backend, session, &request, browser, authenticated_at).await?;
    let signed_in = signed_in.ok_or(ErrorCode::MicrosoftRefused)?;
    backend.counters.count_sign_in(SignInOutcome::SignedIn);
    Ok(CallbackResult::SignedIn { known: signed_in.known, return_to })
}

/// Records a re-authentication, if the user has signed in at Microsoft since the request began.
async fn reauthenticate(
    backend: &Backend,
    current_user: &CurrentUser,
    identity: &Identity,
    started_at: Timestamp,
) -> Result<(), UseCaseError> {
    let owner = find_user_by_identity(backend.db.pool(), identity).await?;
    if owner.is_none_or(|owner| owner.id != current_user.user_id) {
        return Err(ErrorCode::MicrosoftMismatch.into());
    }
    if identity.auth_time.is_none_or(|at| at < started_at.before(LEEWAY)) {
        tracing::warn!("Microsoft did not confirm a recent sign-in: claim auth_time is missing or old");
        return Err(ErrorCode::MicrosoftNoRecentSignIn.into());
    }
    let txn = backend.db.begin_write(Lock::None).await?;
    require_session(&*txn, current_user).await?;
    user_session::Entity::update_many()
        .col_expr(user_session::Column::AuthenticatedAt, Expr::value(backend.now().0))
        .filter(user_session::Column::PublicId.eq(current_user.public_id.as_str()))
        .exec(&*txn)
        .await
        .context("record a re-authentication")?;
    txn.commit().await?;
    Ok(())
}
