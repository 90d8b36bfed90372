//! Known browsers: browsers in which a user has signed in before. In a known browser, the user can still sign in after the daily
//! limit of the username or email address has been reached.
//!
//! # Guarantees
//!
//! - A sealed cookie holds 128 random bits. The database holds only the SHA-256 of these bits.
//! - Every attempt that the daily limit would refuse is counted before the password is verified. After [`MAX_FAILURES`] failures
//!   in a row the browser is forgotten, so that a stolen cookie does not bypass the daily limit.
//! - An account has at most [`MAX_BROWSERS`] known browsers. Beyond that, the least recently used browser is forgotten.
//! - Ending all other sessions forgets all browsers of the account. The browser of the request stays known, with a new id.

use std::time::Duration;

use data_encoding::HEXLOWER;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::entity::known_browser;
use crate::error::{ErrorContext, InternalError};
use crate::infra::random;
use domain::status::UserId;
use domain::time::Timestamp;

/// The number of failed sign-ins in a row after which a browser is forgotten: as many attempts as a client has for one
/// identifier in 10 minutes.
pub const MAX_FAILURES: i32 = 10;
/// The maximum number of browsers of one account: more than people use, and few enough that stolen cookies add little to the
/// daily limit.
pub const MAX_BROWSERS: u64 = 20;
/// The time for which an unused browser stays known: as long as its cookie.
pub const KNOWN_BROWSER_LIFETIME: Duration = Duration::from_hours(8_760);

/// A browser that one account knows, as stored in its sealed cookie.
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
        Self { user_id, id: random::public_id() }
    }

    /// Returns the user who knows the browser.
    pub fn user_id(&self) -> UserId {
        self.user_id
    }

    fn hash(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.id.as_bytes()))
    }
}

/// Returns the browser's entry for an account.
pub(crate) fn known_to(browsers: &[KnownBrowser], user_id: UserId) -> Option<&KnownBrowser> {
    browsers.iter().find(|browser| browser.user_id == user_id)
}

/// Counts an attempt to sign in, before its password is verified. Returns true if the browser is known. It is one conditional UPDATE,
/// so concurrent attempts cannot exceed [`MAX_FAILURES`].
pub(crate) async fn count_attempt(
    db: &impl ConnectionTrait,
    browser: &KnownBrowser,
) -> Result<bool, InternalError> {
    let counted = known_browser::Entity::update_many()
        .col_expr(known_browser::Column::Failures, Expr::col(known_browser::Column::Failures).add(1))
        .filter(known_browser::Column::IdHash.eq(browser.hash()))
        .filter(known_browser::Column::UserId.eq(browser.user_id))
        .filter(known_browser::Column::Failures.lt(MAX_FAILURES))
        .exec(db)
        .await
        .context("count an attempt of a known browser")?;
    Ok(counted.rows_affected == 1)
}

/// Undoes the count of an attempt that was no failure.
pub(crate) async fn refund_attempt(
    db: &impl ConnectionTrait,
    browser: &KnownBrowser,
) -> Result<(), InternalError> {
    known_browser::Entity::update_many()
        .col_expr(known_browser::Column::Failures, Expr::col(known_browser::Column::Failures).sub(1))
        .filter(known_browser::Column::IdHash.eq(browser.hash()))
        .filter(known_browser::Column::Failures.gt(0))
        .exec(db)
        .await
        .context("refund an attempt of a known browser")?;
    Ok(())
}

/// Forgets a browser after [`MAX_FAILURES`] failures.
pub(crate) async fn forget_if_exhausted(
    db: &impl ConnectionTrait,
    browser: &KnownBrowser,
) -> Result<(), InternalError> {
    known_browser::Entity::delete_many()
        .filter(known_browser::Column::IdHash.eq(browser.hash()))
        .filter(known_browser::Column::Failures.gte(MAX_FAILURES))
        .exec(db)
        .await
        .context("forget a browser that failed too often")?;
    Ok(())
}

/// Remembers the browser in which `user_id` signs in, in the transaction of the sign-in, which holds the lock of the user's row: so
/// no browser of a thief is remembered after the owner has changed the password. Returns the content of the new cookie.
pub(crate) async fn remember_at_sign_in(
    db: &impl ConnectionTrait,
    user_id: UserId,
    browsers: &[KnownBrowser],
    now: Timestamp,
) -> Result<KnownBrowser, InternalError> {
    if let Some(browser) = known_to(browsers, user_id)
        && record_use(db, browser, now).await?
    {
        return Ok(browser.clone());
    }
    let browser = insert(db, user_id, now).await?;
    forget_surplus(db, user_id, &browser).await?;
    Ok(browser)
}

