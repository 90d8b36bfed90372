//! Sign-in with a password.
//!
//! # Guarantees
//!
//! - Every attempt costs exactly one Argon2 verification, whatever the identifier, the password and the status of the account.
//! - Until the password has been verified, every failure gets the same answer.
//! - An attempt is counted before any hashing.
//! - While the queue for hashing is full, an attempt is refused before it costs a query.
//! - A temporary password opens a restricted session, which can only choose a new password.

use std::net::IpAddr;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::Backend;
use crate::accounts::email_address::canonical;
use crate::auth::known_browsers::{
    KnownBrowser, count_attempt, forget_if_exhausted, known_to, refund_attempt,
};
use crate::auth::password::hasher::{HashError, Verification};
use crate::auth::password::normalize;
use crate::auth::rate_limit::SignInAttempt;
use crate::auth::token::{PlainToken, consume_token, find_token, revoke_tokens};
use crate::email::outbox::drop_unsent;
use crate::entity::outbox::EmailKind;
use crate::entity::user;
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::infra::counters::SignInOutcome;
use crate::infra::database::Lock;
use crate::sessions::{
    AuthMethod, Browser, BrowserSession, SessionRequest, insert_sign_in, lock_user_row, open_session,
    prepare_session,
};
use domain::email_address::EmailAddress;
use domain::errors::{ErrorCode, Field, FormErrors};
use domain::invisible::clean;
use domain::password::{NormalizedPassword, Password};
use domain::status::{Status, UserId};
use domain::time::Timestamp;
use domain::token::Purpose;
use domain::username;

/// The input of the sign-in form.
#[derive(Debug)]
pub struct SignIn<'a> {
    /// The username or email address as typed.
    pub identifier: &'a str,
    /// The password.
    pub password: &'a Password,
    /// True if the computer is shared.
    pub shared: bool,
    /// The client IP.
    pub client_ip: IpAddr,
}

/// The result of a sign-in with a correct password.
#[derive(Debug, PartialEq, Eq)]
pub enum SignedIn {
    /// An ordinary session is open.
    Open {
        /// The new content of the known-browser cookie. `None` on a shared computer.
        known: Option<KnownBrowser>,
    },
    /// A restricted session is open.
    Restricted,
    /// The password was correct, but the account is not active.
    NotActive {
        /// The user.
        user_id: UserId,
        /// The reason that is shown to the user.
        reason: ErrorCode,
        /// True if the user can request a new confirmation link.
        can_confirm: bool,
    },
}

/// Signs in with a password or a temporary password, and counts the result in the metrics.
pub async fn sign_in(
    backend: &Backend,
    session: &BrowserSession,
    form: SignIn<'_>,
    browser: &Browser,
) -> Result<SignedIn, UseCaseError> {
    let result = attempt_sign_in(backend, session, form, browser).await;
    if let Some(outcome) = outcome_of(&result) {
        backend.counters.count_sign_in(outcome);
    }
    result
}

/// Returns the outcome for the metrics, or `None` for an incomplete form and an internal error.
fn outcome_of(result: &Result<SignedIn, UseCaseError>) -> Option<SignInOutcome> {
    match result {
        Ok(SignedIn::Open { .. }) => Some(SignInOutcome::SignedIn),
        Ok(SignedIn::Restricted) => Some(SignInOutcome::Restricted),
        Ok(SignedIn::NotActive { .. }) => Some(SignInOutcome::NotActive),
        Err(UseCaseError::Rejected(errors)) => match errors.form? {
            ErrorCode::InvalidCredentials => Some(SignInOutcome::Incorrect),
            ErrorCode::TooManyAttempts(_) => Some(SignInOutcome::RateLimited),
            ErrorCode::Busy(_) => Some(SignInOutcome::Busy),
            _ => None,
        },
        Err(UseCaseError::Internal(_)) => None,
    }
}

