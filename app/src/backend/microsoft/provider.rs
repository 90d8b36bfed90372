//! Signing in at Microsoft: where people are sent, what becomes of the code they bring back, and who they are.
//!
//! Guarantees: nothing is asked of the provider before it is needed, so the portal starts while Microsoft is away; each
//! sign-in has a state, a nonce and a PKCE verifier (S256, RFC 7636) of its own, of 256 random bits each; an
//! [`Identity`] comes only from an ID token that passed every check of [`super::id_token`], and the profile is that
//! person's. Errors are fit for the log: no secret, no code, no token, no claim.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType, CoreGenderClaim,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, EndSessionUrl, EndpointNotSet, EndpointSet, IdTokenFields, IssuerUrl,
    JsonWebKeySet, LogoutRequest, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    PostLogoutRedirectUrl, RedirectUrl, RequestTokenError, Scope, StandardErrorResponse,
    StandardTokenResponse, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use super::cached::Cached;
use super::discovery::{Metadata, SigningKeys, parse_guid};
use super::http_client::{CallError, HttpClient, is_guarded};
use super::id_token::{
    Expected, MicrosoftClaims, MicrosoftIdToken, TokenFault, TokenIdentity, verify_id_token,
};
use crate::backend::random;
use crate::domain::time::Timestamp;

/// How long the provider's document and its keys are kept. Microsoft asks to look for new keys once a day ("Signing key
/// rollover in the Microsoft identity platform"); a token with an unknown key has them fetched at once.
const KEPT: Duration = Duration::from_hours(24);

/// Most conversations at once: while Microsoft hangs they leave the rest of the portal its turns. An office of 300 that signs
/// in within a minute has three or four.
const CONVERSATIONS: usize = 64;

/// What the operator set.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// CLIENT_ID: the application's number.
    pub client_id: String,
    /// CLIENT_SECRET.
    pub client_secret: SecretString,
    /// AUTHORITY with the tenant: `https://login.microsoftonline.com/{tenant}`.
    pub authority: Url,
    /// SCOPE, e.g. `User.Read`; `openid` and `profile` are added.
    pub scope: Vec<String>,
    /// ENDPOINT: where the profile is, e.g. `https://graph.microsoft.com/v1.0/me`.
    pub endpoint: Url,
    /// Where people come back to, as it is registered with the application.
    pub redirect: Url,
    /// The allowed tenants, as GUIDs.
    pub tenants: Vec<String>,
    /// TENANT_ID where it is a GUID: the organisation's own tenant.
    pub home: Option<String>,
}

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

/// Why a sign-in came to nothing, in words for one log line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It doesn't answer, or not in a way that can be used.
    #[error("Microsoft cannot be reached: {0}")]
    Unreachable(String),
    /// It answered that it won't.
    #[error("Microsoft refused: {0}")]
    Refused(String),
    /// Its token is no good.
    #[error("the ID token {0}")]
    BadToken(&'static str),
    /// The profile could not be had, or is somebody else's.
    #[error("the profile at ENDPOINT {0}")]
    Endpoint(String),
}

type TokenAnswer = StandardTokenResponse<
    IdTokenFields<
        MicrosoftClaims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;
type TokenRefusal = StandardErrorResponse<CoreErrorResponseType>;
type MicrosoftClient = Client<
    MicrosoftClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    TokenRefusal,
    TokenAnswer,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
    EndpointNotSet,
>;

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
        let client = self.client(&metadata)?;
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
        let answer = self
            .client(&metadata)?
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

    fn client(&self, metadata: &Metadata) -> Result<MicrosoftClient, ProviderError> {
        let settings = &self.0.settings;
        let issuer = IssuerUrl::new(metadata.issuer.as_str().to_owned())
            .map_err(|_| ProviderError::Unreachable("its issuer is no address".to_owned()))?;
        // The client is never asked to check a token: `verify` does, so it needs no keys.
        Ok(Client::new(ClientId::new(settings.client_id.clone()), issuer, JsonWebKeySet::default())
            .set_client_secret(ClientSecret::new(settings.client_secret.expose_secret().to_owned()))
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri(AuthUrl::from_url(metadata.authorization.clone()))
            .set_token_uri(TokenUrl::from_url(metadata.token.clone()))
            .set_redirect_uri(RedirectUrl::from_url(settings.redirect.clone())))
    }
}

/// The settings with GUIDs in lower case and the scopes complete.
fn check_settings(mut settings: ProviderSettings) -> Result<ProviderSettings, String> {
    if settings.client_id.is_empty() || settings.client_secret.expose_secret().is_empty() {
        return Err("CLIENT_ID and CLIENT_SECRET are both needed".to_owned());
    }
    for (name, url) in [("AUTHORITY", &settings.authority), ("ENDPOINT", &settings.endpoint)] {
        if !is_guarded(url) {
            return Err(format!("{name} must be https (http only on this very machine)"));
        }
    }
    let guid = |text: &String| parse_guid(text).ok_or(format!("the tenant {text:?} is no GUID"));
    settings.tenants = settings.tenants.iter().map(guid).collect::<Result<_, _>>()?;
    settings.home = settings.home.as_ref().map(guid).transpose()?;
    if settings.tenants.is_empty() {
        return Err("no tenant is allowed: name them by their GUIDs".to_owned());
    }
    // The crate adds `openid` itself.
    settings.scope.retain(|scope| scope != "openid" && scope != "profile");
    settings.scope.insert(0, "profile".to_owned());
    Ok(settings)
}

fn token_error(error: RequestTokenError<CallError, TokenRefusal>) -> ProviderError {
    match error {
        RequestTokenError::ServerResponse(refusal) => ProviderError::Refused(error_in_words(
            refusal.error().as_ref(),
            refusal.error_description().map(String::as_str),
        )),
        RequestTokenError::Request(error) => ProviderError::Unreachable(format!("its tokens: {error}")),
        // What the crate says more may quote the answer, and in it the tokens.
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            ProviderError::Unreachable("its answer to the code is not readable".to_owned())
        }
    }
}

/// An OAuth error (RFC 6749, sections 4.1.2.1 and 5.2) for the log: the code, and Microsoft's own number out of the
/// description, as `invalid_client (AADSTS7000215)`. The rest of the description may name people. Both come from
/// outside: what doesn't look like a code is left out.
pub fn error_in_words(error: &str, description: Option<&str>) -> String {
    let is_code = !error.is_empty()
        && error.len() <= 64
        && error.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let code = if is_code { error } else { "an unknown error" };
    let number: String = description
        .and_then(|text| text.split_once("AADSTS"))
        .map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).take(10).collect())
        .unwrap_or_default();
    if number.is_empty() { code.to_owned() } else { format!("{code} (AADSTS{number})") }
}

#[cfg(test)]
mod tests;
