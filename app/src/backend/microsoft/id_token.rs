//! Whether an ID token is good, and what it says.
//!
//! Guarantees: only RS256 with a key of the provider counts, so that neither "none" nor HS256 with the public key as
//! its secret does; the token is for this application, of an allowed tenant, signed by the issuer of that very tenant,
//! valid now within [`LEEWAY`], and of the sign-in that was begun (nonce). Errors are fixed texts: nothing of a token
//! gets into the log.

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

use super::discovery::{Issuer, SigningKeys, parse_guid};
use crate::domain::time::Timestamp;

/// How far our clock and the provider's may be apart. Microsoft's own libraries allow five minutes; a clock that is
/// kept by NTP needs less.
pub const LEEWAY: Duration = Duration::from_mins(1);

/// What `idp` begins with where people sign in with an account of the tenant itself: Microsoft's issuers of version 1.0
/// tokens, worldwide and in China.
const HOME_PROVIDERS: [&str; 2] = ["https://sts.windows.net/", "https://sts.chinacloudapi.cn/"];

/// Microsoft's own claims ("ID token claims reference" and "Optional claims reference" of the Microsoft identity
/// platform).
#[derive(Debug, Deserialize, Serialize)]
pub struct MicrosoftClaims {
    tid: Option<String>,
    oid: Option<String>,
    /// 0 for a member of the tenant, 1 for a guest; sent where the application asks for it.
    acct: Option<serde_json::Value>,
    /// Who vouched for the person, where that is not the issuer.
    idp: Option<String>,
    /// Not valid before, in seconds since 1970 (RFC 7519, section 4.1.5); `openidconnect` doesn't look at it.
    nbf: Option<i64>,
}

impl AdditionalClaims for MicrosoftClaims {}

/// An ID token with Microsoft's claims.
pub type MicrosoftIdToken =
    IdToken<MicrosoftClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

/// What a token is held against.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Our number at the provider.
    pub client_id: &'a str,
    /// The issuer in the provider's document.
    pub issuer: &'a Issuer,
    /// The allowed tenants, in lower case.
    pub tenants: &'a [String],
    /// The nonce of this sign-in.
    pub nonce: &'a str,
    /// The present instant.
    pub now: Timestamp,
}

/// What a good token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenIdentity {
    /// The person's tenant: a GUID in lower case.
    pub tid: String,
    /// The person within the tenant: a GUID in lower case.
    pub oid: String,
    /// `preferred_username`, else `name`: changeable, and anything.
    pub username_hint: Option<String>,
    /// Whether another organisation vouches for them.
    pub guest: bool,
    /// When they last proved who they are, where the application asks for that claim.
    pub auth_time: Option<Timestamp>,
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// It is signed with a key that is not among the keys: younger keys may have it.
    UnknownKey,
    /// It is no good; completes "the ID token …".
    Bad(&'static str),
}

/// Checks `token` (OpenID Connect Core 1.0, section 3.1.3.7), which came with `access_token`.
///
/// # Errors
/// What is wrong with it.
pub fn verify_id_token(
    token: &MicrosoftIdToken,
    access_token: &AccessToken,
    keys: &SigningKeys,
    expected: &Expected<'_>,
) -> Result<TokenIdentity, TokenFault> {
    let bad = |what| Err(TokenFault::Bad(what));
    let verifier = verifier(keys, expected)?;
    let claims =
        token.claims(&verifier, &Nonce::new(expected.nonce.to_owned())).map_err(|error| fault(&error))?;
    let more = claims.additional_claims();
    if more.nbf.is_some_and(|nbf| nbf > expected.now.after(LEEWAY).seconds()) {
        return bad("is not valid yet");
    }
    check_authorized_party(claims, expected.client_id)?;

    let Some(tid) = more.tid.as_deref().and_then(parse_guid) else { return bad("names no tenant") };
    let Some(oid) = more.oid.as_deref().and_then(parse_guid) else { return bad("names no person") };
    if !expected.tenants.contains(&tid) {
        return bad("is of a tenant that is not allowed");
    }
    let issuer = claims.issuer().as_str();
    if !expected.issuer.is(issuer, &tid) {
        return bad("has another issuer than its tenant's");
    }
    let key = token.signing_key(&verifier).map_err(|_| TokenFault::UnknownKey)?;
    let may_sign = key.key_id().is_none_or(|id| keys.may_sign(id, issuer, &tid));
    if expected.issuer.is_shared() && !may_sign {
        return bad("is signed with another tenant's key");
    }
    check_access_token(claims, access_token, key)?;

    let username_hint = claims
        .preferred_username()
        .map(|name| name.to_string())
        .or_else(|| claims.name()?.get(None).map(|name| name.to_string()));
    Ok(TokenIdentity {
        guest: is_guest(more, issuer, &tid),
        username_hint: username_hint.filter(|hint| !hint.trim().is_empty()),
        auth_time: claims.auth_time().map(|at| Timestamp(at.timestamp_micros())),
        tid,
        oid,
    })
}

