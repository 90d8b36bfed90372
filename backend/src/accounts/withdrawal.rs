//! Withdrawing a registration: its account is deleted.
//!
//! # Guarantees
//!
//! - Only a registration without a decision is deleted: a pending one or one on hold. A shadow is deleted like a pending one.
//! - The link of a question and, while the email address is not confirmed, the browser that registered or the password are enough.
//!   Without the link, the password is required, because several people may use a browser.
//! - Attempts with a password and without a link are counted as sign-ins.
//! - A withdrawal that is sent twice gets the first answer twice.

use std::net::IpAddr;

use sea_orm::{ColumnTrait, Condition};

use crate::accounts::applicant::{Applicant, find_by_browser, find_by_link};
use crate::accounts::delete_users::delete_users;
use crate::audit::{Action, insert_audit};
use crate::auth::link::LinkProof;
use crate::auth::link_use::{LinkAnswer, LinkUse, or_first_answer, record_link_use};
use crate::auth::password::hasher::Verification;
use crate::auth::password::normalize;
use crate::auth::password_sign_in::attempt_key;
use crate::auth::token::consume_token;
use crate::entity::{user, user_token};
use crate::error::UseCaseError;
use crate::infra::database::Lock;
use crate::sessions::lock_user_row;
use crate::{Actor, Backend};
use domain::errors::{ErrorCode, Field, FormErrors};
use domain::password::Password;
use domain::status::{Status, UserId};

/// The statuses of registrations that can be withdrawn. A shadow looks pending to the person who registered it.
const UNDECIDED: [Status; 3] = [Status::Pending, Status::Held, Status::Shadow];

/// Withdraws the registration of an applicant and deletes its account.
pub async fn withdraw_request(
    backend: &Backend,
    applicant: Applicant<'_>,
    proof: &LinkProof<'_>,
) -> Result<(), UseCaseError> {
    match applicant {
        Applicant::Link(link) => {
            let first = withdraw_by_link(backend, link, proof).await;
            let answers = [LinkAnswer::RequestWithdrawn];
            or_first_answer(backend, first, proof.request(link, None), &answers).await.map(drop)
        }
        Applicant::Browser(user_id) => withdraw_by_browser(backend, user_id, proof).await,
    }
}

async fn withdraw_by_link(
    backend: &Backend,
    link: &str,
    proof: &LinkProof<'_>,
) -> Result<LinkUse, UseCaseError> {
    let (token, user) = find_by_link(backend, link, proof).await?;
    if !delete_registration(backend, &user, Some(&token), proof).await? {
        return Err(ErrorCode::LinkInvalid.into());
    }
    Ok(WITHDRAWN)
}

const WITHDRAWN: LinkUse = LinkUse { answer: LinkAnswer::RequestWithdrawn, user_id: None };

async fn withdraw_by_browser(
    backend: &Backend,
    user_id: UserId,
    proof: &LinkProof<'_>,
) -> Result<(), UseCaseError> {
    // An account that no longer exists has been withdrawn already, or has been deleted in another way.
    let Some(user) = find_by_browser(backend, user_id, proof).await? else { return Ok(()) };
    if !UNDECIDED.contains(&user.status) {
        return Err(ErrorCode::AlreadyDecided.into());
    }
    check_owner(backend, &user, proof).await?;
    let deleted = delete_registration(backend, &user, None, proof).await?;
    // The same person may have withdrawn the request in the meantime.
    if deleted || find_by_browser(backend, user_id, proof).await?.is_none() {
        return Ok(());
    }
    Err(ErrorCode::AlreadyDecided.into())
}

/// Checks that the applicant uses the browser, and not someone else. The page of a question is shown to an applicant who has just
/// entered the password or, for an account without a password, has just signed in with Microsoft.
async fn check_owner(
    backend: &Backend,
    user: &user::Model,
    proof: &LinkProof<'_>,
) -> Result<(), UseCaseError> {
    let has_password = user.password_hash.is_some();
    let is_verified = proof.password_verified == Some(user.id);
    if is_verified && (user.status == Status::Held || !has_password) {
        return Ok(());
    }
    if !has_password {
        return Err(ErrorCode::SignedOut.into());
    }
    verify_password(backend, user, proof.password, proof.client_ip).await
}

/// Verifies the password of an account. The attempt is counted as a sign-in before any hashing.
async fn verify_password(
    backend: &Backend,
    user: &user::Model,
    password: &Password,
    client_ip: IpAddr,
) -> Result<(), UseCaseError> {
    let password = normalize(password);
    if password.is_empty() {
        return Err(FormErrors::of_field(Field::Password, ErrorCode::PasswordMissing).into());
    }
    let wrong = || UseCaseError::from(FormErrors::of_field(Field::Password, ErrorCode::PasswordWrong));
    if password.is_too_long() {
        return Err(wrong());
    }
    let (limiter, now) = (&backend.rate_limiter, backend.now());
    let key = attempt_key(&user.username_key);
    let attempt = limiter.acquire_sign_in(&backend.settings, &key, client_ip, now).await?;
    if let Some(wait) = attempt.daily_limit_wait() {
        limiter.refund(attempt).await;
        return Err(ErrorCode::TooManyAttempts(wait).into());
    }
    let hash = user.password_hash.as_deref();
    match backend.hasher.verify(&password, hash, &client_ip.to_string()).await {
        Ok(Verification::Correct { .. }) => {
            limiter.refund(attempt).await;
            Ok(())
        }
        Ok(Verification::Wrong) => {
            limiter.record_failure(attempt).await;
            Err(wrong())
        }
        Err(error) => {
            // A busy hasher is not the user's fault.
            limiter.refund(attempt).await;
            Err(error.into())
        }
    }
}

/// Deletes the account of a registration without a decision. Returns false if the link has been used, or if the registration has
/// been decided or deleted in the meantime.
async fn delete_registration(
    backend: &Backend,
    user: &user::Model,
    token: Option<&user_token::Model>,
    proof: &LinkProof<'_>,
) -> Result<bool, UseCaseError> {
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    lock_user_row(&*txn, user.id).await?;
    if let Some(token) = token
        && !consume_token(&*txn, token.id, now).await?
    {
        return Ok(false);
    }
    let actor =
        Actor { id: Some(user.id), name: user.username.clone(), client_ip: proof.client_ip.to_string() };
    insert_audit(&*txn, Action::WithdrawRequest, &actor, Some((user.id, &user.username)), now).await?;
    let registration =
        Condition::all().add(user::Column::Id.eq(user.id)).add(user::Column::Status.is_in(UNDECIDED));
    if delete_users(&txn, registration).await?.is_empty() {
        return Ok(false);
    }
    if let Some(token) = token {
        record_link_use(&*txn, &token.token_hash, proof.form_secret, WITHDRAWN, None, now).await?;
    }
    txn.commit().await?;
    Ok(true)
}
