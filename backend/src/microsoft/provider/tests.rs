//! Tests the provider against a fake provider over HTTP.

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
use crate::microsoft::http_client::MAX_RESPONSE_BYTES;
use crate::microsoft::id_token::tests::{CLIENT, NOW, PERSON, TENANT, claims, key_set, sign};
use crate::microsoft::oauth_client::describe_oauth_error;

/// The behaviour of the fake provider and the requests that it received.
#[derive(Default)]
struct FakeState {
    base: String,
    key: String,
    claims: Value,
    token: Option<fn() -> Response>,
    profile: Option<fn() -> Response>,
    requests: HashMap<&'static str, usize>,
    form: HashMap<String, String>,
    bearer: String,
}

type SharedState = Arc<Mutex<FakeState>>;

fn request_count(state: &SharedState, endpoint: &'static str) -> usize {
    state.lock().expect("is free").requests.get(endpoint).copied().unwrap_or_default()
}

fn count_request(state: &SharedState, endpoint: &'static str) {
    *state.lock().expect("is free").requests.entry(endpoint).or_default() += 1;
}

async fn document(State(state): State<SharedState>) -> Json<Value> {
    count_request(&state, "document");
    let base = state.lock().expect("is free").base.clone();
    Json(json!({
        "issuer": "https://login.example.org/{tenantid}/v2.0",
        "authorization_endpoint": format!("{base}/authorize?x=1"),
        "token_endpoint": format!("{base}/token"),
        "jwks_uri": format!("{base}/keys"),
        "end_session_endpoint": format!("{base}/logout"),
        "response_types_supported": ["code"],
    }))
}

async fn keys(State(state): State<SharedState>) -> Json<Value> {
    count_request(&state, "keys");
    let key = state.lock().expect("is free").key.clone();
    Json(key_set(&key, "https://login.example.org/{tenantid}/v2.0"))
}

async fn token(State(state): State<SharedState>, Form(form): Form<HashMap<String, String>>) -> Response {
    count_request(&state, "token");
    let mut state = state.lock().expect("is free");
    state.form = form;
    if let Some(response) = state.token {
        return response();
    }
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": state.key });
    let token = sign(&header, &claims("nonce", &state.claims));
    Json(json!({ "token_type": "Bearer", "expires_in": 3_600, "access_token": "an-access-token", "id_token": token }))
        .into_response()
}

async fn me(State(state): State<SharedState>, headers: HeaderMap) -> Response {
    count_request(&state, "profile");
    let mut state = state.lock().expect("is free");
    headers["authorization"].to_str().expect("is text").clone_into(&mut state.bearer);
    if let Some(response) = state.profile {
        return response();
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
        redirect_uri: Url::parse("https://portal.example.org/ms-callback").expect("parses"),
        tenants: vec![TENANT.to_ascii_uppercase()],
        home_tenant: Some(TENANT.to_owned()),
    }
}

async fn fake_provider() -> (SharedState, Provider) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let base = format!("http://{}", listener.local_addr().expect("is bound"));
    let state = SharedState::new(Mutex::new(FakeState {
        base: base.clone(),
        key: "one".to_owned(),
        claims: json!({}),
        ..FakeState::default()
    }));
    let router = Router::new()
        .route("/organizations/v2.0/.well-known/openid-configuration", get(document))
        .route("/keys", get(keys))
        .route("/token", post(token))
        .route("/me", get(me))
        .with_state(Arc::clone(&state));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (state, Provider::new(settings(&base)).expect("is sound"))
}

async fn finish(provider: &Provider) -> Result<Identity, ProviderError> {
    let provider = provider.clone();
    // Spawned, because the future must be `Send`, like that of a handler.
    tokio::spawn(async move {
        provider.finish("the-code", "nonce", "the-verifier", Timestamp(NOW * 1_000_000)).await
    })
    .await
    .expect("ends")
}

#[tokio::test]
async fn the_authorization_url_has_state_nonce_and_pkce() {
    let (state, provider) = fake_provider().await;
    assert_eq!(request_count(&state, "document"), 0, "nothing is asked before it is needed");
    let first = provider.begin(Prompt::SelectAccount).await.expect("begins");
    let query: HashMap<_, _> = first.url.query_pairs().into_owned().collect();
    let challenge =
        PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(first.code_verifier.clone()));
    for (name, value) in [
        ("x", "1"),
        ("response_type", "code"),
        ("response_mode", "query"),
        ("client_id", CLIENT),
        ("redirect_uri", "https://portal.example.org/ms-callback"),
        ("scope", "openid profile User.Read"),
        ("state", &first.state),
        ("nonce", &first.nonce),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
        ("prompt", "select_account"),
    ] {
        assert_eq!(query.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!query.contains_key("max_age"));
    let second = provider.begin(Prompt::Login).await.expect("begins");
    assert!(first.state != second.state && first.nonce != second.nonce);
    assert!(first.code_verifier != second.code_verifier);
    let query: HashMap<_, _> = second.url.query_pairs().into_owned().collect();
    assert_eq!((query["prompt"].as_str(), query["max_age"].as_str()), ("login", "0"));
    assert_eq!((request_count(&state, "document"), request_count(&state, "keys")), (1, 0));
}

