//! Unit tests of the Graph transport.

use std::time::Instant;

use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::email::transport::graph::response::{
    GraphError, MAX_REASON, MAX_RETRY_AFTER, parse_retry_after, retry_after, send_result,
};
use crate::email::transport::graph::token::{EXPIRY_MARGIN, is_usable, parse_token, token_error};

fn url(text: &str) -> Url {
    text.parse().expect("a URL")
}

fn settings() -> GraphSettings {
    GraphSettings {
        client_id: "11111111-2222-3333-4444-555555555555".to_owned(),
        client_secret: "a+secret%".into(),
        tenant: "contoso.example".to_owned(),
        authority: url("https://login.microsoftonline.com/contoso.example"),
        graph_url: url("https://graph.microsoft.com/v1.0/"),
    }
}

#[test]
fn a_retry_after_is_seconds_or_a_date() {
    let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").ok();
    assert_eq!(parse_retry_after("120", now), Some(Duration::from_mins(2)));
    assert_eq!(parse_retry_after(" 7 ", None), Some(Duration::from_secs(7)));
    assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now), Some(Duration::from_mins(1)));
}

#[test]
fn a_retry_after_is_at_most_an_hour() {
    let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").ok();
    for long in ["3601", "18446744073709551616", "Sat, 06 Nov 2094 08:49:37 GMT"] {
        assert_eq!(parse_retry_after(long, now), Some(MAX_RETRY_AFTER), "{long}");
    }
}

#[test]
fn an_invalid_retry_after_is_ignored() {
    let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").ok();
    for invalid in
        ["", "soon", "-5", "1.5", "0", "Sun, 06 Nov 1994 08:49:37 GMT", "Sat, 05 Nov 1994 08:49:37 GMT"]
    {
        assert_eq!(parse_retry_after(invalid, now), None, "{invalid}");
    }
    assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", None), None);
    assert_eq!(retry_after(&HeaderMap::new()), None);
}

