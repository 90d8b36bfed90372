//! Known browsers: those in which someone has signed in before. There they may still sign in after the daily limit for their
//! username or email address has been reached.
//!
//! # Guarantees
//! - A sealed cookie holds 128 random bits. The database holds only the SHA-256 of these bits.
//! - Every attempt that the daily limit would refuse is counted before the password is verified. After [`MOST_FAILURES`] failures
//!   in a row the browser is forgotten, so that a stolen cookie does not lift the daily limit.
//! - An account has at most [`MOST_BROWSERS`]. The least recently used one is forgotten.
//! - Ending all other sessions forgets all browsers of the account. The browser that did it stays known, with a new id.

use std::time::Duration;

use data_encoding::HEXLOWER;
use sea_orm::sea_query::{Expr, ExprTrait, LockType, Query};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::database::Lock;
use super::entity::{known_browser, user};
use super::error::{Doing, Failure};
use super::{Backend, random};
use crate::domain::status::UserId;
use crate::domain::time::Timestamp;

/// Failed sign-ins in a row after which a browser is forgotten: as many as a client has for one identifier in 10 minutes.
pub const MOST_FAILURES: i32 = 10;
/// Most browsers of one account: more than people use, and few enough that stolen cookies add little to the day's limit.
pub const MOST_BROWSERS: u64 = 20;
/// How often the use of a browser is noted.
const NOTED_EVERY: Duration = Duration::from_hours(24);
/// How long an unused browser stays known: as long as its cookie.
pub const KNOWN_LIFETIME: Duration = Duration::from_hours(8_760);

/// A browser that is known to one account, as its sealed cookie has it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownBrowser {
    user_id: UserId,
    id: String,
}

impl std::fmt::Debug for KnownBrowser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KnownBrowser(of {})", self.user_id)
    }
}

impl KnownBrowser {
    /// Returns a new browser, which is not known until its row has been written.
    pub fn generate(user_id: UserId) -> Self {
        Self { user_id, id: random::handle() }
    }

    /// The account that it is known to.
    pub fn user_id(&self) -> UserId {
        self.user_id
    }

    fn hash(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.id.as_bytes()))
    }
}

/// Returns the browser's entry for an account.
pub(super) fn known_to(browsers: &[KnownBrowser], user_id: UserId) -> Option<&KnownBrowser> {
    browsers.iter().find(|browser| browser.user_id == user_id)
}

/// Counts an attempt to sign in, before its password is verified. Returns whether the browser is known: one conditional
/// UPDATE, so that many attempts at once are no more than [`MOST_FAILURES`].
pub(super) async fn count_attempt(
    db: &impl ConnectionTrait,
    browser: &KnownBrowser,
) -> Result<bool, Failure> {
    let counted = known_browser::Entity::update_many()
        .col_expr(known_browser::Column::Failures, Expr::col(known_browser::Column::Failures).add(1))
        .filter(known_browser::Column::IdHash.eq(browser.hash()))
        .filter(known_browser::Column::UserId.eq(browser.user_id))
        .filter(known_browser::Column::Failures.lt(MOST_FAILURES))
        .exec(db)
        .await
        .doing("count an attempt of a known browser")?;
    Ok(counted.rows_affected == 1)
}

/// Undoes the count of an attempt that failed because the portal was busy.
pub(super) async fn refund_attempt(db: &impl ConnectionTrait, browser: &KnownBrowser) -> Result<(), Failure> {
    known_browser::Entity::update_many()
        .col_expr(known_browser::Column::Failures, Expr::col(known_browser::Column::Failures).sub(1))
        .filter(known_browser::Column::IdHash.eq(browser.hash()))
        .filter(known_browser::Column::Failures.gt(0))
        .exec(db)
        .await
        .doing("take back an attempt of a known browser")?;
    Ok(())
}

/// Forgets a browser that has failed too often.
pub(super) async fn forget_if_spent(
    db: &impl ConnectionTrait,
    browser: &KnownBrowser,
) -> Result<(), Failure> {
    known_browser::Entity::delete_many()
        .filter(known_browser::Column::IdHash.eq(browser.hash()))
        .filter(known_browser::Column::Failures.gte(MOST_FAILURES))
        .exec(db)
        .await
        .doing("forget a browser that failed too often")?;
    Ok(())
}

