//! The provider against a small one of our own, which speaks HTTP.

use std::collections::HashMap;
use std::sync::Mutex;

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::backend::microsoft::http_client::MOST_BYTES;
use crate::backend::microsoft::id_token::tests::{CLIENT, NOW, PERSON, TENANT, claims, key_set, sign};
use crate::backend::microsoft::oauth::error_in_words;

/// How the double behaves and what it saw.
#[derive(Default)]
struct Desk {
    base: String,
    key: String,
    claims: Value,
    token: Option<fn() -> Response>,
    profile: Option<fn() -> Response>,
    fetches: HashMap<&'static str, usize>,
    form: HashMap<String, String>,
    bearer: String,
}

type Shared = Arc<Mutex<Desk>>;

fn seen(desk: &Shared, what: &'static str) -> usize {
    desk.lock().expect("is free").fetches.get(what).copied().unwrap_or_default()
}

fn see(desk: &Shared, what: &'static str) {
    *desk.lock().expect("is free").fetches.entry(what).or_default() += 1;
}

async fn document(State(desk): State<Shared>) -> Json<Value> {
    see(&desk, "document");
    let base = desk.lock().expect("is free").base.clone();
    Json(json!({
        "issuer": "https://login.example.org/{tenantid}/v2.0",
        "authorization_endpoint": format!("{base}/authorize?x=1"),
        "token_endpoint": format!("{base}/token"),
        "jwks_uri": format!("{base}/keys"),
        "end_session_endpoint": format!("{base}/logout"),
        "response_types_supported": ["code"],
    }))
}

async fn keys(State(desk): State<Shared>) -> Json<Value> {
    see(&desk, "keys");
    let key = desk.lock().expect("is free").key.clone();
    Json(key_set(&key, "https://login.example.org/{tenantid}/v2.0"))
}

async fn token(State(desk): State<Shared>, Form(form): Form<HashMap<String, String>>) -> Response {
    see(&desk, "token");
    let mut desk = desk.lock().expect("is free");
    desk.form = form;
    if let Some(answer) = desk.token {
        return answer();
    }
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": desk.key });
    let token = sign(&header, &claims("nonce", &desk.claims));
    Json(json!({ "token_type": "Bearer", "expires_in": 3_600, "access_token": "an-access-token", "id_token": token }))
        .into_response()
}

async fn me(State(desk): State<Shared>, headers: HeaderMap) -> Response {
    see(&desk, "profile");
    let mut desk = desk.lock().expect("is free");
    headers["authorization"].to_str().expect("is text").clone_into(&mut desk.bearer);
    if let Some(answer) = desk.profile {
        return answer();
    }
    Json(json!({ "id": PERSON, "mail": "ada@example.org", "userPrincipalName": "al@example.org" }))
        .into_response()
}

fn settings(base: &str) -> ProviderSettings {
    ProviderSettings {
        client_id: CLIENT.to_owned(),
        client_secret: SecretString::from("s3cret".to_owned()),
        authority: Url::parse(&format!("{base}/organizations")).expect("parses"),
        scope: vec!["User.Read".to_owned()],
        endpoint: Url::parse(&format!("{base}/me")).expect("parses"),
        redirect: Url::parse("https://portal.example.org/ms-callback").expect("parses"),
        tenants: vec![TENANT.to_ascii_uppercase()],
        home: Some(TENANT.to_owned()),
    }
}

async fn double() -> (Shared, Provider) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let base = format!("http://{}", listener.local_addr().expect("is bound"));
    let desk = Shared::new(Mutex::new(Desk {
        base: base.clone(),
        key: "one".to_owned(),
        claims: json!({}),
        ..Desk::default()
    }));
    let router = Router::new()
        .route("/organizations/v2.0/.well-known/openid-configuration", get(document))
        .route("/keys", get(keys))
        .route("/token", post(token))
        .route("/me", get(me))
        .with_state(Arc::clone(&desk));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (desk, Provider::new(settings(&base)).expect("is sound"))
}

async fn finish(provider: &Provider) -> Result<Identity, ProviderError> {
    let provider = provider.clone();
    // On a task, as a handler's future is: it must be `Send`.
    tokio::spawn(async move {
        provider.finish("the-code", "nonce", "the-verifier", Timestamp(NOW * 1_000_000)).await
    })
    .await
    .expect("ends")
}

