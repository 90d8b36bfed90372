//! Opening the session of a sign-in.
//!
//! # Guarantees
//!
//! - The session, its row of the audit log, the time of the sign-in and the known browser are written in one transaction.
//! - Nothing is written if the account has been deleted or deactivated or has new credentials since the authentication.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};

use crate::Backend;
use crate::audit::insert_audit_row;
use crate::auth::known_browsers::{KnownBrowser, record_success, remember_at_sign_in};
use crate::entity::user;
use crate::error::{ErrorContext, InternalError};
use crate::infra::database::Lock;
use crate::sessions::create::{
    BrowserSession, PendingSession, SessionRequest, insert_session, prepare_session,
};
use crate::sessions::revoke::lock_user_row;
use crate::sessions::{Browser, SessionKind};
use domain::status::{Status, UserId};
use domain::time::Timestamp;

/// Writes the row of a pending session, its row of the audit log, and the time of the sign-in. Ends the previous session of the
/// browser. Returns false, and writes nothing, if the account has been deleted or deactivated or has new credentials in the meantime.
pub async fn insert_sign_in(
    db: &impl ConnectionTrait,
    pending: &PendingSession,
    request: &SessionRequest<'_>,
    browser: &Browser,
    now: Timestamp,
) -> Result<bool, InternalError> {
    // The user first, then the sessions, as everywhere (see `lock_user_row`).
    let exists = match request.auth_method.session_kind() {
        SessionKind::Ordinary => {
            let unchanged = Condition::all()
                .add(user::Column::Status.eq(Status::Active))
                .add(user::Column::CredentialVersion.eq(request.credential_version));
            record_sign_in_if(db, request.user_id, unchanged, now).await?
        }
        SessionKind::Restricted => lock_user_row(db, request.user_id).await?,
    };
    if !exists {
        return Ok(false);
    }
    insert_session(db, pending).await?;
    insert_audit_row(db, request.audit_row(browser, now)).await?;
    Ok(true)
}

/// Records the time of a user's last sign-in. Returns false if the account does not exist.
pub async fn record_sign_in(
    db: &impl ConnectionTrait,
    user_id: UserId,
    now: Timestamp,
) -> Result<bool, InternalError> {
    record_sign_in_if(db, user_id, Condition::all(), now).await
}

async fn record_sign_in_if(
    db: &impl ConnectionTrait,
    user_id: UserId,
    condition: Condition,
    now: Timestamp,
) -> Result<bool, InternalError> {
    let updated = user::Entity::update_many()
        .col_expr(user::Column::LastSignInAt, Expr::value(now))
        .filter(user::Column::Id.eq(user_id))
        .filter(condition)
        .exec(db)
        .await
        .context("record the sign-in")?;
    Ok(updated.rows_affected == 1)
}

/// The result of a sign-in for the browser, besides the cookie of its session.
#[derive(Debug)]
pub struct SignedInBrowser {
    /// The new content of the browser's cookie of known browsers. `None` on a shared computer.
    pub known: Option<KnownBrowser>,
}

/// Opens a session with a new id for a user who authenticated at this time, and ends the previous session of the browser. Remembers
/// the browser unless the computer is shared. Returns `None` if the account has been deleted or deactivated or has new credentials in
/// the meantime.
pub async fn open_session(
    backend: &Backend,
    session: &BrowserSession,
    request: &SessionRequest<'_>,
    browser: &Browser,
    authenticated_at: Timestamp,
) -> Result<Option<SignedInBrowser>, InternalError> {
    let mut pending = prepare_session(backend, session, request, browser).await?;
    pending.row.authenticated_at = ActiveValue::Set(authenticated_at);
    let now = backend.now();
    let txn = backend.db.begin_write(Lock::None).await?;
    if !insert_sign_in(&*txn, &pending, request, browser, now).await? {
        return Ok(None);
    }
    let known = if request.shared {
        record_success(&*txn, request.user_id, &browser.known, now).await?;
        None
    } else {
        Some(remember_at_sign_in(&*txn, request.user_id, &browser.known, now).await?)
    };
    txn.commit().await?;
    pending.activate(backend, session).await;
    Ok(Some(SignedInBrowser { known }))
}
