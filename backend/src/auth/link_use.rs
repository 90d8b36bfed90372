//! Uses of links, so that a browser whose user presses a link's button twice gets the same answer twice.
//!
//! # Guarantees
//!
//! - A use is recorded in the transaction of its effect, and only for a browser with the cookie of the link's page.
//! - Only that browser gets the answer again, for [`REPEAT_PERIOD`]. A repetition has no other effect.
//! - The session of a repeated answer replaces the session of the first answer, and there is no second answer if that session
//!   has ended or if the client IP is another one. One conditional DELETE decides.
//! - Signing out ends the sessions that the browser's link uses have opened, and none of them is opened again.

use std::net::IpAddr;
use std::time::Duration;

use data_encoding::HEXLOWER;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Backend;
use crate::auth::token::PlainToken;
use crate::entity::link_use;
use crate::error::{ErrorContext, InternalError, UseCaseError};
use crate::infra::database::Lock;
use crate::infra::random;
use crate::sessions::{
    BrowserSession, CurrentUser, PendingSession, lock_user_row, prepare_replacement, replace_session,
};
use domain::errors::{ErrorCode, FormErrors};
use domain::status::UserId;
use domain::time::Timestamp;

pub use crate::entity::link_use::LinkAnswer;

/// The time for which a browser gets the first answer of a link again.
pub const REPEAT_PERIOD: Duration = Duration::from_mins(1);

/// The secret of a browser that has opened the page of a form, from its sealed cookie.
#[derive(Clone, Serialize, Deserialize)]
pub struct FormSecret(String);

impl std::fmt::Debug for FormSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FormSecret(…)")
    }
}

impl FormSecret {
    /// Generates a secret of 128 bits.
    pub fn generate() -> Self {
        Self(random::public_id())
    }

    /// Returns the hash that the database stores.
    fn hash(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.0.as_bytes()))
    }
}

/// The answer to the use of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkUse {
    /// The answer.
    pub(crate) answer: LinkAnswer,
    /// The id of the link's user. `None` if the account has been deleted.
    pub(crate) user_id: Option<UserId>,
}

/// The request that uses a link.
#[derive(Clone, Copy)]
pub(crate) struct LinkRequest<'a> {
    /// The secret of the link.
    pub(crate) link: &'a str,
    /// The secret of the browser.
    pub(crate) form_secret: Option<&'a FormSecret>,
    /// The signed-in user.
    pub(crate) current_user: Option<&'a CurrentUser>,
    /// The session of the browser, for answers that open a session.
    pub(crate) session: Option<&'a BrowserSession>,
    /// The client IP.
    pub(crate) client_ip: IpAddr,
}

/// Records the use of the link `token_hash` by the browser with this secret, in the transaction of its effect. `opened` is the
/// session that the answer opens.
pub(crate) async fn record_link_use(
    db: &impl ConnectionTrait,
    token_hash: &str,
    form_secret: Option<&FormSecret>,
    link_use: LinkUse,
    opened: Option<&PendingSession>,
    now: Timestamp,
) -> Result<(), InternalError> {
    let Some(form_secret) = form_secret else { return Ok(()) };
    let row = link_use::ActiveModel {
        token_hash: ActiveValue::Set(token_hash.to_owned()),
        browser_hash: ActiveValue::Set(form_secret.hash()),
        answer: ActiveValue::Set(link_use.answer.into()),
        user_id: ActiveValue::Set(link_use.user_id),
        session_public_id: ActiveValue::Set(opened.map(|session| session.public_id().to_owned())),
        used_at: ActiveValue::Set(now),
    };
    link_use::Entity::insert(row).exec_without_returning(db).await.context("record the use of a link")?;
    Ok(())
}

/// Returns `first` or, if it is the refusal of a link that this browser has just used, the answer that the browser got then.
pub(crate) async fn or_first_answer(
    backend: &Backend,
    first: Result<LinkUse, UseCaseError>,
    request: LinkRequest<'_>,
    answers: &[LinkAnswer],
) -> Result<LinkUse, UseCaseError> {
    match first {
        Err(UseCaseError::Rejected(errors)) if may_be_repetition(&errors) => {
            find_first_answer(backend, request, answers).await?.ok_or(UseCaseError::Rejected(errors))
        }
        first => first,
    }
}

/// Returns true for the errors of a link that has been used: its token has been consumed, or its effect has ended the session of
/// the request.
fn may_be_repetition(errors: &FormErrors) -> bool {
    matches!(errors.form, Some(ErrorCode::LinkInvalid | ErrorCode::SignedOut))
}

/// Returns the answer that this browser got within [`REPEAT_PERIOD`] if it is one of `answers`, and opens its session again.
async fn find_first_answer(
    backend: &Backend,
    request: LinkRequest<'_>,
    answers: &[LinkAnswer],
) -> Result<Option<LinkUse>, UseCaseError> {
    let (Some(token), Some(form_secret)) = (PlainToken::from_link(request.link), request.form_secret) else {
        return Ok(None);
    };
    let first = first_use(&token, form_secret, backend.now());
    let Some(row) = find_use(backend.db.pool(), &first).await? else { return Ok(None) };
    let Some(answer) = row.answer.known().filter(|answer| answers.contains(answer)) else { return Ok(None) };
    let link_use = LinkUse { answer, user_id: row.user_id };
    let (Some(user_id), Some(_)) = (row.user_id, &row.session_public_id) else { return Ok(Some(link_use)) };
    if request.current_user.is_some_and(|current_user| current_user.user_id != user_id) {
        return Err(ErrorCode::OtherUserSignedIn.into());
    }
    let Some(session) = request.session else { return Ok(None) };
    let opened_again = replace_first_session(backend, session, user_id, &first, request.client_ip).await?;
    Ok(opened_again.then_some(link_use))
}