async fn attempt_sign_in(
    backend: &Backend,
    session: &BrowserSession,
    form: SignIn<'_>,
    browser: &Browser,
) -> Result<SignedIn, UseCaseError> {
    let password = normalize(form.password);
    check_form(&form, &password)?;
    let lookup = Lookup::parse(form.identifier);
    let now = backend.now();
    let place = backend.hasher.reserve(&form.client_ip.to_string())?;
    let attempt =
        backend.rate_limiter.acquire_sign_in(&backend.settings, &lookup.key(), form.client_ip, now).await?;
    let user = find_user(backend, &lookup).await?;
    let temporary = PlainToken::from_typed(password.expose());
    let known = user.as_ref().and_then(|user| known_to(&browser.known, user.id));
    // After the daily limit, a browser that is not known can sign in only with a temporary password.
    let mut only_temporary = false;
    if let Some(wait) = attempt.daily_limit_wait() {
        let counted = match known {
            Some(known) => count_attempt(backend.db.pool(), known).await?,
            None => false,
        };
        if !counted && temporary.is_none() {
            backend.rate_limiter.refund(attempt).await;
            return Err(ErrorCode::TooManyAttempts(wait).into());
        }
        only_temporary = !counted;
    }
    let hash = user.as_ref().and_then(|user| user.password_hash.as_deref());
    let verification = match place.verify(&password, hash).await {
        Ok(verification) => verification,
        Err(error) => {
            // A hash that fails is not the user's fault.
            if let (Some(known), Some(_)) = (known, attempt.daily_limit_wait()) {
                refund_attempt(backend.db.pool(), known).await?;
            }
            backend.rate_limiter.refund(attempt).await;
            return Err(error.into());
        }
    };
    if let (Some(user), Verification::Correct { outdated }, false) = (&user, verification, only_temporary) {
        let renewed = outdated.then_some(&password);
        return accept_password(backend, session, &form, user, renewed, attempt, browser).await;
    }
    if let Some(temporary) = temporary
        && use_temporary_password(backend, session, &form, &temporary, user.as_ref(), browser).await?
    {
        if let (Some(known), true, false) = (known, attempt.daily_limit_wait().is_some(), only_temporary) {
            refund_attempt(backend.db.pool(), known).await?;
        }
        backend.rate_limiter.refund(attempt).await;
        return Ok(SignedIn::Restricted);
    }
    if let Some(known) = known {
        if attempt.daily_limit_wait().is_none() {
            count_attempt(backend.db.pool(), known).await?;
        }
        forget_if_exhausted(backend.db.pool(), known).await?;
    }
    backend.rate_limiter.record_failure(attempt).await;
    Err(ErrorCode::InvalidCredentials.into())
}

/// Completes a sign-in with the correct password, and refunds the attempt if the account is active and below its limit. Otherwise
/// the attempt counts as failed, because it costs a hash and has no result. The hash of the password `renewed` is replaced.
async fn accept_password(
    backend: &Backend,
    session: &BrowserSession,
    form: &SignIn<'_>,
    user: &user::Model,
    renewed: Option<&NormalizedPassword>,
    attempt: SignInAttempt,
    browser: &Browser,
) -> Result<SignedIn, UseCaseError> {
    let limiter = &backend.rate_limiter;
    if user.status != Status::Active {
        limiter.record_failure(attempt).await;
        return complete_sign_in(backend, session, form, user, renewed, browser).await;
    }
    if let Err(code) = limiter.acquire_successful_sign_in(user.id, form.client_ip, backend.now()).await {
        limiter.record_failure(attempt).await;
        return Err(code.into());
    }
    let completed = complete_sign_in(backend, session, form, user, renewed, browser);
    let ((), result) = tokio::join!(limiter.refund(attempt), completed);
    result
}

/// Opens a session if the account is active. The password has been verified.
async fn complete_sign_in(
    backend: &Backend,
    session: &BrowserSession,
    form: &SignIn<'_>,
    user: &user::Model,
    renewed: Option<&NormalizedPassword>,
    browser: &Browser,
) -> Result<SignedIn, UseCaseError> {
    if let Some(password) = renewed {
        renew_hash(backend, user, password, form.client_ip).await?;
    }
    if user.status != Status::Active {
        let can_confirm = user.email_confirmed_at.is_none()
            && matches!(user.status, Status::Pending | Status::Shadow | Status::Held);
        return Ok(SignedIn::NotActive {
            user_id: user.id,
            reason: inactive_reason(user, backend.now()),
            can_confirm,
        });
    }
    let session_request = SessionRequest {
        user_id: user.id,
        username: &user.username,
        credential_version: user.credential_version,
        shared: form.shared,
        auth_method: AuthMethod::Password,
    };
    let signed_in = open_session(backend, session, &session_request, browser, backend.now()).await?;
    let signed_in = signed_in.ok_or(ErrorCode::InvalidCredentials)?;
    Ok(SignedIn::Open { known: signed_in.known })
}

/// Returns the reason why an account is not active, for its owner.
pub(crate) fn inactive_reason(user: &user::Model, now: Timestamp) -> ErrorCode {
    match user.deletion_due_at {
        Some(at) if at > now => ErrorCode::DueForDeletion(at),
        _ => ErrorCode::NotActive(user.status.public()),
    }
}

