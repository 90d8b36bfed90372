//! Tokens as a provider signs them, and as forgers would like to.

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
const SHARED: &str = "https://login.example.org/{tenantid}/v2.0";

pub fn issuer_of(tenant: &str) -> String {
    SHARED.replace("{tenantid}", tenant)
}

/// The claims of a good token; `change` may spoil them.
pub fn claims(nonce: &str, change: &Value) -> Value {
    let mut claims = json!({
        "iss": issuer_of(TENANT), "aud": CLIENT, "sub": "pairwise", "tid": TENANT, "oid": PERSON, "ver": "2.0",
        "iat": NOW, "nbf": NOW, "exp": NOW + 3_600, "nonce": nonce,
        "preferred_username": "ada@example.org", "name": "Ada Lovelace",
    });
    for (name, value) in change.as_object().expect("is an object") {
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

/// The set of keys, as a provider publishes it.
pub fn key_set(id: &str, issuer: &str) -> Value {
    let mut key = serde_json::to_value(signing_key().as_verification_key()).expect("is JSON");
    key["kid"] = json!(id);
    key["issuer"] = json!(issuer);
    json!({ "keys": [{ "kty": "of the future" }, key] })
}

/// A signed token.
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

fn check_with(token: &str, keys: Value, issuer: &str) -> Result<TokenIdentity, TokenFault> {
    let keys = SigningKeys::of(keys).expect("are keys");
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

fn check(token: &str) -> Result<TokenIdentity, TokenFault> {
    check_with(token, key_set("one", SHARED), SHARED)
}

/// What comes of a token with `change`.
fn check_changed(change: &Value) -> Result<TokenIdentity, TokenFault> {
    check(&sign(&header(), &claims("nonce", change)))
}

#[track_caller]
fn assert_bad(outcome: Result<TokenIdentity, TokenFault>, part: &str) {
    match outcome {
        Err(TokenFault::Bad(what)) => assert!(what.contains(part), "{what}"),
        other => panic!("{other:?} where it was to be bad: {part}"),
    }
}

#[test]
fn a_good_token_tells_who_it_is() {
    let person = TokenIdentity {
        tid: TENANT.to_owned(),
        oid: PERSON.to_owned(),
        username_hint: Some("ada@example.org".to_owned()),
        guest: false,
        auth_time: None,
    };
    assert_eq!(check_changed(&json!({})), Ok(person.clone()));
    // A document of one tenant.
    let token = sign(&header(), &claims("nonce", &json!({})));
    assert_eq!(check_with(&token, key_set("one", SHARED), &issuer_of(TENANT)), Ok(person.clone()));
    // The other allowed tenant, and GUIDs in capitals.
    let other =
        check_changed(&json!({ "iss": issuer_of(OTHER_TENANT), "tid": OTHER_TENANT.to_ascii_uppercase() }));
    assert_eq!(other.map(|person| person.tid), Ok(OTHER_TENANT.to_owned()));
    let named = check_changed(&json!({ "preferred_username": null }));
    assert_eq!(named.map(|person| person.username_hint), Ok(Some("Ada Lovelace".to_owned())));
    let nameless = check_changed(&json!({ "preferred_username": " ", "name": null }));
    assert_eq!(nameless.map(|person| person.username_hint), Ok(None));
}

#[test]
fn a_token_for_another_application_is_no_good() {
    assert_bad(check_changed(&json!({ "aud": "another" })), "another application");
    assert_bad(check_changed(&json!({ "aud": null })), "another application");
    assert_bad(check_changed(&json!({ "aud": [CLIENT, "another"] })), "another application");
    assert_bad(check_changed(&json!({ "aud": [CLIENT, CLIENT] })), "issued to another application");
    assert_bad(check_changed(&json!({ "azp": "another" })), "issued to another application");
    assert!(check_changed(&json!({ "aud": [CLIENT], "azp": CLIENT })).is_ok());
}

#[test]
fn the_issuer_is_that_of_the_tokens_own_allowed_tenant() {
    let strange = "dddddddd-1111-2222-3333-444444444444";
    for change in [
        json!({ "iss": "https://login.example.com/aaaaaaaa-1111-2222-3333-444444444444/v2.0" }),
        json!({ "iss": SHARED }),
        json!({ "iss": issuer_of(OTHER_TENANT) }),
        json!({ "tid": OTHER_TENANT }),
    ] {
        assert_bad(check_changed(&change), "another issuer");
    }
    assert_bad(check_changed(&json!({ "iss": issuer_of(strange), "tid": strange })), "not allowed");
    assert_bad(check_changed(&json!({ "tid": null })), "names no tenant");
    assert_bad(check_changed(&json!({ "tid": "{tenantid}" })), "names no tenant");
    assert_bad(check_changed(&json!({ "oid": null })), "names no person");
    // A document of one tenant, and an allowed one that is not it.
    for change in
        [json!({ "iss": issuer_of(OTHER_TENANT), "tid": OTHER_TENANT }), json!({ "tid": OTHER_TENANT })]
    {
        let token = sign(&header(), &claims("nonce", &change));
        assert_bad(check_with(&token, key_set("one", SHARED), &issuer_of(TENANT)), "another issuer");
    }
}

#[test]
fn the_key_of_one_tenant_vouches_for_no_other() {
    let token = sign(&header(), &claims("nonce", &json!({})));
    assert!(check_with(&token, key_set("one", &issuer_of(TENANT)), SHARED).is_ok());
    assert_bad(check_with(&token, key_set("one", &issuer_of(OTHER_TENANT)), SHARED), "another tenant's key");
}

#[test]
fn time_counts_with_a_minutes_leeway() {
    assert!(check_changed(&json!({ "exp": NOW - 59 })).is_ok());
    assert_bad(check_changed(&json!({ "exp": NOW - 60 })), "expired");
    assert_bad(check_changed(&json!({ "exp": NOW - 3_600 })), "expired");
    assert!(check_changed(&json!({ "nbf": NOW + 60 })).is_ok());
    assert_bad(check_changed(&json!({ "nbf": NOW + 61 })), "not valid yet");
    assert!(check_changed(&json!({ "nbf": null })).is_ok());
}

#[test]
fn the_nonce_is_that_of_the_sign_in() {
    assert_bad(check_changed(&json!({ "nonce": "another" })), "another sign-in");
    assert_bad(check_changed(&json!({ "nonce": null })), "another sign-in");
    assert_bad(check_changed(&json!({ "nonce": "" })), "another sign-in");
}

#[test]
fn only_rs256_with_a_key_of_the_provider_counts() {
    let good = claims("nonce", &json!({}));
    let none = unsigned(&json!({ "typ": "JWT", "alg": "none" }), &good);
    assert_bad(check(&format!("{none}.")), "not signed");

    let shared = json!({ "typ": "JWT", "alg": "HS256", "kid": "one" });
    let public = key_set("one", SHARED)["keys"][1].clone();
    let modulus = BASE64URL_NOPAD.decode(public["n"].as_str().expect("is text").as_bytes()).expect("decodes");
    for secret in [modulus, public.to_string().into_bytes(), b"the client's secret".to_vec()] {
        let forged =
            sign_with(&CoreHmacKey::new(secret), &CoreJwsSigningAlgorithm::HmacSha256, &shared, &good);
        assert_bad(check(&forged), "not allowed");
    }

    let longer = json!({ "typ": "JWT", "alg": "RS512", "kid": "one" });
    let token = sign_with(&signing_key(), &CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512, &longer, &good);
    assert_bad(check(&token), "not allowed");

    // Somebody else's claims under a good signature, and none.
    let (_, signature) = sign(&header(), &good)
        .rsplit_once('.')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .expect("has three parts");
    let changed = unsigned(&header(), &claims("nonce", &json!({ "oid": TENANT })));
    assert_bad(check(&format!("{changed}.{signature}")), "wrong signature");
    assert_bad(check(&format!("{changed}.")), "wrong signature");
}

#[test]
fn an_unknown_key_is_told_apart() {
    let token = sign(&json!({ "typ": "JWT", "alg": "RS256", "kid": "two" }), &claims("nonce", &json!({})));
    assert_eq!(check(&token), Err(TokenFault::UnknownKey));
    assert_eq!(check_with(&token, json!({ "keys": [] }), SHARED), Err(TokenFault::UnknownKey));
    assert!(check_with(&token, key_set("two", SHARED), SHARED).is_ok());
}

#[test]
fn a_header_that_asks_for_more_is_refused() {
    for header in [
        json!({ "typ": "JWT", "alg": "RS256", "kid": "one", "crit": ["exp"] }),
        json!({ "typ": "at+jwt", "alg": "RS256", "kid": "one" }),
    ] {
        assert_bad(check(&sign(&header, &claims("nonce", &json!({})))), "not supported");
    }
}

#[test]
fn guests_are_known_by_account_or_provider() {
    for (change, guest) in [
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
        assert_eq!(check_changed(&change).map(|person| person.guest), Ok(guest), "{change}");
    }
}

#[test]
fn the_time_of_the_proof_is_told_where_it_is_sent() {
    let person = check_changed(&json!({ "auth_time": NOW - 5 }));
    assert_eq!(person.map(|person| person.auth_time), Ok(Some(Timestamp((NOW - 5) * 1_000_000))));
}

#[test]
fn an_access_token_belongs_to_its_id_token() {
    let key = signing_key().as_verification_key();
    let rs256 = CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256;
    let of = |text: &str| {
        AccessTokenHash::from_token(&AccessToken::new(text.to_owned()), &rs256, &key).expect("hashes")
    };
    assert!(check_changed(&json!({ "at_hash": of(ACCESS) })).is_ok());
    assert_bad(check_changed(&json!({ "at_hash": of("another") })), "another access token");
}
