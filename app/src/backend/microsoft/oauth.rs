//! The OAuth client: its settings, how it is made of them and of the provider's document, and what its errors say.
//!
//! Guarantees: errors are fit for the log: no secret, no code, no token, and of what came from outside only what looks like
//! a code.

use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AuthType, AuthUrl, Client, ClientId, ClientSecret, EmptyExtraTokenFields, EndpointNotSet, EndpointSet,
    IdTokenFields, IssuerUrl, JsonWebKeySet, RedirectUrl, RequestTokenError, StandardErrorResponse,
    StandardTokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::discovery::{Metadata, parse_guid};
use super::http_client::{CallError, is_guarded};
use super::id_token::MicrosoftClaims;

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
pub(super) type TokenRefusal = StandardErrorResponse<CoreErrorResponseType>;
pub(super) type MicrosoftClient = Client<
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

/// The settings with GUIDs in lower case and the scopes complete.
pub(super) fn check_settings(mut settings: ProviderSettings) -> Result<ProviderSettings, String> {
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

/// The client of the provider that `metadata` describes, as the application of `settings`.
pub(super) fn client(
    settings: &ProviderSettings,
    metadata: &Metadata,
) -> Result<MicrosoftClient, ProviderError> {
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

/// Why a code was not exchanged.
pub(super) fn token_error(error: RequestTokenError<CallError, TokenRefusal>) -> ProviderError {
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