#[tokio::test]
async fn people_are_sent_with_everything_that_protects_them() {
    let (desk, provider) = double().await;
    assert_eq!(seen(&desk, "document"), 0, "nothing is asked before it is needed");
    let begin = provider.begin(Prompt::SelectAccount).await.expect("begins");
    let query: HashMap<_, _> = begin.address.query_pairs().into_owned().collect();
    let challenge =
        PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(begin.verifier.clone()));
    for (name, value) in [
        ("x", "1"),
        ("response_type", "code"),
        ("response_mode", "query"),
        ("client_id", CLIENT),
        ("redirect_uri", "https://portal.example.org/ms-callback"),
        ("scope", "openid profile User.Read"),
        ("state", &begin.state),
        ("nonce", &begin.nonce),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
        ("prompt", "select_account"),
    ] {
        assert_eq!(query.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!query.contains_key("max_age"));
    let again = provider.begin(Prompt::Login).await.expect("begins");
    assert!(begin.state != again.state && begin.nonce != again.nonce && begin.verifier != again.verifier);
    let query: HashMap<_, _> = again.address.query_pairs().into_owned().collect();
    assert_eq!((query["prompt"].as_str(), query["max_age"].as_str()), ("login", "0"));
    assert_eq!((seen(&desk, "document"), seen(&desk, "keys")), (1, 0));
}