/// The crate's part: signature, audience, expiry and nonce. The issuer is ours to check, since only the token's tenant
/// tells which one it must be.
fn verifier<'a>(
    keys: &SigningKeys,
    expected: &Expected<'a>,
) -> Result<IdTokenVerifier<'a, CoreJsonWebKey>, TokenFault> {
    let issuer = IssuerUrl::new(expected.issuer.as_str().to_owned())
        .map_err(|_| TokenFault::Bad("cannot be checked: the provider's issuer is no address"))?;
    let earliest = DateTime::<Utc>::from_timestamp_micros(expected.now.before(LEEWAY).0)
        .ok_or(TokenFault::Bad("cannot be checked: our clock is out of its mind"))?;
    let client_id = ClientId::new(expected.client_id.to_owned());
    // "Public client": the verifier never learns the client's secret, which no token may be signed with.
    Ok(IdTokenVerifier::new_public_client(client_id, issuer, keys.set.clone())
        .set_allowed_algs([CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256])
        .require_issuer_match(false)
        .set_time_fn(move || earliest))
}

/// `azp`, which the crate leaves to us: needed with several audiences, and ours wherever it is.
fn check_authorized_party(
    claims: &IdTokenClaims<MicrosoftClaims, CoreGenderClaim>,
    client_id: &str,
) -> Result<(), TokenFault> {
    let fits = match claims.authorized_party() {
        Some(party) => party.as_str() == client_id,
        None => claims.audiences().len() == 1,
    };
    if fits { Ok(()) } else { Err(TokenFault::Bad("was issued to another application")) }
}

/// `at_hash`, where it is sent (OpenID Connect Core 1.0, section 3.1.3.8): it ties the access token to this ID token.
fn check_access_token(
    claims: &IdTokenClaims<MicrosoftClaims, CoreGenderClaim>,
    access_token: &AccessToken,
    key: &CoreJsonWebKey,
) -> Result<(), TokenFault> {
    let Some(sent) = claims.access_token_hash() else { return Ok(()) };
    let hash = AccessTokenHash::from_token(access_token, &CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, key);
    if hash.is_ok_and(|hash| hash == *sent) {
        Ok(())
    } else {
        Err(TokenFault::Bad("came with another access token than its own"))
    }
}

/// In doubt a guest: that only means to wait for an administrator.
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

/// What the crate says, without what it quotes.
fn fault(error: &ClaimsVerificationError) -> TokenFault {
    use ClaimsVerificationError as Claims;
    use SignatureVerificationError as Signature;
    TokenFault::Bad(match error {
        Claims::SignatureVerification(Signature::NoMatchingKey) => return TokenFault::UnknownKey,
        Claims::SignatureVerification(Signature::NoSignature) => "is not signed",
        Claims::SignatureVerification(Signature::DisallowedAlg(_) | Signature::UnsupportedAlg(_)) => {
            "is signed in a way that is not allowed"
        }
        Claims::SignatureVerification(Signature::AmbiguousKeyId(_)) => "does not say which key signed it",
        Claims::SignatureVerification(_) => "has a wrong signature",
        Claims::Expired(_) => "has expired",
        Claims::InvalidAudience(_) => "is for another application",
        Claims::InvalidNonce(_) => "is of another sign-in",
        Claims::Unsupported(_) => "is of a kind that is not supported",
        _ => "is not valid",
    })
}

#[cfg(test)]
pub(super) mod tests;
