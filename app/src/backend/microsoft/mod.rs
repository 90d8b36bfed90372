//! Microsoft accounts: signing in with one, linking one, and proving oneself by one.
//!
//! Guarantees: an identity is the pair (tid, oid) and never an address; nobody is signed in to, or linked with, an account
//! because of an address; each conversation with Microsoft belongs to one browser, one purpose and, where somebody was
//! signed in, one session, and ends once; whoever was shut out waits for an administrator, whichever way they come.

mod arrive;
mod cached;
mod discovery;
mod http_client;
mod id_token;
mod identities;
mod oauth;
pub mod provider;
mod trip;

pub use arrive::{Arrival, Arrived, HOME, TurnedAway, arrive};
pub use discovery::parse_guid;
pub use http_client::{builder as http_builder, causes, is_guarded, is_loopback};
pub use identities::{is_last_way_in, unlink};
pub use trip::{Destination, Purpose, begin, purge_trips};

use std::future::Future;
use std::time::Duration;

use provider::{Provider, ProviderError};
use tokio::time::timeout;
use url::Url;

use crate::backend::Backend;
use crate::domain::problem::Problem;

/// How long anybody waits for Microsoft: less than a request may take, so that the page they come to says why.
const PATIENCE: Duration = Duration::from_secs(8);

/// Where people sign out of Microsoft and come back to the portal; `None` where there is no such place, or no answer.
pub async fn sign_out_address(backend: &Backend) -> Option<Url> {
    let provider = backend.microsoft.as_ref()?;
    let address = match provider.place() {
        Ok(_place) => timeout(PATIENCE, provider.sign_out_address(&backend.settings.public_url)).await.ok(),
        Err(_) => None,
    };
    let address = address.flatten();
    if address.is_none() {
        tracing::warn!("Microsoft gives no place to sign out at, or does not answer");
    }
    address
}

/// Waits for Microsoft, unless too many do so already.
async fn patiently<T>(
    provider: &Provider,
    talk: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, Problem> {
    let _place = provider.place().map_err(|error| turned_away(&error))?;
    match timeout(PATIENCE, talk).await {
        Ok(done) => done.map_err(|error| turned_away(&error)),
        Err(_) => Err(turned_away(&ProviderError::Unreachable("it took too long".to_owned()))),
    }
}

/// What people read of a provider's error; the log has one line about it.
fn turned_away(error: &ProviderError) -> Problem {
    tracing::warn!(cause = %error, "a conversation with Microsoft came to nothing");
    match error {
        ProviderError::Unreachable(_) | ProviderError::Endpoint(_) => Problem::MicrosoftAway,
        ProviderError::Refused(_) | ProviderError::BadToken(_) => Problem::MicrosoftRefused,
    }
}