/// Returns the condition for the use of this link by the browser with this secret within [`REPEAT_PERIOD`].
fn first_use(token: &PlainToken, form_secret: &FormSecret, now: Timestamp) -> Condition {
    Condition::all()
        .add(link_use::Column::TokenHash.eq(token.hash()))
        .add(link_use::Column::BrowserHash.eq(form_secret.hash()))
        .add(link_use::Column::UsedAt.gt(now.before(REPEAT_PERIOD)))
}

async fn find_use(
    db: &impl ConnectionTrait,
    first: &Condition,
) -> Result<Option<link_use::Model>, InternalError> {
    link_use::Entity::find().filter(first.clone()).one(db).await.context("find the use of a link")
}

/// Replaces the session of the first answer. Returns false if it has ended. The lock on the user's row lets simultaneous
/// repetitions replace each other's sessions in turn.
async fn replace_first_session(
    backend: &Backend,
    session: &BrowserSession,
    user_id: UserId,
    first: &Condition,
    client_ip: IpAddr,
) -> Result<bool, InternalError> {
    let mut pending = prepare_replacement(backend, session, user_id).await?;
    let txn = backend.db.begin_write(Lock::None).await?;
    lock_user_row(&*txn, user_id).await?;
    let replaced = find_use(&*txn, first).await?.and_then(|row| row.session_public_id);
    let Some(replaced) = replaced else { return Ok(false) };
    if !replace_session(&*txn, &mut pending, &replaced, client_ip).await? {
        return Ok(false);
    }
    update_session(&*txn, first, &pending).await?;
    txn.commit().await?;
    pending.activate(backend, session).await;
    Ok(true)
}

/// Records the session of an answer, if it is opened in a later transaction than the use of the link.
pub(crate) async fn record_link_session(
    db: &impl ConnectionTrait,
    token: &PlainToken,
    form_secret: Option<&FormSecret>,
    opened: &PendingSession,
    now: Timestamp,
) -> Result<(), InternalError> {
    let Some(form_secret) = form_secret else { return Ok(()) };
    update_session(db, &first_use(token, form_secret, now), opened).await
}

async fn update_session(
    db: &impl ConnectionTrait,
    first: &Condition,
    opened: &PendingSession,
) -> Result<(), InternalError> {
    link_use::Entity::update_many()
        .col_expr(link_use::Column::SessionPublicId, Expr::value(opened.public_id()))
        .filter(first.clone())
        .exec(db)
        .await
        .context("record the session of a link")?;
    Ok(())
}

/// Returns the condition for the uses of links that have opened a session in the browser with this secret.
fn opened_here(form_secret: &FormSecret) -> Condition {
    Condition::all()
        .add(link_use::Column::BrowserHash.eq(form_secret.hash()))
        .add(link_use::Column::SessionPublicId.is_not_null())
}

/// Returns the users for whom links have opened a session in the browser with this secret, in the order in which their rows are
/// locked.
pub(crate) async fn find_link_users(
    db: &impl ConnectionTrait,
    form_secret: &FormSecret,
) -> Result<Vec<UserId>, InternalError> {
    let users: Vec<Option<UserId>> = link_use::Entity::find()
        .select_only()
        .column(link_use::Column::UserId)
        .distinct()
        .filter(opened_here(form_secret))
        .order_by_asc(link_use::Column::UserId)
        .into_tuple()
        .all(db)
        .await
        .context("find the users of links")?;
    Ok(users.into_iter().flatten().collect())
}

/// Deletes the uses of links that have opened a session in the browser with this secret, so that their answers are not given
/// again. Returns the public ids of the sessions. The caller has locked the rows of the users.
pub(crate) async fn delete_link_uses(
    db: &impl ConnectionTrait,
    form_secret: &FormSecret,
) -> Result<Vec<String>, InternalError> {
    let opened: Vec<Option<String>> = link_use::Entity::find()
        .select_only()
        .column(link_use::Column::SessionPublicId)
        .filter(opened_here(form_secret))
        .into_tuple()
        .all(db)
        .await
        .context("find the sessions of links")?;
    link_use::Entity::delete_many()
        .filter(opened_here(form_secret))
        .exec(db)
        .await
        .context("delete uses of links")?;
    Ok(opened.into_iter().flatten().collect())
}

/// Deletes the uses whose answers are not given again.
pub(crate) async fn purge_link_uses(db: &impl ConnectionTrait, now: Timestamp) -> Result<(), InternalError> {
    link_use::Entity::delete_many()
        .filter(link_use::Column::UsedAt.lte(now.before(REPEAT_PERIOD)))
        .exec(db)
        .await
        .context("purge uses of links")?;
    Ok(())
}
