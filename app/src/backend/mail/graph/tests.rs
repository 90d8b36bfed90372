use std::time::Instant;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::answer::{MAX_REASON, MAX_RETRY_AFTER, retry_after};
use super::token::{TOKEN_MARGIN, is_good, read_token, token_reason};
use super::*;

fn url(text: &str) -> Url {
    text.parse().expect("a URL")
}

fn settings() -> GraphSettings {
    GraphSettings {
        client_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        client_secret: "a+secret%".into(),
        tenant: "contoso.example".to_owned(),
        authority: url("https://login.microsoftonline.com/contoso.example"),
        graph: url("https://graph.microsoft.com/v1.0/"),
    }
}

#[test]
fn a_retry_after_is_seconds_or_a_date() {
    let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").ok();
    assert_eq!(retry_after("120", now), Some(Duration::from_mins(2)));
    assert_eq!(retry_after(" 7 ", None), Some(Duration::from_secs(7)));
    assert_eq!(retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now), Some(Duration::from_mins(1)));
}

#[test]
fn a_retry_after_is_at_most_an_hour() {
    let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").ok();
    for long in ["3601", "18446744073709551616", "Sat, 06 Nov 2094 08:49:37 GMT"] {
        assert_eq!(retry_after(long, now), Some(MAX_RETRY_AFTER), "{long}");
    }
}

#[test]
fn a_retry_after_that_says_nothing_leaves_it_to_the_outbox() {
    let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").ok();
    for nonsense in
        ["", "soon", "-5", "1.5", "0", "Sun, 06 Nov 1994 08:49:37 GMT", "Sat, 05 Nov 1994 08:49:37 GMT"]
    {
        assert_eq!(retry_after(nonsense, now), None, "{nonsense}");
    }
    assert_eq!(retry_after("Sun, 06 Nov 1994 08:50:37 GMT", None), None);
    assert_eq!(asked_wait(&HeaderMap::new()), None);
}

