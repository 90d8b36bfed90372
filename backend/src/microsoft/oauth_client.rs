//! The OAuth client: its settings, its construction and its errors.
//!
//! # Guarantees
//!
//! - An error contains no secret, no code and no token, so that it may be logged.
//! - Of the text of a remote error, only the error code and Microsoft's error number are kept.

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

use crate::microsoft::discovery::{Metadata, parse_guid};
use crate::microsoft::http_client::{HttpError, is_secure_url};
use crate::microsoft::id_token::MicrosoftClaims;

/// The settings of the provider.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// The client ID (CLIENT_ID).
    pub client_id: String,
    /// The client secret (CLIENT_SECRET).
    pub client_secret: SecretString,
    /// The authority with the tenant (AUTHORITY): `https://login.microsoftonline.com/{tenant}`.
    pub authority: Url,
    /// The scopes (SCOPE), for example `User.Read`. `openid` and `profile` are added.
    pub scope: Vec<String>,
    /// The URL of the profile (ENDPOINT), for example `https://graph.microsoft.com/v1.0/me`.
    pub endpoint: Url,
    /// The redirect URI, as registered in Entra.
    pub redirect_uri: Url,
    /// The ids of the allowed tenants (GUIDs).
    pub tenants: Vec<String>,
    /// The id of the organisation's own tenant, if TENANT_ID is a GUID.
    pub home_tenant: Option<String>,
}

/// The reason for a failed sign-in, as a text for one log line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The provider does not answer, or its answer is not valid.
    #[error("Microsoft cannot be reached: {0}")]
    Unreachable(String),
    /// The provider answered with an OAuth error.
    #[error("Microsoft rejected the request: {0}")]
    Refused(String),
    /// The ID token is not valid.
    #[error("the ID token {0}")]
    InvalidIdToken(&'static str),
    /// The profile cannot be fetched, or belongs to another person.
    #[error("the profile at ENDPOINT {0}")]
    Profile(String),
}

type TokenResponse = StandardTokenResponse<
    IdTokenFields<
        MicrosoftClaims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;
pub(super) type TokenErrorResponse = StandardErrorResponse<CoreErrorResponseType>;
pub(super) type MicrosoftClient = Client<
    MicrosoftClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    TokenErrorResponse,
    TokenResponse,
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

/// Checks the settings. Returns them with GUIDs in lower case and all scopes.
pub(super) fn validate_settings(mut settings: ProviderSettings) -> Result<ProviderSettings, String> {
    if settings.client_id.is_empty() || settings.client_secret.expose_secret().is_empty() {
        return Err("CLIENT_ID and CLIENT_SECRET must both be set".to_owned());
    }
    for (name, url) in [("AUTHORITY", &settings.authority), ("ENDPOINT", &settings.endpoint)] {
        if !is_secure_url(url) {
            return Err(format!("{name} must use https (http only on this machine)"));
        }
    }
    let guid = |text: &String| parse_guid(text).ok_or(format!("the tenant ID {text:?} is not a GUID"));
    settings.tenants = settings.tenants.iter().map(guid).collect::<Result<_, _>>()?;
    settings.home_tenant = settings.home_tenant.as_ref().map(guid).transpose()?;
    if settings.tenants.is_empty() {
        return Err("no tenant is allowed: set MICROSOFT_TENANTS to tenant IDs (GUIDs)".to_owned());
    }
    // `openidconnect` adds `openid` itself.
    settings.scope.retain(|scope| scope != "openid" && scope != "profile");
    settings.scope.insert(0, "profile".to_owned());
    Ok(settings)
}

/// Creates the OAuth client of `settings` for the provider that `metadata` describes.
pub(super) fn build_client(
    settings: &ProviderSettings,
    metadata: &Metadata,
) -> Result<MicrosoftClient, ProviderError> {
    let issuer = IssuerUrl::new(metadata.issuer.as_str().to_owned())
        .map_err(|_| ProviderError::Unreachable("its issuer is not a URL".to_owned()))?;
    // `verify_id_token` checks the tokens, not this client. So it needs no keys.
    Ok(Client::new(ClientId::new(settings.client_id.clone()), issuer, JsonWebKeySet::default())
        .set_client_secret(ClientSecret::new(settings.client_secret.expose_secret().to_owned()))
        .set_auth_type(AuthType::RequestBody)
        .set_auth_uri(AuthUrl::from_url(metadata.authorization_endpoint.clone()))
        .set_token_uri(TokenUrl::from_url(metadata.token_endpoint.clone()))
        .set_redirect_uri(RedirectUrl::from_url(settings.redirect_uri.clone())))
}

/// Returns the reason that a code was not exchanged.
pub(super) fn token_error(error: RequestTokenError<HttpError, TokenErrorResponse>) -> ProviderError {
    match error {
        RequestTokenError::ServerResponse(errors) => ProviderError::Refused(describe_oauth_error(
            errors.error().as_ref(),
            errors.error_description().map(String::as_str),
        )),
        RequestTokenError::Request(error) => ProviderError::Unreachable(format!("token request: {error}")),
        // The error of `openidconnect` may quote the response with the tokens.
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            ProviderError::Unreachable("the token response could not be read".to_owned())
        }
    }
}

/// Formats an OAuth error (RFC 6749, sections 4.1.2.1 and 5.2) for the log: the code and Microsoft's error number from the
/// description, such as `invalid_client (AADSTS7000215)`. The rest of the description may contain names of people. Both texts
/// are untrusted, so anything that does not look like a code is left out.
pub fn describe_oauth_error(error: &str, description: Option<&str>) -> String {
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
