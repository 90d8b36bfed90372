//! Signing in once with the link from the approval email, or with one that the operator printed.
//!
//! # Guarantees
//!
//! - A link works once, however many requests use it at the same time: one conditional UPDATE decides. The browser that has used
//!   it gets the same answer again for a minute ([`crate::auth::link_use`]).
//! - A link that was sent to an unconfirmed email address works only together with the password.

use crate::Backend;
use crate::accounts::email_verification::mark_email_confirmed;
use crate::auth::link::{LinkProof, SIGN_IN, check_password, find_valid_link};
use crate::auth::link_use::{LinkAnswer, LinkUse, or_first_answer, record_link_use};
use crate::auth::token::consume_token;
use crate::error::UseCaseError;
use crate::infra::database::Lock;
use crate::sessions::{
    AuthMethod, Browser, BrowserSession, SessionRequest, insert_sign_in, lock_user_row, prepare_session,
};
use domain::errors::ErrorCode;
use domain::token::Purpose;

/// Signs in with a sign-in link. If the email address is unconfirmed, the password is required too and the email address is then
/// confirmed, so that a mistyped email address signs no one else in.
pub async fn use_sign_in_link(
    backend: &Backend,
    session: &BrowserSession,
    link: &str,
    proof: &LinkProof<'_>,
    browser: &Browser,
) -> Result<(), UseCaseError> {
    let first = sign_in_once(backend, session, link, proof, browser).await;
    let request = proof.request(link, Some(session));
    or_first_answer(backend, first, request, &[LinkAnswer::SignedIn]).await.map(drop)
}

async fn sign_in_once(
    backend: &Backend,
    session: &BrowserSession,
    link: &str,
    proof: &LinkProof<'_>,
    browser: &Browser,
) -> Result<LinkUse, UseCaseError> {
    backend.rate_limiter.acquire_confirmation(&backend.settings, proof.client_ip, backend.now()).await?;
    let (token, user) = find_valid_link(backend, link, &SIGN_IN).await?.ok_or(ErrorCode::LinkInvalid)?;
    if proof.current_user.is_some_and(|current_user| current_user.user_id != user.id) {
        return Err(ErrorCode::OtherUserSignedIn.into());
    }
    let unconfirmed = user.email_confirmed_at.is_none();
    if unconfirmed {
        check_password(backend, &user, proof).await?;
    }
    let auth_method = match token.purpose.known() {
        Some(Purpose::OperatorSignIn) => AuthMethod::OperatorLink,
        _ => AuthMethod::SignInLink,
    };
    let session_request = SessionRequest {
        user_id: user.id,
        username: &user.username,
        credential_version: token.credential_version,
        shared: false,
        auth_method,
    };
    let pending_session = prepare_session(backend, session, &session_request, browser).await?;
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    lock_user_row(&*txn, user.id).await?;
    if !consume_token(&*txn, token.id, now).await? {
        return Err(ErrorCode::LinkInvalid.into());
    }
    if unconfirmed {
        mark_email_confirmed(&txn, &user, proof.client_ip, now).await?;
    }
    if !insert_sign_in(&*txn, &pending_session, &session_request, browser, now).await? {
        return Err(ErrorCode::LinkInvalid.into());
    }
    let link_use = LinkUse { answer: LinkAnswer::SignedIn, user_id: Some(user.id) };
    let opened = Some(&pending_session);
    record_link_use(&*txn, &token.token_hash, proof.form_secret, link_use, opened, now).await?;
    txn.commit().await?;
    pending_session.activate(backend, session).await;
    Ok(link_use)
}