#[test]
fn a_retry_after_date_is_compared_with_the_date_of_the_response() {
    let mut headers = HeaderMap::new();
    headers.insert(DATE, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
    headers.insert(RETRY_AFTER, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:47 GMT"));
    assert_eq!(retry_after(&headers), Some(Duration::from_secs(10)));
}

fn error(code: &str) -> GraphError {
    GraphError { code: code.to_owned(), reason: "why".to_owned() }
}

#[test]
fn only_202_is_accepted() {
    let retry_after = Some(Duration::from_secs(5));
    assert_eq!(send_result(202, retry_after, error("")), SendResult::Accepted);
    for status in [200, 204, 302, 401, 408, 429, 500, 502, 503, 504] {
        let expected = SendResult::TemporaryFailure { reason: "why".to_owned(), retry_after };
        assert_eq!(send_result(status, retry_after, error("")), expected, "{status}");
    }
}

#[test]
fn only_an_error_about_the_recipient_is_permanent() {
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
        let expected = SendResult::temporary_failure("why".to_owned());
        assert_eq!(send_result(status, None, error(code)), expected, "{status} {code}");
    }
    assert_eq!(
        send_result(400, None, error("ErrorInvalidRecipients")),
        SendResult::PermanentFailure("why".to_owned())
    );
}

#[test]
fn a_reason_contains_only_the_error_code_and_message() {
    let body =
        br#"{"error":{"code":"ErrorAccessDenied","message":"Access is\ndenied.","innerError":{"x":"y"}}}"#;
    assert_eq!(
        GraphError::parse(403, body).reason,
        "Graph answered 403 ErrorAccessDenied: Access is denied."
    );
    assert_eq!(GraphError::parse(502, b"<html>Bad gateway</html>").reason, "Graph answered 502");
    let long = json!({ "error": { "code": "a", "message": "b".repeat(1000) } }).to_string();
    assert_eq!(GraphError::parse(400, long.as_bytes()).reason.chars().count(), MAX_REASON);
    let token = br#"{"error":"invalid_client","error_description":"AADSTS7000215: Wrong.\r\nTrace ID: 1"}"#;
    assert_eq!(token_error(401, token), "no token for Graph: 401 invalid_client: AADSTS7000215: Wrong.");
    assert_eq!(token_error(500, b""), "no token for Graph: 500");
}

#[test]
fn plain_http_is_allowed_only_to_this_machine() {
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
fn the_token_url_names_the_tenant_once() {
    let expected = "https://login.example/t/oauth2/v2.0/token";
    for authority in ["https://login.example/t", "https://login.example/t/", "https://login.example/t/v2.0"] {
        assert_eq!(token_url(&url(authority), "other").expect("a URL").as_str(), expected);
    }
    assert_eq!(token_url(&url("https://login.example"), "t").expect("a URL").as_str(), expected);
    assert_eq!(token_url(&url("https://login.example"), " "), None);
}

#[test]
fn the_scope_names_the_host_of_graph() {
    assert_eq!(scope(&url("https://graph.microsoft.us/v1.0")), "https://graph.microsoft.us/.default");
    assert_eq!(scope(&url("http://127.0.0.1:5/v1.0")), "https://graph.microsoft.com/.default");
}

#[test]
fn a_token_is_used_until_five_minutes_before_it_expires() {
    let now = Instant::now();
    assert!(is_usable(now + EXPIRY_MARGIN + Duration::from_secs(1), now));
    assert!(!is_usable(now + EXPIRY_MARGIN, now));
    assert!(!is_usable(now, now + EXPIRY_MARGIN));
}

#[test]
fn a_token_without_a_lifetime_is_invalid() {
    let parse = |text: &str| parse_token(text.as_bytes()).map(|(_, lifetime)| lifetime.as_secs());
    assert_eq!(parse(r#"{"access_token":"a","expires_in":3599,"token_type":"Bearer"}"#), Some(3599));
    assert_eq!(parse(r#"{"access_token":"a","expires_in":"3599"}"#), Some(3599));
    for bad in [r#"{"access_token":"a"}"#, r#"{"access_token":"","expires_in":1}"#, "<html>"] {
        assert_eq!(parse(bad), None, "{bad}");
    }
    assert_eq!(parse("{\"access_token\":\"a\\nb\",\"expires_in\":1}"), None);
}

#[test]
fn the_message_has_an_html_body_and_the_portal_as_sender() {
    let rendered = Rendered { subject: "Hi".to_owned(), text: "t".to_owned(), html: "<p>h</p>".to_owned() };
    let envelope = Envelope {
        sender: "portal@example.org".to_owned(),
        recipient: "ann@example.net".to_owned(),
        message_id: "<handle@example.org>".to_owned(),
    };
    let body = compose("Portal", &envelope, &rendered);
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
fn invalid_settings_are_rejected() {
    assert!(GraphEmail::new(settings()).is_ok());
    for bad in ["vestibule", "", "00000000-0000-0000-0000-000000000000"] {
        let error = GraphEmail::new(GraphSettings { client_id: bad.to_owned(), ..settings() });
        assert!(error.is_err_and(|sentence| sentence.contains("CLIENT_ID")), "{bad}");
    }
    let secret = GraphEmail::new(GraphSettings { client_secret: " ".into(), ..settings() });
    assert!(secret.is_err_and(|sentence| sentence.contains("CLIENT_SECRET")));
    let plain = GraphEmail::new(GraphSettings { graph_url: url("http://graph.example"), ..settings() });
    assert!(plain.is_err_and(|sentence| sentence.contains("https://")));
}

#[test]
fn debug_output_does_not_contain_the_secret() {
    let graph = GraphEmail::new(settings()).expect("settings");
    let shown = format!("{:?} {graph:?} {:?}", settings(), graph.tokens.credential);
    assert!(!shown.contains("a+secret"), "{shown}");
}

#[tokio::test]
async fn concurrent_sends_wait_for_the_same_token_request() {
    let endpoint = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let authority = url(&format!("http://{}/t", endpoint.local_addr().expect("an address")));
    let graph = GraphEmail::new(GraphSettings { authority, ..settings() }).expect("settings");
    let requests = async {
        let mut requests = 0;
        loop {
            let (mut connection, _) = endpoint.accept().await.expect("a connection");
            requests += 1;
            let body = r#"{"error":"server_error"}"#;
            let head = "HTTP/1.1 500 Error\r\nconnection: close\r\ncontent-length:";
            // Both callers wait by now: the request was sent by the first, and the test runs on one thread.
            let mut request = [0; 4096];
            assert_ne!(connection.read(&mut request).await.expect("a request"), 0);
            let answer = format!("{head} {}\r\n\r\n{body}", body.len());
            connection.write_all(answer.as_bytes()).await.expect("an answer");
            if requests == 2 {
                return;
            }
        }
    };
    let reasons = async {
        let (first, second) = tokio::join!(graph.tokens.get(), graph.tokens.get());
        [first, second].map(|result| result.expect_err("no token").reason)
    };
    let reasons = tokio::select! {
        () = requests => panic!("the token endpoint got two requests"),
        reasons = reasons => reasons,
    };
    assert_eq!(reasons, ["no token for Graph: 500 server_error: ", "no token for Graph: 500 server_error: "]);
}