/// Remembers the browser in which `user_id` has just signed in, if nothing has changed the account since its credentials were
/// verified: otherwise a thief's browser could be remembered after the owner has changed the password. Returns the new cookie's
/// content. A browser that cannot be remembered is no reason to refuse a sign-in.
pub(super) async fn remember_at_sign_in(
    backend: &Backend,
    user_id: UserId,
    epoch: i32,
    browsers: &[KnownBrowser],
) -> Option<KnownBrowser> {
    match try_to_remember(backend, user_id, epoch, browsers).await {
        Ok(known) => known,
        Err(failure) => {
            tracing::warn!(cause = %failure, "could not remember a browser");
            None
        }
    }
}

/// Notes a sign-in on a shared computer, which makes no browser known: in one that is known, failures no longer count.
pub(super) async fn note_success(backend: &Backend, user_id: UserId, browsers: &[KnownBrowser]) {
    let Some(browser) = known_to(browsers, user_id) else { return };
    if let Err(failure) = note_use(backend.db.pool(), browser, backend.now()).await {
        tracing::warn!(cause = %failure, "could not note a sign-in in a known browser");
    }
}

async fn try_to_remember(
    backend: &Backend,
    user_id: UserId,
    epoch: i32,
    browsers: &[KnownBrowser],
) -> Result<Option<KnownBrowser>, Failure> {
    let now = backend.now();
    let own = known_to(browsers, user_id);
    if let Some(browser) = own
        && is_noted(backend, browser, now).await?
    {
        return Ok(Some(browser.clone()));
    }
    if backend.db.is_postgres() {
        return note_or_insert(backend.db.pool(), user_id, epoch, own, now).await;
    }
    let txn = backend.db.begin_write(Lock::None).await?;
    let known = note_or_insert(&*txn, user_id, epoch, own, now).await?;
    txn.commit().await?;
    Ok(known)
}

async fn note_or_insert(
    db: &impl ConnectionTrait,
    user_id: UserId,
    epoch: i32,
    own: Option<&KnownBrowser>,
    now: Timestamp,
) -> Result<Option<KnownBrowser>, Failure> {
    if let Some(browser) = own
        && note_use(db, browser, now).await?
    {
        return Ok(Some(browser.clone()));
    }
    let browser = KnownBrowser::generate(user_id);
    if !insert_if_unchanged(db, &browser, epoch, now).await? {
        return Ok(None);
    }
    forget_surplus(db, user_id, &browser).await?;
    Ok(Some(browser))
}

/// Notes a successful sign-in in a known browser. `false` if it is not known any more.
async fn note_use(
    db: &impl ConnectionTrait,
    browser: &KnownBrowser,
    now: Timestamp,
) -> Result<bool, Failure> {
    let noted = known_browser::Entity::update_many()
        .col_expr(known_browser::Column::Failures, Expr::value(0))
        .col_expr(known_browser::Column::LastUsedAt, Expr::value(now.0))
        .filter(known_browser::Column::IdHash.eq(browser.hash()))
        .filter(known_browser::Column::UserId.eq(browser.user_id))
        .exec(db)
        .await
        .doing("note the use of a known browser")?;
    Ok(noted.rows_affected == 1)
}

/// Remembers a browser if the account's credentials are still those that were verified: one statement, which waits for a
/// change that is in progress.
async fn insert_if_unchanged(
    db: &impl ConnectionTrait,
    browser: &KnownBrowser,
    epoch: i32,
    now: Timestamp,
) -> Result<bool, Failure> {
    let owner = Query::select()
        .expr(Expr::value(browser.hash()))
        .column(user::Column::Id)
        .expr(Expr::value(0))
        .expr(Expr::value(now.0))
        .from(user::Entity)
        .and_where(user::Column::Id.eq(browser.user_id))
        .and_where(user::Column::AuthEpoch.eq(epoch))
        .lock(LockType::NoKeyUpdate)
        .to_owned();
    let insert = Query::insert()
        .into_table(known_browser::Entity)
        .columns([
            known_browser::Column::IdHash,
            known_browser::Column::UserId,
            known_browser::Column::Failures,
            known_browser::Column::LastUsedAt,
        ])
        .select_from(owner)
        .map_err(|_| Failure::Data("the columns of a known browser do not match"))?
        .to_owned();
    let inserted = db.execute(&insert).await.doing("remember a browser")?;
    Ok(inserted.rows_affected() == 1)
}

