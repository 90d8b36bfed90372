//! Verifies ID tokens.
//!
//! # Guarantees
//!
//! - Only RS256 with a key of the provider is accepted, neither "none" nor HS256 with the public key as its secret.
//! - The token is for this application, from an allowed tenant, and signed by the issuer of that tenant.
//! - The token is valid now, within [`LEEWAY`].
//! - The token belongs to the sign-in that was begun (nonce).
//! - An error is a fixed text, so that no part of a token is logged.

#[cfg(test)]
pub(super) mod tests;

use std::time::Duration;

use chrono::{DateTime, Utc};
use openidconnect::core::{
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalClaims, ClaimsVerificationError, ClientId, IdToken,
    IdTokenClaims, IdTokenVerifier, IssuerUrl, JsonWebKey, Nonce, SignatureVerificationError,
};
use serde::{Deserialize, Serialize};

use crate::microsoft::discovery::{Issuer, SigningKeys, parse_guid};
use domain::time::Timestamp;

/// Allowed difference between the portal's clock and the provider's. Microsoft's own libraries allow five minutes. A clock with
/// NTP needs less.
pub const LEEWAY: Duration = Duration::from_mins(1);

/// The prefixes of `idp` for accounts of the tenant itself: Microsoft's issuers of version 1.0 tokens, worldwide and in China.
const HOME_PROVIDERS: [&str; 2] = ["https://sts.windows.net/", "https://sts.chinacloudapi.cn/"];

/// Microsoft's own claims ("ID token claims reference" and "Optional claims reference" of the Microsoft identity
/// platform).
#[derive(Debug, Deserialize, Serialize)]
pub struct MicrosoftClaims {
    tid: Option<String>,
    oid: Option<String>,
    /// 0 for a member of the tenant, 1 for a guest. Sent only if the app registration requests it.
    acct: Option<serde_json::Value>,
    /// The identity provider that authenticated the person, if it is not the issuer.
    idp: Option<String>,
    /// The start of validity in seconds since 1970 (RFC 7519, section 4.1.5). `openidconnect` does not check it.
    nbf: Option<i64>,
}

impl AdditionalClaims for MicrosoftClaims {}

/// An ID token with Microsoft's claims.
pub type MicrosoftIdToken =
    IdToken<MicrosoftClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

/// The expected values of a token.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The client ID.
    pub client_id: &'a str,
    /// The issuer in the provider's document.
    pub issuer: &'a Issuer,
    /// The ids of the allowed tenants, in lower case.
    pub tenants: &'a [String],
    /// The nonce of this sign-in.
    pub nonce: &'a str,
    /// The current time.
    pub now: Timestamp,
}

/// The identity in a valid token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenIdentity {
    /// The id of the person's tenant: a GUID in lower case.
    pub tid: String,
    /// The id of the person in the tenant: a GUID in lower case.
    pub oid: String,
    /// `preferred_username`, or else `name`. It can change and can be any text.
    pub username_hint: Option<String>,
    /// True if another organisation authenticates the person.
    pub guest: bool,
    /// The time of the last authentication, if the app registration requests that claim.
    pub auth_time: Option<Timestamp>,
}

/// The reason that a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdTokenError {
    /// It is signed with an unknown key. Newer keys may contain it.
    UnknownKey,
    /// It is not valid. The text completes "the ID token …".
    Invalid(&'static str),
}

/// Verifies `token` (OpenID Connect Core 1.0, section 3.1.3.7), which was sent with `access_token`.
///
/// # Errors
///
/// Returns the reason that the token is not accepted.
pub fn verify_id_token(
    token: &MicrosoftIdToken,
    access_token: &AccessToken,
    keys: &SigningKeys,
    expected: &Expected<'_>,
) -> Result<TokenIdentity, IdTokenError> {
    let invalid = |reason| Err(IdTokenError::Invalid(reason));
    let verifier = verifier(keys, expected)?;
    let claims = token
        .claims(&verifier, &Nonce::new(expected.nonce.to_owned()))
        .map_err(|error| id_token_error(&error))?;
    let microsoft_claims = claims.additional_claims();
    if microsoft_claims.nbf.is_some_and(|nbf| nbf > expected.now.after(LEEWAY).seconds()) {
        return invalid("is not valid yet");
    }
    check_authorized_party(claims, expected.client_id)?;

    let Some(tid) = microsoft_claims.tid.as_deref().and_then(parse_guid) else {
        return invalid("contains no tenant ID");
    };
    let Some(oid) = microsoft_claims.oid.as_deref().and_then(parse_guid) else {
        return invalid("contains no user ID");
    };
    if !expected.tenants.contains(&tid) {
        return invalid("is from a tenant that is not allowed");
    }
    let issuer = claims.issuer().as_str();
    if !expected.issuer.matches(issuer, &tid) {
        return invalid("has an issuer that does not match its tenant");
    }
    let key = token.signing_key(&verifier).map_err(|_| IdTokenError::UnknownKey)?;
    let may_sign = key.key_id().is_none_or(|id| keys.may_sign(id, issuer, &tid));
    if expected.issuer.is_multi_tenant() && !may_sign {
        return invalid("is signed with the key of another tenant");
    }
    check_access_token(claims, access_token, key)?;

    let username_hint = claims
        .preferred_username()
        .map(|name| name.to_string())
        .or_else(|| claims.name()?.get(None).map(|name| name.to_string()));
    Ok(TokenIdentity {
        guest: is_guest(microsoft_claims, issuer, &tid),
        username_hint: username_hint.filter(|hint| !hint.trim().is_empty()),
        auth_time: claims.auth_time().map(|at| Timestamp(at.timestamp_micros())),
        tid,
        oid,
    })
}