#[tokio::test]
async fn a_code_becomes_a_person() {
    let (desk, provider) = double().await;
    desk.lock().expect("is free").claims = json!({ "auth_time": NOW - 1 });
    let identity = finish(&provider).await.expect("is good");
    assert_eq!(
        identity,
        Identity {
            tid: TENANT.to_owned(),
            oid: PERSON.to_owned(),
            username_hint: Some("ada@example.org".to_owned()),
            address: Some("ada@example.org".to_owned()),
            guest: false,
            home: true,
            auth_time: Some(Timestamp((NOW - 1) * 1_000_000)),
        }
    );
    let desk = desk.lock().expect("is free");
    for (name, value) in [
        ("grant_type", "authorization_code"),
        ("code", "the-code"),
        ("code_verifier", "the-verifier"),
        ("client_id", CLIENT),
        ("client_secret", "s3cret"),
        ("redirect_uri", "https://portal.example.org/ms-callback"),
    ] {
        assert_eq!(desk.form.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(desk.bearer, "Bearer an-access-token");
}

#[tokio::test]
async fn keys_are_fetched_once_and_again_for_an_unknown_one() {
    let (desk, provider) = double().await;
    finish(&provider).await.expect("is good");
    finish(&provider).await.expect("is good");
    assert_eq!((seen(&desk, "document"), seen(&desk, "keys")), (1, 1));
    desk.lock().expect("is free").key = "two".to_owned();
    finish(&provider).await.expect("is good with the younger keys");
    assert_eq!(seen(&desk, "keys"), 2);
    desk.lock().expect("is free").key = "three".to_owned();
    let unknown = ProviderError::BadToken("is signed with an unknown key");
    assert_eq!(finish(&provider).await, Err(unknown), "too soon to ask again");
    assert_eq!(seen(&desk, "keys"), 2);
}

#[tokio::test]
async fn a_bad_token_ends_it_before_the_profile() {
    let (desk, provider) = double().await;
    desk.lock().expect("is free").claims = json!({ "nonce": "another" });
    assert_eq!(finish(&provider).await, Err(ProviderError::BadToken("is of another sign-in")));
    assert_eq!(seen(&desk, "profile"), 0);
}

#[tokio::test]
async fn the_profile_is_that_of_the_person_and_tells_guests() {
    let (desk, provider) = double().await;
    let with = |answer: fn() -> Response| desk.lock().expect("is free").profile = Some(answer);
    with(|| Json(json!({ "id": TENANT, "mail": "eve@example.org" })).into_response());
    let other = ProviderError::Endpoint("is another person's".to_owned());
    assert_eq!(finish(&provider).await, Err(other));

    with(|| Json(json!({ "mail": null, "userPrincipalName": "al@example.org" })).into_response());
    let identity = finish(&provider).await.expect("is good");
    assert_eq!((identity.address.as_deref(), identity.home), (Some("al@example.org"), true));

    with(|| {
        Json(json!({ "id": PERSON, "userPrincipalName": "al_x.org#EXT#@y.onmicrosoft.com" })).into_response()
    });
    let identity = finish(&provider).await.expect("is good");
    assert_eq!((identity.address, identity.guest, identity.home), (None, true, false));

    with(|| Json(json!({ "id": PERSON, "mail": " al@x.org ", "userType": "Guest" })).into_response());
    let identity = finish(&provider).await.expect("is good");
    assert_eq!((identity.address.as_deref(), identity.guest), (Some("al@x.org"), true));
}

#[tokio::test]
async fn failures_are_told_without_secrets() {
    let (desk, provider) = double().await;
    let with = |answer: fn() -> Response| desk.lock().expect("is free").token = Some(answer);
    with(|| {
        let answer = json!({ "error": "invalid_client", "error_description": "AADSTS7000222: s3cret the-code\nadieu" });
        (StatusCode::UNAUTHORIZED, Json(answer)).into_response()
    });
    let refused = finish(&provider).await.expect_err("is refused");
    assert_eq!(refused.to_string(), "Microsoft refused: invalid_client (AADSTS7000222)");
    with(|| StatusCode::SERVICE_UNAVAILABLE.into_response());
    let away = finish(&provider).await.expect_err("is away");
    assert_eq!(away.to_string(), "Microsoft cannot be reached: its tokens: answered 503");
    with(|| Redirect::temporary("http://10.0.0.1/").into_response());
    let elsewhere = finish(&provider).await.expect_err("is a redirect");
    assert_eq!(elsewhere.to_string(), "Microsoft cannot be reached: its tokens: answered 307");
    with(|| {
        Json(json!({ "access_token": "t0ken", "token_type": "Bearer", "id_token": "t0ken" })).into_response()
    });
    let unreadable = finish(&provider).await.expect_err("is no token");
    assert_eq!(unreadable.to_string(), "Microsoft cannot be reached: its answer to the code is not readable");
    with(|| Json(json!({ "access_token": "t0ken", "token_type": "Bearer" })).into_response());
    assert_eq!(finish(&provider).await, Err(ProviderError::BadToken("is missing")));
    with(|| vec![b'x'; MOST_BYTES + 1].into_response());
    let long = finish(&provider).await.expect_err("is too long");
    assert_eq!(
        long.to_string(),
        "Microsoft cannot be reached: its tokens: answered with more than 1048576 bytes"
    );

    desk.lock().expect("is free").token = None;
    desk.lock().expect("is free").profile = Some(|| StatusCode::FORBIDDEN.into_response());
    let forbidden = finish(&provider).await.expect_err("is forbidden");
    assert_eq!(forbidden.to_string(), "the profile at ENDPOINT could not be had: answered 403");
}

#[tokio::test]
async fn a_provider_that_is_away_is_asked_anew() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let base = format!("http://{}", listener.local_addr().expect("is bound"));
    drop(listener);
    let provider = Provider::new(settings(&base)).expect("starts without it");
    let away = provider.begin(Prompt::Login).await.expect_err("is away").to_string();
    assert!(away.starts_with("Microsoft cannot be reached: its configuration document: "), "{away}");
    assert!(away.contains("refused") && !away.contains(&base), "{away}");
    assert_eq!(
        provider.sign_out_address(&Url::parse("https://portal.example.org/").expect("parses")).await,
        None
    );
}

#[tokio::test]
async fn people_come_back_from_signing_out() {
    let (_, provider) = double().await;
    let back = Url::parse("https://portal.example.org/login?out=1").expect("parses");
    let address = provider.sign_out_address(&back).await.expect("has one");
    assert_eq!(address.path(), "/logout");
    let query: HashMap<_, _> = address.query_pairs().into_owned().collect();
    assert_eq!(
        (query["client_id"].as_str(), query["post_logout_redirect_uri"].as_str()),
        (CLIENT, back.as_str())
    );
}

#[test]
fn settings_are_checked_at_the_start() {
    let base = "https://login.example.org";
    let refused = |change: fn(&mut ProviderSettings)| {
        let mut changed = settings(base);
        change(&mut changed);
        Provider::new(changed).expect_err("is refused")
    };
    assert!(refused(|s| s.client_id.clear()).contains("CLIENT_ID"));
    assert!(refused(|s| s.tenants.clear()).contains("no tenant"));
    assert!(refused(|s| s.tenants = vec!["common".to_owned()]).contains("no GUID"));
    assert!(
        refused(|s| s.authority = Url::parse("http://login.example.org/x").expect("parses"))
            .contains("AUTHORITY")
    );
    assert!(
        refused(|s| s.endpoint = Url::parse("http://graph.example.org/me").expect("parses"))
            .contains("ENDPOINT")
    );
    assert!(Provider::new(settings(base)).is_ok());
}

#[test]
fn what_came_from_outside_gets_into_the_log_as_codes_alone() {
    assert_eq!(error_in_words("access_denied", None), "access_denied");
    assert_eq!(
        error_in_words("access_denied", Some("AADSTS65004: User declined")),
        "access_denied (AADSTS65004)"
    );
    assert_eq!(error_in_words("a\nforged line", Some("AADSTS")), "an unknown error");
    assert_eq!(error_in_words("", Some("AADSTS123456789012345")), "an unknown error (AADSTS1234567890)");
}
