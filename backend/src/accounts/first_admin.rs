//! Creating the first administrator with the setup link from the log.
//!
//! # Guarantees
//!
//! - The setup link works once, and only while no active administrator can sign in. The browser that has used it gets the same
//!   answer again for a minute ([`crate::auth::link_use`]).
//! - Only the newest setup link works.
//! - The check and the new account are one transaction under [`Lock::Administrators`].

use sea_orm::ConnectionTrait;

use crate::accounts::last_admin::count_admins;
use crate::accounts::registration::{PreparedRegistration, insert_registration, prepare_registration};
use crate::audit::{Action, insert_audit};
use crate::auth::link::LinkProof;
use crate::auth::link_use::{LinkAnswer, LinkUse, or_first_answer, record_link_session, record_link_use};
use crate::auth::token::{NewToken, PlainToken, consume_token, find_token, insert_token, revoke_tokens};
use crate::error::{InternalError, UseCaseError};
use crate::infra::database::Lock;
use crate::sessions::{AuthMethod, Browser, BrowserSession, SessionRequest, insert_sign_in, prepare_session};
use crate::{Actor, Backend};
use domain::errors::ErrorCode;
use domain::status::{Role, Status, UserId};
use domain::token::Purpose;
use domain::validation::Registration;

/// The lifetime of the setup link. Every start of the server creates a new one.
const SETUP_LINK_LIFETIME: std::time::Duration = std::time::Duration::from_hours(24);

/// Creates a new setup link and revokes the old one. Returns `None` if there is an administrator who can sign in.
pub async fn renew_setup_link(backend: &Backend) -> Result<Option<String>, InternalError> {
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::Administrators).await?;
    revoke_tokens(&*txn, None, &[Purpose::Setup], now).await?;
    let needed = count_admins(backend, &*txn, None).await? == 0;
    let link = if needed {
        let new_token = NewToken {
            user_id: None,
            purpose: Purpose::Setup,
            credential_version: 0,
            email_canonical: "",
            email: None,
            now,
            expires_at: now.after(SETUP_LINK_LIFETIME),
        };
        let token = insert_token(&*txn, new_token).await?;
        Some(backend.settings.link(&format!("/setup/{}", token.expose())))
    } else {
        None
    };
    txn.commit().await?;
    Ok(link)
}

/// Returns true if the setup link is valid.
pub async fn is_setup_link(backend: &Backend, link: &str) -> Result<bool, InternalError> {
    let Some(token) = PlainToken::from_link(link) else {
        return Ok(false);
    };
    let found = find_token(backend.db.pool(), &token, &[Purpose::Setup], backend.now()).await?;
    Ok(found.is_some() && count_admins(backend, backend.db.pool(), None).await? == 0)
}

/// Creates the first administrator and signs them in.
pub async fn create_first_admin(
    backend: &Backend,
    session: &BrowserSession,
    link: &str,
    form: Registration,
    proof: &LinkProof<'_>,
    browser: &Browser,
) -> Result<(), UseCaseError> {
    let first = create_first_admin_once(backend, session, link, form, proof, browser).await;
    let request = proof.request(link, Some(session));
    or_first_answer(backend, first, request, &[LinkAnswer::AdminCreated]).await.map(drop)
}

async fn create_first_admin_once(
    backend: &Backend,
    session: &BrowserSession,
    link: &str,
    form: Registration,
    proof: &LinkProof<'_>,
    browser: &Browser,
) -> Result<LinkUse, UseCaseError> {
    backend.rate_limiter.acquire_registration(&backend.settings, proof.client_ip, backend.now()).await?;
    let token = PlainToken::from_link(link).ok_or(ErrorCode::LinkInvalid)?;
    let found = find_token(backend.db.pool(), &token, &[Purpose::Setup], backend.now()).await?;
    let found = found.ok_or(ErrorCode::LinkInvalid)?;
    let new = prepare_registration(backend, form, &browser.client_ip).await?;
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::Administrators).await?;
    if !consume_token(&*txn, found.id, now).await? {
        return Err(ErrorCode::LinkInvalid.into());
    }
    let actor = Actor { id: None, name: "setup link".to_owned(), client_ip: browser.client_ip.clone() };
    let id = insert_first_admin(backend, &*txn, &new, &actor, Action::Setup).await?;
    let link_use = LinkUse { answer: LinkAnswer::AdminCreated, user_id: Some(id) };
    record_link_use(&*txn, &found.token_hash, proof.form_secret, link_use, None, now).await?;
    txn.commit().await?;
    let session_request = SessionRequest {
        user_id: id,
        username: new.username(),
        credential_version: 0,
        shared: false,
        auth_method: AuthMethod::Setup,
    };
    let pending_session = prepare_session(backend, session, &session_request, browser).await?;
    let txn = backend.db.begin_write(Lock::None).await?;
    if !insert_sign_in(&*txn, &pending_session, &session_request, browser, now).await? {
        return Err(ErrorCode::SignedOut.into());
    }
    record_link_session(&*txn, &token, proof.form_secret, &pending_session, now).await?;
    txn.commit().await?;
    pending_session.activate(backend, session).await;
    Ok(link_use)
}

/// Inserts the administrator, or returns an error if there already is one.
async fn insert_first_admin(
    backend: &Backend,
    db: &impl ConnectionTrait,
    new: &PreparedRegistration,
    actor: &Actor,
    action: Action,
) -> Result<UserId, UseCaseError> {
    if count_admins(backend, db, None).await? > 0 {
        return Err(ErrorCode::AdminExists.into());
    }
    insert_admin(backend, db, new, actor, action).await
}

/// Inserts an active administrator with a confirmed email address.
pub(crate) async fn insert_admin(
    backend: &Backend,
    db: &impl ConnectionTrait,
    new: &PreparedRegistration,
    actor: &Actor,
    action: Action,
) -> Result<UserId, UseCaseError> {
    let now = backend.now();
    let id = insert_registration(db, new, Status::Active, Role::Admin, Some(now), now).await?;
    insert_audit(db, action, actor, Some((id, new.username())), now).await?;
    Ok(id)
}