/// Returns the verifier of `openidconnect` for the signature, audience, expiry and nonce. It does not check the issuer, because
/// the expected issuer depends on the token's tenant.
fn verifier<'a>(
    keys: &SigningKeys,
    expected: &Expected<'a>,
) -> Result<IdTokenVerifier<'a, CoreJsonWebKey>, IdTokenError> {
    let issuer = IssuerUrl::new(expected.issuer.as_str().to_owned())
        .map_err(|_| IdTokenError::Invalid("cannot be verified: the provider's issuer is not a URL"))?;
    let earliest = DateTime::<Utc>::from_timestamp_micros(expected.now.before(LEEWAY).0)
        .ok_or(IdTokenError::Invalid("cannot be verified: the system clock is not valid"))?;
    let client_id = ClientId::new(expected.client_id.to_owned());
    // "Public client": the verifier does not get the client secret, so that no token can be signed with it.
    Ok(IdTokenVerifier::new_public_client(client_id, issuer, keys.set.clone())
        .set_allowed_algs([CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256])
        .require_issuer_match(false)
        .set_time_fn(move || earliest))
}

/// Checks `azp`, which `openidconnect` does not: it is required with several audiences, and must be this client if present.
fn check_authorized_party(
    claims: &IdTokenClaims<MicrosoftClaims, CoreGenderClaim>,
    client_id: &str,
) -> Result<(), IdTokenError> {
    let is_ours = match claims.authorized_party() {
        Some(party) => party.as_str() == client_id,
        None => claims.audiences().len() == 1,
    };
    if is_ours { Ok(()) } else { Err(IdTokenError::Invalid("was issued to another application")) }
}

/// Checks `at_hash`, if present (OpenID Connect Core 1.0, section 3.1.3.8). It binds the access token to this ID token.
fn check_access_token(
    claims: &IdTokenClaims<MicrosoftClaims, CoreGenderClaim>,
    access_token: &AccessToken,
    key: &CoreJsonWebKey,
) -> Result<(), IdTokenError> {
    let Some(expected) = claims.access_token_hash() else { return Ok(()) };
    let hash = AccessTokenHash::from_token(access_token, &CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, key);
    if hash.is_ok_and(|hash| hash == *expected) {
        Ok(())
    } else {
        Err(IdTokenError::Invalid("does not match the access token"))
    }
}

/// Returns true if the person is a guest, also in doubt: a guest only needs the approval of an administrator.
fn is_guest(claims: &MicrosoftClaims, issuer: &str, tid: &str) -> bool {
    let by_account = match &claims.acct {
        None | Some(serde_json::Value::Null) => false,
        Some(value) => value != &serde_json::json!(0) && value != "0",
    };
    let by_provider = claims.idp.as_deref().is_some_and(|idp| {
        let is_home = HOME_PROVIDERS.iter().any(|home| {
            idp.strip_prefix(home).is_some_and(|rest| rest.trim_end_matches('/').eq_ignore_ascii_case(tid))
        });
        idp != issuer && !is_home
    });
    by_account || by_provider
}

/// Converts an error of `openidconnect`, without the parts of the token that it quotes.
fn id_token_error(error: &ClaimsVerificationError) -> IdTokenError {
    use ClaimsVerificationError as Claims;
    use SignatureVerificationError as Signature;
    IdTokenError::Invalid(match error {
        Claims::SignatureVerification(Signature::NoMatchingKey) => return IdTokenError::UnknownKey,
        Claims::SignatureVerification(Signature::NoSignature) => "is not signed",
        Claims::SignatureVerification(Signature::DisallowedAlg(_) | Signature::UnsupportedAlg(_)) => {
            "uses a signature algorithm that is not allowed"
        }
        Claims::SignatureVerification(Signature::AmbiguousKeyId(_)) => "does not name its signing key",
        Claims::SignatureVerification(_) => "has an invalid signature",
        Claims::Expired(_) => "has expired",
        Claims::InvalidAudience(_) => "is for another application",
        Claims::InvalidNonce(_) => "belongs to another sign-in",
        Claims::Unsupported(_) => "has a form that is not supported",
        _ => "is not valid",
    })
}
