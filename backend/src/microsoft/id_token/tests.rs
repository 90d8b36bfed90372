//! Tests valid and forged tokens.

use data_encoding::BASE64URL_NOPAD;
use openidconnect::PrivateSigningKey;
use openidconnect::core::{CoreHmacKey, CoreRsaPrivateSigningKey};
use serde_json::{Value, json};

use super::*;

pub const CLIENT: &str = "00000000-1111-2222-3333-444444444444";
pub const TENANT: &str = "aaaaaaaa-1111-2222-3333-444444444444";
pub const OTHER_TENANT: &str = "bbbbbbbb-1111-2222-3333-444444444444";
pub const PERSON: &str = "cccccccc-1111-2222-3333-444444444444";
pub const NOW: i64 = 1_800_000_000;
const ACCESS: &str = "access";
const ISSUER_TEMPLATE: &str = "https://login.example.org/{tenantid}/v2.0";

pub fn issuer_of(tenant: &str) -> String {
    ISSUER_TEMPLATE.replace("{tenantid}", tenant)
}

/// Returns the claims of a valid token, with `changes`.
pub fn claims(nonce: &str, changes: &Value) -> Value {
    let mut claims = json!({
        "iss": issuer_of(TENANT), "aud": CLIENT, "sub": "pairwise", "tid": TENANT, "oid": PERSON, "ver": "2.0",
        "iat": NOW, "nbf": NOW, "exp": NOW + 3_600, "nonce": nonce,
        "preferred_username": "ada@example.org", "name": "Ada Lovelace",
    });
    for (name, value) in changes.as_object().expect("is an object") {
        if value.is_null() {
            claims.as_object_mut().expect("is an object").remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn signing_key() -> CoreRsaPrivateSigningKey {
    CoreRsaPrivateSigningKey::from_pem(include_str!("test_key.pem"), None).expect("is a key")
}

/// Returns a set of keys as a provider publishes it.
pub fn key_set(id: &str, issuer: &str) -> Value {
    let mut key = serde_json::to_value(signing_key().as_verification_key()).expect("is JSON");
    key["kid"] = json!(id);
    key["issuer"] = json!(issuer);
    json!({ "keys": [{ "kty": "of the future" }, key] })
}

/// Returns a signed token.
pub fn sign(header: &Value, claims: &Value) -> String {
    sign_with(&signing_key(), &CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, header, claims)
}

fn sign_with(
    key: &impl PrivateSigningKey<VerificationKey = CoreJsonWebKey>,
    algorithm: &CoreJwsSigningAlgorithm,
    header: &Value,
    claims: &Value,
) -> String {
    let input = unsigned(header, claims);
    let signature = key.sign(algorithm, input.as_bytes()).expect("signs");
    format!("{input}.{}", BASE64URL_NOPAD.encode(&signature))
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    format!("{}.{}", part(header), part(claims))
}

pub fn header() -> Value {
    json!({ "typ": "JWT", "alg": "RS256", "kid": "one" })
}

fn verify_with(token: &str, keys: Value, issuer: &str) -> Result<TokenIdentity, IdTokenError> {
    let keys = SigningKeys::parse(keys).expect("are keys");
    let expected = Expected {
        client_id: CLIENT,
        issuer: &Issuer(issuer.to_owned()),
        tenants: &[TENANT.to_owned(), OTHER_TENANT.to_owned()],
        nonce: "nonce",
        now: Timestamp(NOW * 1_000_000),
    };
    let token: MicrosoftIdToken = token.parse().expect("is a token");
    verify_id_token(&token, &AccessToken::new(ACCESS.to_owned()), &keys, &expected)
}

fn verify(token: &str) -> Result<TokenIdentity, IdTokenError> {
    verify_with(token, key_set("one", ISSUER_TEMPLATE), ISSUER_TEMPLATE)
}

/// Verifies a token with `changes` to its claims.
fn verify_changed(changes: &Value) -> Result<TokenIdentity, IdTokenError> {
    verify(&sign(&header(), &claims("nonce", changes)))
}

#[track_caller]
fn assert_invalid(result: Result<TokenIdentity, IdTokenError>, part: &str) {
    match result {
        Err(IdTokenError::Invalid(reason)) => assert!(reason.contains(part), "{reason}"),
        other => panic!("{other:?} where it was to be bad: {part}"),
    }
}

#[test]
fn a_valid_token_yields_its_identity() {
    let identity = TokenIdentity {
        tid: TENANT.to_owned(),
        oid: PERSON.to_owned(),
        username_hint: Some("ada@example.org".to_owned()),
        guest: false,
        auth_time: None,
    };
    assert_eq!(verify_changed(&json!({})), Ok(identity.clone()));
    // A discovery document of one tenant.
    let token = sign(&header(), &claims("nonce", &json!({})));
    assert_eq!(
        verify_with(&token, key_set("one", ISSUER_TEMPLATE), &issuer_of(TENANT)),
        Ok(identity.clone())
    );
    // The other allowed tenant, and GUIDs in upper case.
    let other =
        verify_changed(&json!({ "iss": issuer_of(OTHER_TENANT), "tid": OTHER_TENANT.to_ascii_uppercase() }));
    assert_eq!(other.map(|identity| identity.tid), Ok(OTHER_TENANT.to_owned()));
    let named = verify_changed(&json!({ "preferred_username": null }));
    assert_eq!(named.map(|identity| identity.username_hint), Ok(Some("Ada Lovelace".to_owned())));
    let nameless = verify_changed(&json!({ "preferred_username": " ", "name": null }));
    assert_eq!(nameless.map(|identity| identity.username_hint), Ok(None));
}

#[test]
fn a_token_for_another_application_is_invalid() {
    assert_invalid(verify_changed(&json!({ "aud": "another" })), "another application");
    assert_invalid(verify_changed(&json!({ "aud": null })), "another application");
    assert_invalid(verify_changed(&json!({ "aud": [CLIENT, "another"] })), "another application");
    assert_invalid(verify_changed(&json!({ "aud": [CLIENT, CLIENT] })), "issued to another application");
    assert_invalid(verify_changed(&json!({ "azp": "another" })), "issued to another application");
    assert!(verify_changed(&json!({ "aud": [CLIENT], "azp": CLIENT })).is_ok());
}

#[test]
fn the_issuer_must_be_that_of_the_tokens_tenant_and_the_tenant_must_be_allowed() {
    let unknown = "dddddddd-1111-2222-3333-444444444444";
    for changes in [
        json!({ "iss": "https://login.example.com/aaaaaaaa-1111-2222-3333-444444444444/v2.0" }),
        json!({ "iss": ISSUER_TEMPLATE }),
        json!({ "iss": issuer_of(OTHER_TENANT) }),
        json!({ "tid": OTHER_TENANT }),
    ] {
        assert_invalid(verify_changed(&changes), "does not match its tenant");
    }
    assert_invalid(verify_changed(&json!({ "iss": issuer_of(unknown), "tid": unknown })), "not allowed");
    assert_invalid(verify_changed(&json!({ "tid": null })), "contains no tenant ID");
    assert_invalid(verify_changed(&json!({ "tid": "{tenantid}" })), "contains no tenant ID");
    assert_invalid(verify_changed(&json!({ "oid": null })), "contains no user ID");
    // A discovery document of one tenant, and a token of another allowed tenant.
    for changes in
        [json!({ "iss": issuer_of(OTHER_TENANT), "tid": OTHER_TENANT }), json!({ "tid": OTHER_TENANT })]
    {
        let token = sign(&header(), &claims("nonce", &changes));
        assert_invalid(
            verify_with(&token, key_set("one", ISSUER_TEMPLATE), &issuer_of(TENANT)),
            "does not match its tenant",
        );
    }
}

#[test]
fn the_key_of_one_tenant_cannot_sign_for_another() {
    let token = sign(&header(), &claims("nonce", &json!({})));
    assert!(verify_with(&token, key_set("one", &issuer_of(TENANT)), ISSUER_TEMPLATE).is_ok());
    assert_invalid(
        verify_with(&token, key_set("one", &issuer_of(OTHER_TENANT)), ISSUER_TEMPLATE),
        "the key of another tenant",
    );
}

#[test]
fn expiry_and_start_of_validity_have_one_minute_of_leeway() {
    assert!(verify_changed(&json!({ "exp": NOW - 59 })).is_ok());
    assert_invalid(verify_changed(&json!({ "exp": NOW - 60 })), "expired");
    assert_invalid(verify_changed(&json!({ "exp": NOW - 3_600 })), "expired");
    assert!(verify_changed(&json!({ "nbf": NOW + 60 })).is_ok());
    assert_invalid(verify_changed(&json!({ "nbf": NOW + 61 })), "not valid yet");
    assert!(verify_changed(&json!({ "nbf": null })).is_ok());
}

#[test]
fn the_nonce_must_be_that_of_the_sign_in() {
    assert_invalid(verify_changed(&json!({ "nonce": "another" })), "another sign-in");
    assert_invalid(verify_changed(&json!({ "nonce": null })), "another sign-in");
    assert_invalid(verify_changed(&json!({ "nonce": "" })), "another sign-in");
}

#[test]
fn only_rs256_with_a_key_of_the_provider_is_accepted() {
    let valid = claims("nonce", &json!({}));
    let none = unsigned(&json!({ "typ": "JWT", "alg": "none" }), &valid);
    assert_invalid(verify(&format!("{none}.")), "not signed");

    let hs256_header = json!({ "typ": "JWT", "alg": "HS256", "kid": "one" });
    let public = key_set("one", ISSUER_TEMPLATE)["keys"][1].clone();
    let modulus = BASE64URL_NOPAD.decode(public["n"].as_str().expect("is text").as_bytes()).expect("decodes");
    for secret in [modulus, public.to_string().into_bytes(), b"the client's secret".to_vec()] {
        let forged =
            sign_with(&CoreHmacKey::new(secret), &CoreJwsSigningAlgorithm::HmacSha256, &hs256_header, &valid);
        assert_invalid(verify(&forged), "not allowed");
    }

    let rs512_header = json!({ "typ": "JWT", "alg": "RS512", "kid": "one" });
    let token =
        sign_with(&signing_key(), &CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512, &rs512_header, &valid);
    assert_invalid(verify(&token), "not allowed");

    // Another person's claims with a valid signature, and with no signature.
    let (_, signature) = sign(&header(), &valid)
        .rsplit_once('.')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .expect("has three parts");
    let changed = unsigned(&header(), &claims("nonce", &json!({ "oid": TENANT })));
    assert_invalid(verify(&format!("{changed}.{signature}")), "invalid signature");
    assert_invalid(verify(&format!("{changed}.")), "invalid signature");
}

#[test]
fn an_unknown_key_has_its_own_error() {
    let token = sign(&json!({ "typ": "JWT", "alg": "RS256", "kid": "two" }), &claims("nonce", &json!({})));
    assert_eq!(verify(&token), Err(IdTokenError::UnknownKey));
    assert_eq!(verify_with(&token, json!({ "keys": [] }), ISSUER_TEMPLATE), Err(IdTokenError::UnknownKey));
    assert!(verify_with(&token, key_set("two", ISSUER_TEMPLATE), ISSUER_TEMPLATE).is_ok());
}

#[test]
fn a_token_with_an_unsupported_header_is_invalid() {
    for header in [
        json!({ "typ": "JWT", "alg": "RS256", "kid": "one", "crit": ["exp"] }),
        json!({ "typ": "at+jwt", "alg": "RS256", "kid": "one" }),
    ] {
        assert_invalid(verify(&sign(&header, &claims("nonce", &json!({})))), "not supported");
    }
}

#[test]
fn a_guest_is_recognised_by_account_type_or_identity_provider() {
    for (changes, guest) in [
        (json!({ "acct": 0 }), false),
        (json!({ "acct": "0" }), false),
        (json!({ "acct": 1 }), true),
        (json!({ "acct": "1" }), true),
        (json!({ "acct": true }), true),
        (json!({ "idp": issuer_of(TENANT) }), false),
        (json!({ "idp": format!("https://sts.windows.net/{TENANT}/") }), false),
        (json!({ "idp": format!("https://sts.windows.net/{OTHER_TENANT}/") }), true),
        (json!({ "idp": "live.com" }), true),
        (json!({ "idp": "google.com", "acct": 0 }), true),
    ] {
        assert_eq!(verify_changed(&changes).map(|identity| identity.guest), Ok(guest), "{changes}");
    }
}

#[test]
fn the_time_of_the_authentication_is_returned_if_it_is_sent() {
    let identity = verify_changed(&json!({ "auth_time": NOW - 5 }));
    assert_eq!(identity.map(|identity| identity.auth_time), Ok(Some(Timestamp((NOW - 5) * 1_000_000))));
}

#[test]
fn an_access_token_must_match_its_id_token() {
    let key = signing_key().as_verification_key();
    let rs256 = CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256;
    let hash_of = |text: &str| {
        AccessTokenHash::from_token(&AccessToken::new(text.to_owned()), &rs256, &key).expect("hashes")
    };
    assert!(verify_changed(&json!({ "at_hash": hash_of(ACCESS) })).is_ok());
    assert_invalid(
        verify_changed(&json!({ "at_hash": hash_of("another") })),
        "does not match the access token",
    );
}