/// Whether there is nothing to note: no failures, and a use within the last day.
async fn is_noted(backend: &Backend, browser: &KnownBrowser, now: Timestamp) -> Result<bool, Failure> {
    let rows = known_browser::Entity::find_by_id(browser.hash())
        .filter(known_browser::Column::UserId.eq(browser.user_id))
        .filter(known_browser::Column::Failures.eq(0))
        .filter(known_browser::Column::LastUsedAt.gt(now.before(NOTED_EVERY).0))
        .count(backend.db.pool())
        .await
        .doing("look for a known browser")?;
    Ok(rows > 0)
}

async fn forget_surplus(
    db: &impl ConnectionTrait,
    user_id: UserId,
    newest: &KnownBrowser,
) -> Result<(), Failure> {
    let surplus: Vec<String> = known_browser::Entity::find()
        .select_only()
        .column(known_browser::Column::IdHash)
        .filter(known_browser::Column::UserId.eq(user_id))
        // Not the newest, where all are of one moment.
        .filter(known_browser::Column::IdHash.ne(newest.hash()))
        .order_by_desc(known_browser::Column::LastUsedAt)
        .offset(MOST_BROWSERS - 1)
        .limit(MOST_BROWSERS)
        .into_tuple()
        .all(db)
        .await
        .doing("find the least recently used browsers")?;
    if surplus.is_empty() {
        return Ok(());
    }
    known_browser::Entity::delete_many()
        .filter(known_browser::Column::IdHash.is_in(surplus))
        .exec(db)
        .await
        .doing("forget the least recently used browsers")?;
    Ok(())
}

/// Forgets every browser of an account, and remembers this one under a new id if it was known, or is `to_be_known` now. A copied
/// cookie no longer works. Returns the new cookie's content.
pub(super) async fn renew(
    db: &impl ConnectionTrait,
    user_id: UserId,
    browsers: &[KnownBrowser],
    to_be_known: bool,
    now: Timestamp,
) -> Result<Option<KnownBrowser>, Failure> {
    let known = match known_to(browsers, user_id) {
        Some(browser) => is_remembered(db, browser).await?,
        None => false,
    };
    forget_all(db, user_id).await?;
    if known || to_be_known { insert(db, user_id, now).await.map(Some) } else { Ok(None) }
}

async fn insert(db: &impl ConnectionTrait, user_id: UserId, now: Timestamp) -> Result<KnownBrowser, Failure> {
    let browser = KnownBrowser::generate(user_id);
    let row = known_browser::ActiveModel {
        id_hash: ActiveValue::Set(browser.hash()),
        user_id: ActiveValue::Set(user_id),
        failures: ActiveValue::Set(0),
        last_used_at: ActiveValue::Set(now.0),
    };
    known_browser::Entity::insert(row).exec_without_returning(db).await.doing("remember a browser")?;
    Ok(browser)
}

async fn is_remembered(db: &impl ConnectionTrait, browser: &KnownBrowser) -> Result<bool, Failure> {
    let rows = known_browser::Entity::find_by_id(browser.hash())
        .filter(known_browser::Column::UserId.eq(browser.user_id))
        .count(db)
        .await
        .doing("look for a known browser")?;
    Ok(rows > 0)
}

/// Forgets every browser of an account.
pub(super) async fn forget_all(db: &impl ConnectionTrait, user_id: UserId) -> Result<(), Failure> {
    known_browser::Entity::delete_many()
        .filter(known_browser::Column::UserId.eq(user_id))
        .exec(db)
        .await
        .doing("forget the browsers of an account")?;
    Ok(())
}

/// Forgets the browsers that have not been used for [`KNOWN_LIFETIME`].
pub(super) async fn purge_browsers(db: &impl ConnectionTrait, now: Timestamp) -> Result<(), Failure> {
    known_browser::Entity::delete_many()
        .filter(known_browser::Column::LastUsedAt.lt(now.before(KNOWN_LIFETIME).0))
        .exec(db)
        .await
        .doing("forget unused browsers")?;
    Ok(())
}