/// Records a sign-in on a shared computer. It resets the failures of a known browser and makes no other browser known.
pub(crate) async fn record_success(
    db: &impl ConnectionTrait,
    user_id: UserId,
    browsers: &[KnownBrowser],
    now: Timestamp,
) -> Result<(), InternalError> {
    let Some(browser) = known_to(browsers, user_id) else { return Ok(()) };
    record_use(db, browser, now).await.map(drop)
}

/// Records a successful sign-in in a known browser. Returns false if the browser is no longer known.
async fn record_use(
    db: &impl ConnectionTrait,
    browser: &KnownBrowser,
    now: Timestamp,
) -> Result<bool, InternalError> {
    let updated = known_browser::Entity::update_many()
        .col_expr(known_browser::Column::Failures, Expr::value(0))
        .col_expr(known_browser::Column::LastUsedAt, Expr::value(now))
        .filter(known_browser::Column::IdHash.eq(browser.hash()))
        .filter(known_browser::Column::UserId.eq(browser.user_id))
        .exec(db)
        .await
        .context("record the use of a known browser")?;
    Ok(updated.rows_affected == 1)
}

async fn forget_surplus(
    db: &impl ConnectionTrait,
    user_id: UserId,
    newest: &KnownBrowser,
) -> Result<(), InternalError> {
    let surplus: Vec<String> = known_browser::Entity::find()
        .select_only()
        .column(known_browser::Column::IdHash)
        .filter(known_browser::Column::UserId.eq(user_id))
        // Never the newest, even if all have the same time.
        .filter(known_browser::Column::IdHash.ne(newest.hash()))
        .order_by_desc(known_browser::Column::LastUsedAt)
        .offset(MAX_BROWSERS - 1)
        .limit(MAX_BROWSERS)
        .into_tuple()
        .all(db)
        .await
        .context("find the least recently used browsers")?;
    if surplus.is_empty() {
        return Ok(());
    }
    known_browser::Entity::delete_many()
        .filter(known_browser::Column::IdHash.is_in(surplus))
        .exec(db)
        .await
        .context("forget the least recently used browsers")?;
    Ok(())
}

/// Forgets every browser of an account, and remembers this one under a new id if it was known or `remember` is true. A copied
/// cookie no longer works. Returns the content of the new cookie.
pub(crate) async fn renew_browser(
    db: &impl ConnectionTrait,
    user_id: UserId,
    browsers: &[KnownBrowser],
    remember: bool,
    now: Timestamp,
) -> Result<Option<KnownBrowser>, InternalError> {
    let known = match known_to(browsers, user_id) {
        Some(browser) => is_remembered(db, browser).await?,
        None => false,
    };
    forget_all_browsers(db, user_id).await?;
    if known || remember { insert(db, user_id, now).await.map(Some) } else { Ok(None) }
}

async fn insert(
    db: &impl ConnectionTrait,
    user_id: UserId,
    now: Timestamp,
) -> Result<KnownBrowser, InternalError> {
    let browser = KnownBrowser::generate(user_id);
    let row = known_browser::ActiveModel {
        id_hash: ActiveValue::Set(browser.hash()),
        user_id: ActiveValue::Set(user_id),
        failures: ActiveValue::Set(0),
        last_used_at: ActiveValue::Set(now),
    };
    known_browser::Entity::insert(row).exec_without_returning(db).await.context("remember a browser")?;
    Ok(browser)
}

async fn is_remembered(db: &impl ConnectionTrait, browser: &KnownBrowser) -> Result<bool, InternalError> {
    let rows = known_browser::Entity::find_by_id(browser.hash())
        .filter(known_browser::Column::UserId.eq(browser.user_id))
        .count(db)
        .await
        .context("find a known browser")?;
    Ok(rows > 0)
}

/// Forgets every browser of an account.
pub(crate) async fn forget_all_browsers(
    db: &impl ConnectionTrait,
    user_id: UserId,
) -> Result<(), InternalError> {
    known_browser::Entity::delete_many()
        .filter(known_browser::Column::UserId.eq(user_id))
        .exec(db)
        .await
        .context("forget the browsers of an account")?;
    Ok(())
}

/// Forgets the browsers that have not been used for [`KNOWN_BROWSER_LIFETIME`].
pub(crate) async fn purge_known_browsers(
    db: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<(), InternalError> {
    known_browser::Entity::delete_many()
        .filter(known_browser::Column::LastUsedAt.lt(now.before(KNOWN_BROWSER_LIFETIME)))
        .exec(db)
        .await
        .context("forget unused browsers")?;
    Ok(())
}
