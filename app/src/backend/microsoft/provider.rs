//! Signing in at Microsoft: where people are sent, what becomes of the code they bring back, and who they are.
//!
//! Guarantees: nothing is asked of the provider before it is needed, so the portal starts while Microsoft is away; each
//! sign-in has a state, a nonce and a PKCE verifier (S256, RFC 7636) of its own, of 256 random bits each; an
//! [`Identity`] comes only from an ID token that passed every check of [`super::id_token`], and the profile is that
//! person's. Errors are fit for the log: no secret, no code, no token, no claim.

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

use super::cached::Cached;
use super::discovery::{Metadata, SigningKeys, parse_guid};
use super::http_client::{CallError, HttpClient};
use super::id_token::{Expected, MicrosoftIdToken, TokenFault, TokenIdentity, verify_id_token};
pub use super::oauth::{ProviderError, ProviderSettings};
use super::oauth::{check_settings, client, token_error};
use crate::backend::random;
use crate::domain::time::Timestamp;

/// How long the provider's document and its keys are kept. Microsoft asks to look for new keys once a day ("Signing key
/// rollover in the Microsoft identity platform"); a token with an unknown key has them fetched at once.
const KEPT: Duration = Duration::from_hours(24);

/// Most conversations at once: while Microsoft hangs they leave the rest of the portal its turns. An office of 300 that signs
/// in within a minute has three or four.
const CONVERSATIONS: usize = 64;

/// How people are to prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// They choose an account; a session at Microsoft will do.
    SelectAccount,
    /// They sign in anew, whatever session they have there: step-up.
    Login,
}

/// A sign-in that begins. All but the address is a secret of the browser's state row.
#[derive(Clone)]
pub struct Begin {
    /// Where to send the browser.
    pub address: Url,
    /// Comes back with the code.
    pub state: String,
    /// Comes back in the ID token.
    pub nonce: String,
    /// Shown when the code is exchanged.
    pub verifier: String,
}

impl std::fmt::Debug for Begin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Begin(…)")
    }
}

/// Who came back from Microsoft. It is `(tid, oid)` that identifies; the rest changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Their tenant: a GUID in lower case.
    pub tid: String,
    /// Themselves in that tenant: a GUID in lower case.
    pub oid: String,
    /// `preferred_username`, else `name`: neither unique nor a valid name.
    pub username_hint: Option<String>,
    /// ENDPOINT's `mail`, else its `userPrincipalName`: not checked for being an address.
    pub address: Option<String>,
    /// Whether another organisation vouches for them.
    pub guest: bool,
    /// Whether their tenant is the organisation's own, and they are no guest in it.
    pub home: bool,
    /// When they last proved who they are; `None` where the application does not ask for the claim `auth_time`.
    pub auth_time: Option<Timestamp>,
}

/// The profile (Graph's resource type `user`), as far as it is used.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    id: Option<String>,
    mail: Option<String>,
    user_principal_name: Option<String>,
    /// `Guest` or `Member`; sent where ENDPOINT asks for it (`?$select=`).
    user_type: Option<String>,
}

/// The identity provider. A clone shares what was fetched.
#[derive(Clone)]
pub struct Provider(Arc<Parts>);

struct Parts {
    settings: ProviderSettings,
    http: HttpClient,
    metadata: Cached<Metadata, CallError>,
    keys: Cached<SigningKeys, CallError>,
    places: Semaphore,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Provider(…)")
    }
}

impl Provider {
    /// Checks the settings; asks nothing of the provider.
    ///
    /// # Errors
    /// What is wrong with them, for the operator.
    pub fn new(settings: ProviderSettings) -> Result<Self, String> {
        let settings = check_settings(settings)?;
        let http = HttpClient::new()?;
        let places = Semaphore::new(CONVERSATIONS);
        let (metadata, keys) = (Cached::new(KEPT), Cached::new(KEPT));
        Ok(Self(Arc::new(Parts { settings, http, metadata, keys, places })))
    }

