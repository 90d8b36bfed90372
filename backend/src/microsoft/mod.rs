//! Microsoft accounts: sign-in, linking and re-authentication with OpenID Connect.
//!
//! # Guarantees
//!
//! - An identity is the pair (tid, oid), never an email address.
//! - No one is signed in to an account, or linked with it, because of an email address.
//! - An authorization request belongs to one browser and one purpose, and can be used once.
//! - If a user was signed in, the authorization request also belongs to that user's session.
//! - A new account with a blocked email address or identity needs the approval of an administrator.

pub(crate) mod app_registration;
mod authorization_request;
mod callback;
mod discovery;
mod http_client;
mod id_token;
pub mod identity_lookup;
mod linked_identity;
mod oauth_client;
pub mod provider;
mod provisioning;
mod ttl_cache;

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::timeout;
use url::Url;

use crate::Backend;
use crate::microsoft::provider::{Provider, ProviderError};
use domain::errors::ErrorCode;

pub use crate::microsoft::authorization_request::{
    AuthorizationRedirect, begin_link, begin_reauthentication, begin_sign_in, purge_authorization_requests,
};
pub use crate::microsoft::callback::{
    CallbackError, CallbackRequest, CallbackResult, DEFAULT_RETURN_TO, handle_callback,
};
pub use crate::microsoft::discovery::parse_guid;
pub use crate::microsoft::http_client::{builder as http_builder, causes, is_loopback, is_secure_url};
pub use crate::microsoft::linked_identity::{is_only_sign_in_method, unlink};

/// Longest time that a request waits for Microsoft. It is shorter than the timeout of a request to the portal, so that the
/// next page can show the error.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(8);

/// Returns the URL at Microsoft that signs the user out there and redirects back to the portal. Returns `None` if there is no
/// such URL or Microsoft does not answer.
pub async fn sign_out_url(backend: &Backend, client_ip: IpAddr) -> Result<Option<Url>, ErrorCode> {
    backend.rate_limiter.acquire_microsoft_request(client_ip, backend.now()).await?;
    let Some(provider) = &backend.microsoft else { return Ok(None) };
    let url = match provider.permit() {
        Ok(_permit) => {
            timeout(PROVIDER_TIMEOUT, provider.sign_out_url(&backend.settings.public_url)).await.ok()
        }
        Err(_) => None,
    };
    let url = url.flatten();
    if url.is_none() {
        tracing::warn!("Microsoft sign-out URL unavailable");
    }
    Ok(url)
}

/// Runs a call to the provider with a timeout, unless too many calls are running.
async fn with_timeout<T>(
    provider: &Provider,
    call: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ErrorCode> {
    let _permit = provider.permit().map_err(|error| provider_error_code(&error))?;
    match timeout(PROVIDER_TIMEOUT, call).await {
        Ok(done) => done.map_err(|error| provider_error_code(&error)),
        Err(_) => Err(provider_error_code(&ProviderError::Unreachable("no response in time".to_owned()))),
    }
}

/// Logs a provider's error and returns the code that the person sees.
fn provider_error_code(error: &ProviderError) -> ErrorCode {
    tracing::warn!(cause = %error, "Microsoft request failed");
    match error {
        ProviderError::Unreachable(_) | ProviderError::Profile(_) => ErrorCode::MicrosoftUnavailable,
        ProviderError::Refused(_) | ProviderError::InvalidIdToken(_) => ErrorCode::MicrosoftRefused,
    }
}