/// Consumes a temporary password of this account and opens a restricted session. The account's other temporary passwords are
/// revoked. Returns false if the input is no temporary password of this account.
async fn use_temporary_password(
    backend: &Backend,
    session: &BrowserSession,
    form: &SignIn<'_>,
    temporary: &PlainToken,
    user: Option<&user::Model>,
    browser: &Browser,
) -> Result<bool, UseCaseError> {
    let now = backend.now();
    let found = find_token(backend.db.pool(), temporary, &[Purpose::TemporaryPassword], now).await?;
    let (Some(token), Some(user)) = (found, user) else { return Ok(false) };
    let valid = token.user_id == Some(user.id)
        && token.credential_version == user.credential_version
        && user.status == Status::Active
        && user.email_confirmed_at.is_some();
    if !valid {
        return Ok(false);
    }
    let session_request = SessionRequest {
        user_id: user.id,
        username: &user.username,
        credential_version: user.credential_version,
        shared: form.shared,
        auth_method: AuthMethod::TemporaryPassword,
    };
    let pending_session = prepare_session(backend, session, &session_request, browser).await?;
    let txn = backend.db.begin_write(Lock::None).await?;
    lock_user_row(&*txn, user.id).await?;
    if !consume_token(&*txn, token.id, now).await? {
        return Ok(false);
    }
    revoke_tokens(&*txn, Some(user.id), &[Purpose::TemporaryPassword], now).await?;
    drop_unsent(&*txn, user.id, &[EmailKind::TemporaryPassword], now).await?;
    if !insert_sign_in(&*txn, &pending_session, &session_request, browser, now).await? {
        return Ok(false);
    }
    txn.commit().await?;
    pending_session.activate(backend, session).await;
    Ok(true)
}

/// Refuses input that no account can have, without a query: empty or too long fields, and NUL characters.
fn check_form(form: &SignIn<'_>, password: &NormalizedPassword) -> Result<(), UseCaseError> {
    let mut errors = FormErrors::default();
    if clean(form.identifier).is_empty() {
        errors.add(Field::Username, ErrorCode::IdentifierMissing);
    }
    if password.is_empty() {
        errors.add(Field::Password, ErrorCode::PasswordMissing);
    }
    if !errors.is_empty() {
        return Err(errors.into());
    }
    let impossible = form.identifier.len() > 4 * domain::email_address::MAX_LENGTH
        || form.identifier.contains('\0')
        || password.expose().contains('\0')
        || password.is_too_long();
    if impossible { Err(ErrorCode::InvalidCredentials.into()) } else { Ok(()) }
}

/// The look-up key of a typed identifier. Rate limits count by it, so that another spelling of an email address or username has
/// no attempts of its own.
#[derive(Debug, PartialEq, Eq)]
enum Lookup {
    /// The canonical form of a confirmed email address.
    Email(String),
    /// The key of a username.
    Username(String),
}

impl Lookup {
    fn parse(identifier: &str) -> Self {
        let email = EmailAddress::parse(identifier).ok().and_then(|email| canonical(&email));
        email.map_or_else(|| Self::Username(username::key_of(identifier)), Self::Email)
    }

    fn key(&self) -> String {
        match self {
            Self::Email(email) => format!("address {email}"),
            Self::Username(username) => format!("name {username}"),
        }
    }
}

/// Returns the key by which sign-ins with the username that has this key are counted.
pub(crate) fn attempt_key(username_key: &str) -> String {
    Lookup::Username(username_key.to_owned()).key()
}

async fn find_user(backend: &Backend, lookup: &Lookup) -> Result<Option<user::Model>, InternalError> {
    let query = user::Entity::find();
    let query = match lookup {
        Lookup::Email(email) => query
            .filter(user::Column::EmailCanonical.eq(email))
            .filter(user::Column::EmailConfirmedAt.is_not_null())
            .filter(user::Column::Status.ne(Status::Rejected)),
        Lookup::Username(key) => query.filter(user::Column::UsernameKey.eq(key)),
    };
    query.one(backend.db.pool()).await.context("find the account")
}

/// Replaces a hash with older parameters, if it is still the one that was verified. The credential version stays the same.
async fn renew_hash(
    backend: &Backend,
    user: &user::Model,
    password: &NormalizedPassword,
    client_ip: IpAddr,
) -> Result<(), UseCaseError> {
    let hash = match backend.hasher.hash(password, &client_ip.to_string()).await {
        Ok(hash) => hash,
        // The next sign-in replaces it. The old hash still works.
        Err(HashError::Busy) => return Ok(()),
        Err(HashError::Failed(error)) => return Err(error.into()),
    };
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(hash))
        .filter(user::Column::Id.eq(user.id))
        .filter(user::Column::PasswordHash.eq(user.password_hash.clone()))
        .exec(backend.db.pool())
        .await
        .context("update the password hash")?;
    Ok(())
}
