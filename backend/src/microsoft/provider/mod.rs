//! The identity provider: builds authorization URLs, exchanges codes and reads the identity of the person.
//!
//! # Guarantees
//!
//! - No request is sent before it is needed, so that the portal starts even if Microsoft does not answer.
//! - Each sign-in has its own state, nonce and PKCE code verifier (S256, RFC 7636), each of 256 random bits.
//! - An [`Identity`] comes only from an ID token that passed every check of [`crate::microsoft::id_token`].
//! - A profile with the id of another person is rejected.
//! - An error contains no secret, no code, no token and no claim, so that it may be logged.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use openidconnect::core::{CoreAuthPrompt, CoreAuthenticationFlow};
use openidconnect::{
    AccessToken, AuthorizationCode, ClientId, CsrfToken, EndSessionUrl, LogoutRequest, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl, Scope, TokenResponse,
};
use serde::Deserialize;
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use crate::infra::random;
use crate::microsoft::discovery::{Metadata, SigningKeys, parse_guid};
use crate::microsoft::http_client::{HttpClient, HttpError};
use crate::microsoft::id_token::{Expected, IdTokenError, MicrosoftIdToken, TokenIdentity, verify_id_token};
use crate::microsoft::oauth_client::{build_client, token_error, validate_settings};
use crate::microsoft::ttl_cache::TtlCache;
use domain::time::Timestamp;

pub use crate::microsoft::oauth_client::{ProviderError, ProviderSettings};

/// Time for which the provider's metadata and keys are cached. Microsoft asks clients to check for new keys once a day ("Signing
/// key rollover in the Microsoft identity platform"). A token with an unknown key causes an immediate refresh.
const METADATA_TTL: Duration = Duration::from_hours(24);

/// Maximum number of concurrent calls. If Microsoft hangs, the rest of the portal keeps its capacity. When 300 people of an
/// office sign in within a minute, there are three or four.
const MAX_CONCURRENT_CALLS: usize = 64;

/// The `prompt` parameter: how people sign in at Microsoft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// Choose an account. An existing session at Microsoft is enough.
    SelectAccount,
    /// Sign in again, even with a session at Microsoft. Used for re-authentication.
    Login,
}

/// An authorization that has been started. Everything except the URL is secret and belongs to the row of the authorization
/// request.
#[derive(Clone)]
pub struct StartedAuthorization {
    /// The URL to redirect the browser to.
    pub url: Url,
    /// The state, which the callback repeats.
    pub state: String,
    /// The nonce, which the ID token repeats.
    pub nonce: String,
    /// The PKCE code verifier, sent with the code.
    pub code_verifier: String,
}

impl std::fmt::Debug for StartedAuthorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StartedAuthorization(…)")
    }
}

/// A verified Microsoft identity. Only `(tid, oid)` identifies the person, because the rest can change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The id of the person's tenant: a GUID in lower case.
    pub tid: String,
    /// The id of the person in that tenant: a GUID in lower case.
    pub oid: String,
    /// `preferred_username`, or else `name`. It may be neither unique nor a valid username.
    pub username_hint: Option<String>,
    /// The profile's `mail`, or else its `userPrincipalName`. It may not be a valid email address.
    pub email: Option<String>,
    /// True if another organisation authenticates the person.
    pub guest: bool,
    /// True if the person is a member, and not a guest, of the organisation's own tenant.
    pub home_member: bool,
    /// The time of the last authentication. `None` if the app registration does not request the claim `auth_time`.
    pub auth_time: Option<Timestamp>,
}

/// The profile (Graph's resource type `user`), as far as it is used.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    id: Option<String>,
    mail: Option<String>,
    user_principal_name: Option<String>,
    /// `Guest` or `Member`. Sent only if ENDPOINT requests it (`?$select=`).
    user_type: Option<String>,
}

/// The identity provider. A clone shares the cache.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

struct Inner {
    settings: ProviderSettings,
    http: HttpClient,
    metadata: TtlCache<Metadata, HttpError>,
    keys: TtlCache<SigningKeys, HttpError>,
    permits: Semaphore,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Provider(…)")
    }
}