    /// A place among those who wait for Microsoft.
    ///
    /// # Errors
    /// When there is none: nobody waits for one.
    pub fn place(&self) -> Result<SemaphorePermit<'_>, ProviderError> {
        let full = |_| ProviderError::Unreachable("too many wait for it already".to_owned());
        self.0.places.try_acquire().map_err(full)
    }

    /// Begins a sign-in.
    ///
    /// # Errors
    /// When the provider's addresses are not known yet and cannot be had.
    pub async fn begin(&self, prompt: Prompt) -> Result<Begin, ProviderError> {
        let metadata = self.metadata().await?;
        let secret = || BASE64URL_NOPAD.encode(&random::bytes::<32>());
        let (state, nonce, verifier) = (secret(), secret(), secret());
        let pkce = PkceCodeVerifier::new(verifier.clone());
        let client = client(&self.0.settings, &metadata)?;
        let (given_state, given_nonce) = (CsrfToken::new(state.clone()), Nonce::new(nonce.clone()));
        let mut request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || given_state, || given_nonce)
            .add_scopes(self.0.settings.scope.iter().cloned().map(Scope::new))
            .add_extra_param("response_mode", "query")
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&pkce));
        request = match prompt {
            Prompt::SelectAccount => request.add_prompt(CoreAuthPrompt::SelectAccount),
            Prompt::Login => request.add_prompt(CoreAuthPrompt::Login).set_max_age(Duration::ZERO),
        };
        let (address, _, _) = request.url();
        Ok(Begin { address, state, nonce, verifier })
    }

    /// Ends a sign-in: exchanges the code, checks the ID token, and fetches the profile.
    ///
    /// # Errors
    /// When any of it fails; the code is spent then.
    pub async fn finish(
        &self,
        code: &str,
        nonce: &str,
        verifier: &str,
        now: Timestamp,
    ) -> Result<Identity, ProviderError> {
        let metadata = self.metadata().await?;
        let answer = client(&self.0.settings, &metadata)?
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()))
            .request_async(&self.0.http)
            .await
            .map_err(token_error)?;
        let token = answer.id_token().ok_or(ProviderError::BadToken("is missing"))?;
        let person = self.verify(token, answer.access_token(), &metadata, nonce, now).await?;
        let profile = self.profile(answer.access_token(), &person).await?;
        Ok(self.identity(person, profile))
    }

    /// Whether the provider's document and keys can be had.
    ///
    /// # Errors
    /// Why not.
    pub async fn check(&self) -> Result<(), ProviderError> {
        let metadata = self.metadata().await?;
        let Parts { http, keys, .. } = &*self.0;
        let held = keys.get(SigningKeys::fetch(http, &metadata.keys)).await;
        held.map(drop).map_err(|error| ProviderError::Unreachable(format!("its keys: {error}")))
    }

    /// Where people sign out of Microsoft and come back to `back`, which must be registered with the application.
    /// `None` where the provider has no such place or is away.
    pub async fn sign_out_address(&self, back: &Url) -> Option<Url> {
        let end_session = self.metadata().await.ok()?.end_session.clone()?;
        let request = LogoutRequest::from(EndSessionUrl::from_url(end_session))
            .set_client_id(ClientId::new(self.0.settings.client_id.clone()))
            .set_post_logout_redirect_uri(PostLogoutRedirectUrl::from_url(back.clone()));
        Some(request.http_get_url())
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, ProviderError> {
        let Parts { http, settings, .. } = &*self.0;
        let held = self.0.metadata.get(Metadata::fetch(http, &settings.authority)).await;
        held.map(|held| held.value)
            .map_err(|error| ProviderError::Unreachable(format!("its configuration document: {error}")))
    }

    /// Checks the token, with younger keys where the ones at hand don't know the one it is signed with.
    async fn verify(
        &self,
        token: &MicrosoftIdToken,
        access_token: &AccessToken,
        metadata: &Metadata,
        nonce: &str,
        now: Timestamp,
    ) -> Result<TokenIdentity, ProviderError> {
        let Parts { http, settings, keys, .. } = &*self.0;
        let expected = Expected {
            client_id: &settings.client_id,
            issuer: &metadata.issuer,
            tenants: &settings.tenants,
            nonce,
            now,
        };
        let fetch = || SigningKeys::fetch(http, &metadata.keys);
        let away = |error: CallError| ProviderError::Unreachable(format!("its keys: {error}"));
        let held = keys.get(fetch()).await.map_err(away)?;
        let mut outcome = verify_id_token(token, access_token, &held.value, &expected);
        if outcome == Err(TokenFault::UnknownKey)
            && let Some(younger) = keys.renew(&held, fetch()).await.map_err(away)?
        {
            outcome = verify_id_token(token, access_token, &younger.value, &expected);
        }
        outcome.map_err(|fault| match fault {
            TokenFault::UnknownKey => ProviderError::BadToken("is signed with an unknown key"),
            TokenFault::Bad(what) => ProviderError::BadToken(what),
        })
    }

    /// Fetches the profile, which must be that of `person`.
    async fn profile(
        &self,
        access_token: &AccessToken,
        person: &TokenIdentity,
    ) -> Result<Profile, ProviderError> {
        let Parts { http, settings, .. } = &*self.0;
        let profile: Profile = http
            .get_json(&settings.endpoint, Some(access_token.secret()))
            .await
            .map_err(|error| ProviderError::Endpoint(format!("could not be had: {error}")))?;
        // Personal accounts have an `id` of another form there, and an ENDPOINT with `$select` may leave it out.
        match profile.id.as_deref().and_then(parse_guid) {
            Some(id) if id != person.oid => Err(ProviderError::Endpoint("is another person's".to_owned())),
            _ => Ok(profile),
        }
    }

    fn identity(&self, person: TokenIdentity, profile: Profile) -> Identity {
        // Guests are called `name_their.org#EXT#@ours.onmicrosoft.com`: that tells them where the token does not, and
        // is no address.
        let is_external = |name: &str| name.to_ascii_uppercase().contains("#EXT#");
        let name = profile.user_principal_name.filter(|name| !name.trim().is_empty());
        let guest = person.guest
            || profile.user_type.is_some_and(|kind| kind.eq_ignore_ascii_case("guest"))
            || name.as_deref().is_some_and(is_external);
        let address = profile
            .mail
            .filter(|mail| !mail.trim().is_empty())
            .or_else(|| name.filter(|name| !is_external(name)))
            .map(|address| address.trim().to_owned());
        Identity {
            home: !guest && self.0.settings.home.as_ref() == Some(&person.tid),
            tid: person.tid,
            oid: person.oid,
            username_hint: person.username_hint,
            address,
            guest,
            auth_time: person.auth_time,
        }
    }
}

#[cfg(test)]
mod tests;