#[test]
fn a_date_is_set_against_the_answers_own() {
    let mut headers = HeaderMap::new();
    headers.insert(DATE, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
    headers.insert(RETRY_AFTER, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:47 GMT"));
    assert_eq!(asked_wait(&headers), Some(Duration::from_secs(10)));
}

#[test]
fn accepted_is_202_alone() {
    let after = Some(Duration::from_secs(5));
    assert_eq!(outcome(202, after, "", String::new()), SendOutcome::Accepted);
    for status in [200, 204, 302, 401, 408, 429, 500, 502, 503, 504] {
        let expected = SendOutcome::Again { reason: "why".to_owned(), after };
        assert_eq!(outcome(status, after, "", "why".to_owned()), expected, "{status}");
    }
}

#[test]
fn only_what_graph_says_about_the_recipient_is_final() {
    for (status, code) in [
        (400, "ErrorInvalidRequest"),
        (400, "ErrorSendAsDenied"),
        (403, "ErrorAccessDenied"),
        (403, "ErrorExceededMessageLimit"),
        (404, "ErrorInvalidUser"),
        (404, "MailboxNotEnabledForRESTAPI"),
        (413, ""),
        (500, "ErrorInvalidRecipients"),
    ] {
        let expected = SendOutcome::Again { reason: "why".to_owned(), after: None };
        assert_eq!(outcome(status, None, code, "why".to_owned()), expected, "{status} {code}");
    }
    assert_eq!(
        outcome(400, None, "ErrorInvalidRecipients", "why".to_owned()),
        SendOutcome::Refused("why".to_owned())
    );
}

#[test]
fn a_reason_is_graphs_code_and_message() {
    let answer =
        br#"{"error":{"code":"ErrorAccessDenied","message":"Access is\ndenied.","innerError":{"x":"y"}}}"#;
    assert_eq!(Said::read(403, answer).reason, "Graph answered 403 ErrorAccessDenied: Access is denied.");
    assert_eq!(Said::read(502, b"<html>Bad gateway</html>").reason, "Graph answered 502");
    let long = json!({ "error": { "code": "a", "message": "b".repeat(1000) } }).to_string();
    assert_eq!(Said::read(400, long.as_bytes()).reason.chars().count(), MAX_REASON);
    let token = br#"{"error":"invalid_client","error_description":"AADSTS7000215: Wrong.\r\nTrace ID: 1"}"#;
    assert_eq!(token_reason(401, token), "no token for Graph: 401 invalid_client: AADSTS7000215: Wrong.");
    assert_eq!(token_reason(500, b""), "no token for Graph: 500");
}

#[test]
fn plain_http_stays_on_this_machine() {
    for good in ["https://login.example/t", "http://127.0.0.1:9/v1.0", "http://[::1]:9", "http://localhost:9"]
    {
        assert!(is_safe(&url(good)), "{good}");
    }
    for bad in [
        "http://graph.example/v1.0",
        "http://127.0.0.1.example",
        "ftp://localhost",
        "https://a:b@graph.example",
        "https://graph.example/?x",
    ] {
        assert!(!is_safe(&url(bad)), "{bad}");
    }
}

#[test]
fn the_authority_names_the_tenant_or_is_given_it() {
    let expected = "https://login.example/t/oauth2/v2.0/token";
    for authority in ["https://login.example/t", "https://login.example/t/", "https://login.example/t/v2.0"] {
        assert_eq!(token_uri(&url(authority), "other").expect("a URL").as_str(), expected);
    }
    assert_eq!(token_uri(&url("https://login.example"), "t").expect("a URL").as_str(), expected);
    assert_eq!(token_uri(&url("https://login.example"), " "), None);
}

#[test]
fn the_scope_is_of_the_graph_that_is_asked() {
    assert_eq!(scope(&url("https://graph.microsoft.us/v1.0")), "https://graph.microsoft.us/.default");
    assert_eq!(scope(&url("http://127.0.0.1:5/v1.0")), "https://graph.microsoft.com/.default");
}

#[test]
fn a_token_is_good_until_five_minutes_before_its_end() {
    let now = Instant::now();
    assert!(is_good(now + TOKEN_MARGIN + Duration::from_secs(1), now));
    assert!(!is_good(now + TOKEN_MARGIN, now));
    assert!(!is_good(now, now + TOKEN_MARGIN));
}

#[test]
fn a_token_has_a_lifetime() {
    let read = |text: &str| read_token(text.as_bytes()).map(|(_, lifetime)| lifetime.as_secs());
    assert_eq!(read(r#"{"access_token":"a","expires_in":3599,"token_type":"Bearer"}"#), Some(3599));
    assert_eq!(read(r#"{"access_token":"a","expires_in":"3599"}"#), Some(3599));
    for bad in [r#"{"access_token":"a"}"#, r#"{"access_token":"","expires_in":1}"#, "<html>"] {
        assert_eq!(read(bad), None, "{bad}");
    }
    assert_eq!(read("{\"access_token\":\"a\\nb\",\"expires_in\":1}"), None);
}

#[test]
fn the_message_is_html_from_the_portal() {
    let mail = Rendered { subject: "Hi".to_owned(), text: "t".to_owned(), html: "<p>h</p>".to_owned() };
    let body = compose("Portal", "portal@example.org", "ann@example.net", "handle", &mail);
    assert_eq!(body["saveToSentItems"], json!(false));
    let message = &body["message"];
    assert_eq!(message["body"], json!({ "contentType": "HTML", "content": "<p>h</p>" }));
    assert_eq!(message["from"]["emailAddress"]["address"], "portal@example.org");
    assert_eq!(message["toRecipients"][0]["emailAddress"]["address"], "ann@example.net");
    assert_eq!(message["internetMessageId"], "<handle@example.org>");
    let headers = message["internetMessageHeaders"].as_array().expect("headers");
    assert!(headers.iter().all(|header| header["name"].as_str().is_some_and(|name| name.starts_with("X-"))));
}

#[test]
fn bad_settings_are_refused_at_start() {
    assert!(GraphMail::new(settings()).is_ok());
    for bad in ["vestibule", "", "00000000-0000-0000-0000-000000000000"] {
        let error = GraphMail::new(GraphSettings { client_id: bad.to_owned(), ..settings() });
        assert!(error.is_err_and(|sentence| sentence.contains("CLIENT_ID")), "{bad}");
    }
    let secret = GraphMail::new(GraphSettings { client_secret: " ".into(), ..settings() });
    assert!(secret.is_err_and(|sentence| sentence.contains("CLIENT_SECRET")));
    let plain = GraphMail::new(GraphSettings { graph: url("http://graph.example"), ..settings() });
    assert!(plain.is_err_and(|sentence| sentence.contains("https://")));
}

#[test]
fn nothing_shows_the_secret() {
    let mail = GraphMail::new(settings()).expect("settings");
    let shown = format!("{:?} {mail:?} {:?}", settings(), mail.tokens.credential);
    assert!(!shown.contains("a+secret"), "{shown}");
}
