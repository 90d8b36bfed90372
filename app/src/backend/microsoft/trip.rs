//! Sending somebody to Microsoft, and knowing them when they come back.
//!
//! Guarantees: what comes back counts once, within [`LIFETIME`], in the browser that was sent, and for what it was sent for;
//! the database holds hashes of the state and of the browser's secret.

use std::time::Duration;

use data_encoding::HEXLOWER;
use sea_orm::{ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use sha2::{Digest, Sha256};
use url::Url;

use super::patiently;
use super::provider::Prompt;
use crate::backend::entity::microsoft_trip;
use crate::backend::error::{Doing, Failure, Stop};
use crate::backend::sessions::Viewer;
use crate::backend::{Backend, random};
use crate::domain::problem::Problem;
use crate::domain::time::Timestamp;

/// How long somebody may stay at Microsoft.
pub(super) const LIFETIME: Duration = Duration::from_mins(10);

/// What somebody goes to Microsoft for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To sign in.
    SignIn {
        /// On a computer that is shared.
        shared: bool,
    },
    /// To link an account there with the one here.
    Link,
    /// To prove again who they are.
    Prove,
}

impl Purpose {
    const ALL: [Self; 4] =
        [Self::SignIn { shared: false }, Self::SignIn { shared: true }, Self::Link, Self::Prove];

    fn as_str(self) -> &'static str {
        match self {
            Self::SignIn { shared: false } => "sign_in",
            Self::SignIn { shared: true } => "sign_in_shared",
            Self::Link => "link",
            Self::Prove => "prove",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == name)
    }
}

/// Where a browser goes, and what it has to have when it comes back.
#[derive(Debug)]
pub struct Destination {
    /// The address at Microsoft.
    pub address: Url,
    /// The secret for its cookie.
    pub browser: String,
}

/// A conversation that has come to its end.
#[derive(Debug)]
pub(super) struct Trip {
    pub purpose: Purpose,
    pub user_id: Option<i32>,
    pub session_handle: String,
    pub nonce: String,
    pub verifier: String,
    pub next: String,
    pub began: Timestamp,
}

fn hash(secret: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(secret.as_bytes()))
}

/// Begins a conversation. `browser` is the secret that this browser has already, if any, so that it may be in several.
pub async fn begin(
    backend: &Backend,
    purpose: Purpose,
    viewer: Option<&Viewer>,
    next: &str,
    browser: Option<&str>,
) -> Result<Destination, Stop> {
    let provider = backend.microsoft.as_ref().ok_or(Problem::MicrosoftOff)?;
    let prompt = if purpose == Purpose::Prove { Prompt::Login } else { Prompt::SelectAccount };
    let begun = patiently(provider, provider.begin(prompt)).await?;
    let browser = browser.map_or_else(random::handle, ToOwned::to_owned);
    let row = microsoft_trip::ActiveModel {
        state_hash: ActiveValue::Set(hash(&begun.state)),
        purpose: ActiveValue::Set(purpose.as_str().to_owned()),
        user_id: ActiveValue::Set(viewer.map(|viewer| viewer.user_id)),
        session_handle: ActiveValue::Set(viewer.map(|viewer| viewer.handle.clone()).unwrap_or_default()),
        browser_hash: ActiveValue::Set(hash(&browser)),
        nonce: ActiveValue::Set(begun.nonce),
        verifier: ActiveValue::Set(begun.verifier),
        next: ActiveValue::Set(next.to_owned()),
        expires_at: ActiveValue::Set(backend.now().after(LIFETIME).0),
    };
    microsoft_trip::Entity::insert(row)
        .exec_without_returning(backend.db.pool())
        .await
        .doing("begin a conversation with Microsoft")?;
    Ok(Destination { address: begun.address, browser })
}

/// Ends the conversation of this state, which must be one of this browser's. `None` for any other, and the second time.
pub(super) async fn finish_trip(
    backend: &Backend,
    state: &str,
    browser: Option<&str>,
) -> Result<Option<Trip>, Failure> {
    let Some(browser) = browser else { return Ok(None) };
    let found = microsoft_trip::Entity::find_by_id(hash(state))
        .filter(microsoft_trip::Column::BrowserHash.eq(hash(browser)))
        .filter(microsoft_trip::Column::ExpiresAt.gt(backend.now().0))
        .one(backend.db.pool())
        .await
        .doing("find a conversation with Microsoft")?;
    let Some(row) = found else { return Ok(None) };
    // Of two at once, one deletes it.
    let ended = microsoft_trip::Entity::delete_by_id(row.state_hash)
        .exec(backend.db.pool())
        .await
        .doing("end a conversation with Microsoft")?;
    if ended.rows_affected != 1 {
        return Ok(None);
    }
    Ok(Some(Trip {
        purpose: Purpose::parse(&row.purpose).ok_or(Failure::Data("an unknown purpose"))?,
        user_id: row.user_id,
        session_handle: row.session_handle,
        nonce: row.nonce,
        verifier: row.verifier,
        next: row.next,
        began: Timestamp(row.expires_at).before(LIFETIME),
    }))
}

/// Forgets conversations from which nobody came back.
pub async fn purge_trips(db: &impl ConnectionTrait, now: Timestamp) -> Result<(), Failure> {
    microsoft_trip::Entity::delete_many()
        .filter(microsoft_trip::Column::ExpiresAt.lt(now.0))
        .exec(db)
        .await
        .doing("purge conversations with Microsoft")?;
    Ok(())
}