#[tokio::test]
async fn a_code_is_exchanged_for_an_identity() {
    let (state, provider) = fake_provider().await;
    state.lock().expect("is free").claims = json!({ "auth_time": NOW - 1 });
    let identity = finish(&provider).await.expect("is good");
    assert_eq!(
        identity,
        Identity {
            tid: TENANT.to_owned(),
            oid: PERSON.to_owned(),
            username_hint: Some("ada@example.org".to_owned()),
            email: Some("ada@example.org".to_owned()),
            guest: false,
            home_member: true,
            auth_time: Some(Timestamp((NOW - 1) * 1_000_000)),
        }
    );
    let state = state.lock().expect("is free");
    for (name, value) in [
        ("grant_type", "authorization_code"),
        ("code", "the-code"),
        ("code_verifier", "the-verifier"),
        ("client_id", CLIENT),
        ("client_secret", "s3cret"),
        ("redirect_uri", "https://portal.example.org/ms-callback"),
    ] {
        assert_eq!(state.form.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(state.bearer, "Bearer an-access-token");
}

#[tokio::test]
async fn keys_are_fetched_once_and_again_for_an_unknown_key() {
    let (state, provider) = fake_provider().await;
    finish(&provider).await.expect("is good");
    finish(&provider).await.expect("is good");
    assert_eq!((request_count(&state, "document"), request_count(&state, "keys")), (1, 1));
    state.lock().expect("is free").key = "two".to_owned();
    finish(&provider).await.expect("is good with the younger keys");
    assert_eq!(request_count(&state, "keys"), 2);
    state.lock().expect("is free").key = "three".to_owned();
    let unknown = ProviderError::InvalidIdToken("is signed with an unknown key");
    assert_eq!(finish(&provider).await, Err(unknown), "too soon to ask again");
    assert_eq!(request_count(&state, "keys"), 2);
}

#[tokio::test]
async fn an_invalid_token_is_rejected_before_the_profile_is_fetched() {
    let (state, provider) = fake_provider().await;
    state.lock().expect("is free").claims = json!({ "nonce": "another" });
    assert_eq!(finish(&provider).await, Err(ProviderError::InvalidIdToken("belongs to another sign-in")));
    assert_eq!(request_count(&state, "profile"), 0);
}

#[tokio::test]
async fn the_profile_must_be_that_of_the_person_and_reveals_guests() {
    let (state, provider) = fake_provider().await;
    let respond_with = |response: fn() -> Response| state.lock().expect("is free").profile = Some(response);
    respond_with(|| Json(json!({ "id": TENANT, "mail": "eve@example.org" })).into_response());
    let other = ProviderError::Profile("belongs to another person".to_owned());
    assert_eq!(finish(&provider).await, Err(other));

    respond_with(|| Json(json!({ "mail": null, "userPrincipalName": "al@example.org" })).into_response());
    let identity = finish(&provider).await.expect("is good");
    assert_eq!((identity.email.as_deref(), identity.home_member), (Some("al@example.org"), true));

    respond_with(|| {
        Json(json!({ "id": PERSON, "userPrincipalName": "al_x.org#EXT#@y.onmicrosoft.com" })).into_response()
    });
    let identity = finish(&provider).await.expect("is good");
    assert_eq!((identity.email, identity.guest, identity.home_member), (None, true, false));

    respond_with(|| Json(json!({ "id": PERSON, "mail": " al@x.org ", "userType": "Guest" })).into_response());
    let identity = finish(&provider).await.expect("is good");
    assert_eq!((identity.email.as_deref(), identity.guest), (Some("al@x.org"), true));
}

#[tokio::test]
async fn errors_contain_no_secrets() {
    let (state, provider) = fake_provider().await;
    let respond_with = |response: fn() -> Response| state.lock().expect("is free").token = Some(response);
    respond_with(|| {
        let body = json!({ "error": "invalid_client", "error_description": "AADSTS7000222: s3cret the-code\nadieu" });
        (StatusCode::UNAUTHORIZED, Json(body)).into_response()
    });
    let refused = finish(&provider).await.expect_err("is refused");
    assert_eq!(refused.to_string(), "Microsoft rejected the request: invalid_client (AADSTS7000222)");
    respond_with(|| StatusCode::SERVICE_UNAVAILABLE.into_response());
    let unreachable = finish(&provider).await.expect_err("is away");
    assert_eq!(unreachable.to_string(), "Microsoft cannot be reached: token request: status 503");
    respond_with(|| Redirect::temporary("http://10.0.0.1/").into_response());
    let redirect = finish(&provider).await.expect_err("is a redirect");
    assert_eq!(redirect.to_string(), "Microsoft cannot be reached: token request: status 307");
    respond_with(|| {
        Json(json!({ "access_token": "t0ken", "token_type": "Bearer", "id_token": "t0ken" })).into_response()
    });
    let unreadable = finish(&provider).await.expect_err("is no token");
    assert_eq!(unreadable.to_string(), "Microsoft cannot be reached: the token response could not be read");
    respond_with(|| Json(json!({ "access_token": "t0ken", "token_type": "Bearer" })).into_response());
    assert_eq!(finish(&provider).await, Err(ProviderError::InvalidIdToken("is missing")));
    respond_with(|| vec![b'x'; MAX_RESPONSE_BYTES + 1].into_response());
    let too_long = finish(&provider).await.expect_err("is too long");
    assert_eq!(
        too_long.to_string(),
        "Microsoft cannot be reached: token request: response of more than 1048576 bytes"
    );

    state.lock().expect("is free").token = None;
    state.lock().expect("is free").profile = Some(|| StatusCode::FORBIDDEN.into_response());
    let forbidden = finish(&provider).await.expect_err("is forbidden");
    assert_eq!(forbidden.to_string(), "the profile at ENDPOINT could not be read: status 403");
}

#[tokio::test]
async fn the_error_of_an_unreachable_provider_does_not_contain_its_url() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let base = format!("http://{}", listener.local_addr().expect("is bound"));
    drop(listener);
    let provider = Provider::new(settings(&base)).expect("starts without it");
    let error = provider.begin(Prompt::Login).await.expect_err("is away").to_string();
    assert!(error.starts_with("Microsoft cannot be reached: discovery document: "), "{error}");
    assert!(error.contains("refused") && !error.contains(&base), "{error}");
    assert_eq!(
        provider.sign_out_url(&Url::parse("https://portal.example.org/").expect("parses")).await,
        None
    );
}

#[tokio::test]
async fn the_sign_out_url_redirects_back_to_the_portal() {
    let (_, provider) = fake_provider().await;
    let redirect_uri = Url::parse("https://portal.example.org/login?out=1").expect("parses");
    let url = provider.sign_out_url(&redirect_uri).await.expect("has one");
    assert_eq!(url.path(), "/logout");
    let query: HashMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(
        (query["client_id"].as_str(), query["post_logout_redirect_uri"].as_str()),
        (CLIENT, redirect_uri.as_str())
    );
}

#[test]
fn invalid_settings_are_rejected() {
    let base = "https://login.example.org";
    let rejected = |change: fn(&mut ProviderSettings)| {
        let mut changed = settings(base);
        change(&mut changed);
        Provider::new(changed).expect_err("is refused")
    };
    assert!(rejected(|s| s.client_id.clear()).contains("CLIENT_ID"));
    assert!(rejected(|s| s.tenants.clear()).contains("no tenant"));
    assert!(rejected(|s| s.tenants = vec!["common".to_owned()]).contains("not a GUID"));
    assert!(
        rejected(|s| s.authority = Url::parse("http://login.example.org/x").expect("parses"))
            .contains("AUTHORITY")
    );
    assert!(
        rejected(|s| s.endpoint = Url::parse("http://graph.example.org/me").expect("parses"))
            .contains("ENDPOINT")
    );
    assert!(Provider::new(settings(base)).is_ok());
}

#[test]
fn an_oauth_error_is_logged_only_as_codes() {
    assert_eq!(describe_oauth_error("access_denied", None), "access_denied");
    assert_eq!(
        describe_oauth_error("access_denied", Some("AADSTS65004: User declined")),
        "access_denied (AADSTS65004)"
    );
    assert_eq!(describe_oauth_error("a\nforged line", Some("AADSTS")), "an unknown error");
    assert_eq!(
        describe_oauth_error("", Some("AADSTS123456789012345")),
        "an unknown error (AADSTS1234567890)"
    );
}