impl Provider {
    /// Creates a provider with valid settings. Sends no request.
    ///
    /// # Errors
    ///
    /// Returns the problem with the settings, as a text for the operator.
    pub fn new(settings: ProviderSettings) -> Result<Self, String> {
        let settings = validate_settings(settings)?;
        let http = HttpClient::new()?;
        let permits = Semaphore::new(MAX_CONCURRENT_CALLS);
        let (metadata, keys) = (TtlCache::new(METADATA_TTL), TtlCache::new(METADATA_TTL));
        Ok(Self(Arc::new(Inner { settings, http, metadata, keys, permits })))
    }

    /// Returns a permit for one call, without waiting.
    ///
    /// # Errors
    ///
    /// Fails if too many calls are running.
    pub fn permit(&self) -> Result<SemaphorePermit<'_>, ProviderError> {
        let full = |_| ProviderError::Unreachable("too many requests are in progress".to_owned());
        self.0.permits.try_acquire().map_err(full)
    }

    /// Begins a sign-in.
    ///
    /// # Errors
    ///
    /// Fails if the provider's metadata is not cached and cannot be fetched.
    pub async fn begin(&self, prompt: Prompt) -> Result<StartedAuthorization, ProviderError> {
        let metadata = self.metadata().await?;
        let secret = || BASE64URL_NOPAD.encode(&random::bytes::<32>());
        let (state, nonce, code_verifier) = (secret(), secret(), secret());
        let pkce = PkceCodeVerifier::new(code_verifier.clone());
        let client = build_client(&self.0.settings, &metadata)?;
        let (csrf_token, oidc_nonce) = (CsrfToken::new(state.clone()), Nonce::new(nonce.clone()));
        let mut request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || csrf_token, || oidc_nonce)
            .add_scopes(self.0.settings.scope.iter().cloned().map(Scope::new))
            .add_extra_param("response_mode", "query")
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&pkce));
        request = match prompt {
            Prompt::SelectAccount => request.add_prompt(CoreAuthPrompt::SelectAccount),
            Prompt::Login => request.add_prompt(CoreAuthPrompt::Login).set_max_age(Duration::ZERO),
        };
        let (url, _, _) = request.url();
        Ok(StartedAuthorization { url, state, nonce, code_verifier })
    }

    /// Finishes a sign-in: exchanges the code, verifies the ID token and fetches the profile.
    ///
    /// # Errors
    ///
    /// Fails if any of these steps fails. The code cannot be used again then.
    pub async fn finish(
        &self,
        code: &str,
        nonce: &str,
        code_verifier: &str,
        now: Timestamp,
    ) -> Result<Identity, ProviderError> {
        let metadata = self.metadata().await?;
        let response = build_client(&self.0.settings, &metadata)?
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(code_verifier.to_owned()))
            .request_async(&self.0.http)
            .await
            .map_err(token_error)?;
        let token = response.id_token().ok_or(ProviderError::InvalidIdToken("is missing"))?;
        let token_identity = self.verify(token, response.access_token(), &metadata, nonce, now).await?;
        let profile = self.fetch_profile(response.access_token(), &token_identity).await?;
        Ok(self.identity(token_identity, profile))
    }

    /// Checks that the provider's metadata and keys can be fetched.
    ///
    /// # Errors
    ///
    /// Returns the reason that they cannot.
    pub async fn check(&self) -> Result<(), ProviderError> {
        let metadata = self.metadata().await?;
        let Inner { http, keys, .. } = &*self.0;
        let cached = keys.get(SigningKeys::fetch(http, &metadata.jwks_uri)).await;
        cached.map(drop).map_err(|error| ProviderError::Unreachable(format!("signing keys: {error}")))
    }

    /// Returns the URL that signs the user out of Microsoft and redirects to `redirect_uri`, which must be registered in Entra.
    /// Returns `None` if the provider has no such URL or does not answer.
    pub async fn sign_out_url(&self, redirect_uri: &Url) -> Option<Url> {
        let end_session_endpoint = self.metadata().await.ok()?.end_session_endpoint.clone()?;
        let request = LogoutRequest::from(EndSessionUrl::from_url(end_session_endpoint))
            .set_client_id(ClientId::new(self.0.settings.client_id.clone()))
            .set_post_logout_redirect_uri(PostLogoutRedirectUrl::from_url(redirect_uri.clone()));
        Some(request.http_get_url())
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, ProviderError> {
        let Inner { http, settings, .. } = &*self.0;
        let cached = self.0.metadata.get(Metadata::fetch(http, &settings.authority)).await;
        cached
            .map(|cached| cached.value)
            .map_err(|error| ProviderError::Unreachable(format!("discovery document: {error}")))
    }

    /// Verifies the token. If its key is unknown, tries again with refreshed keys.
    async fn verify(
        &self,
        token: &MicrosoftIdToken,
        access_token: &AccessToken,
        metadata: &Metadata,
        nonce: &str,
        now: Timestamp,
    ) -> Result<TokenIdentity, ProviderError> {
        let Inner { http, settings, keys, .. } = &*self.0;
        let expected = Expected {
            client_id: &settings.client_id,
            issuer: &metadata.issuer,
            tenants: &settings.tenants,
            nonce,
            now,
        };
        let fetch = || SigningKeys::fetch(http, &metadata.jwks_uri);
        let unreachable = |error: HttpError| ProviderError::Unreachable(format!("signing keys: {error}"));
        let cached = keys.get(fetch()).await.map_err(unreachable)?;
        let mut result = verify_id_token(token, access_token, &cached.value, &expected);
        if result == Err(IdTokenError::UnknownKey)
            && let Some(newer) = keys.refresh(&cached, fetch()).await.map_err(unreachable)?
        {
            result = verify_id_token(token, access_token, &newer.value, &expected);
        }
        result.map_err(|error| match error {
            IdTokenError::UnknownKey => ProviderError::InvalidIdToken("is signed with an unknown key"),
            IdTokenError::Invalid(reason) => ProviderError::InvalidIdToken(reason),
        })
    }

    /// Fetches the profile, which must be that of `token_identity`.
    async fn fetch_profile(
        &self,
        access_token: &AccessToken,
        token_identity: &TokenIdentity,
    ) -> Result<Profile, ProviderError> {
        let Inner { http, settings, .. } = &*self.0;
        let profile: Profile = http
            .get_json(&settings.endpoint, Some(access_token.secret()))
            .await
            .map_err(|error| ProviderError::Profile(format!("could not be read: {error}")))?;
        // Personal accounts have an `id` of another form, and an ENDPOINT with `$select` may leave it out.
        match profile.id.as_deref().and_then(parse_guid) {
            Some(id) if id != token_identity.oid => {
                Err(ProviderError::Profile("belongs to another person".to_owned()))
            }
            _ => Ok(profile),
        }
    }

    fn identity(&self, token_identity: TokenIdentity, profile: Profile) -> Identity {
        // The `userPrincipalName` of a guest is `name_their.org#EXT#@ours.onmicrosoft.com`. It reveals guests that the token does
        // not, and is not an email address.
        let is_external = |name: &str| name.to_ascii_uppercase().contains("#EXT#");
        let principal_name = profile.user_principal_name.filter(|name| !name.trim().is_empty());
        let guest = token_identity.guest
            || profile.user_type.is_some_and(|kind| kind.eq_ignore_ascii_case("guest"))
            || principal_name.as_deref().is_some_and(is_external);
        let email = profile
            .mail
            .filter(|email| !email.trim().is_empty())
            .or_else(|| principal_name.filter(|name| !is_external(name)))
            .map(|email| email.trim().to_owned());
        Identity {
            home_member: !guest && self.0.settings.home_tenant.as_ref() == Some(&token_identity.tid),
            tid: token_identity.tid,
            oid: token_identity.oid,
            username_hint: token_identity.username_hint,
            email,
            guest,
            auth_time: token_identity.auth_time,
        }
    }
}
