//! Malformed input.
//!
//! # Guarantees
//!
//! - Malformed input gets an error page or an error result, and changes nothing.
//! - Malformed input never causes a 500 or a panic.

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{Method, Request, StatusCode, Uri};

use crate::support::{PASSWORD, TestPortal};
use domain::status::{Role, Status};

/// Returns the names of all actions: the server functions that the router has registered.
fn actions() -> Vec<&'static str> {
    let actions: Vec<_> = leptos::server_fn::axum::server_fn_paths()
        .filter_map(|(path, _)| path.strip_prefix("/do/"))
        .collect();
    assert!(actions.len() > 20, "{actions:?}");
    actions
}

fn form_request(path: &str, content_type: &str, accept: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path)
        .header(ACCEPT, accept)
        .header(CONTENT_TYPE, content_type)
        .body(body.into())
        .expect("a request")
}

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn every_action_withstands_malformed_forms() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let before = portal.audit_log().await.len();
    let big = format!("username={}", "a".repeat(1_000_000));
    let almost =
        format!("username={}&password={}&token={}", "a".repeat(5_000), "b".repeat(5_000), "c".repeat(5_000));
    let bodies: [(&str, &[u8], StatusCode); 9] = [
        (FORM, b"username=a&username=b&token=a&token=b&id=1&id=2&theme=a&theme=b", StatusCode::BAD_REQUEST),
        (FORM, b"username=%ff%fe&token=%ff&id=%ff", StatusCode::BAD_REQUEST),
        (FORM, b"username=\xff", StatusCode::BAD_REQUEST),
        (FORM, big.as_bytes(), StatusCode::PAYLOAD_TOO_LARGE),
        ("application/json", b"{\"username\":\"a\"}", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("multipart/form-data; boundary=x", b"--x--", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("", b"", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (
            FORM,
            b"username=a%00b&email=a%00@b.c&password=%00&confirm_password=%00&token=%00&id=%00&next=%00",
            StatusCode::FOUND,
        ),
        (FORM, almost.as_bytes(), StatusCode::FOUND),
    ];
    // Two actions read no field of the form, so that they cannot refuse it.
    for action in actions().into_iter().filter(|action| !matches!(*action, "sign_out" | "end_other_sessions"))
    {
        for (content_type, body, status) in &bodies {
            let path = format!("/do/{action}");
            let response = admin.send(form_request(&path, content_type, "text/html", body.to_vec())).await;
            assert_eq!(
                response.status,
                *status,
                "{action} {content_type} {}",
                String::from_utf8_lossy(&body[..body.len().min(40)])
            );
            if status.is_client_error() {
                response.assert_contains("Nothing has changed.");
                let script =
                    admin.send(form_request(&path, content_type, "application/json", body.to_vec())).await;
                assert_eq!(script.status, *status);
                script.action_result();
            }
        }
    }
    assert_eq!(portal.audit_log().await.len(), before);
    assert!(admin.is_signed_in().await);
}

#[tokio::test]
async fn wrong_methods_and_unknown_paths_get_an_error_page() {
    let portal = TestPortal::start().await;
    let browser = portal.browser();
    for action in actions() {
        let response = browser.get(&format!("/do/{action}")).await;
        assert_eq!(response.status, StatusCode::METHOD_NOT_ALLOWED, "{action}");
        response.assert_contains("This page does not accept forms");
    }
    for page in ["/", "/login", "/register", "/profile", "/admin", "/logout"] {
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            assert_eq!(browser.request(method, page).await.status, StatusCode::METHOD_NOT_ALLOWED, "{page}");
        }
    }
    for path in [
        "/nothing",
        "/admin-login",
        "/pkg/nothing.js",
        "/confirm",
        "/..%2f..%2fetc/passwd",
        "/pkg/..%2f..%2fx",
    ] {
        let response = browser.get(path).await;
        assert_eq!(response.status, StatusCode::NOT_FOUND, "{path}");
        response.assert_contains("Page not found");
    }
    let response = browser.post("/do/nothing", &[]).await;
    assert!(response.status.is_client_error());
}

#[tokio::test]
async fn unknown_ids_and_tokens_are_not_found() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    for id in ["0", "-1", "999999", "99999999999999999999", "abc", "%00", "1'--"] {
        for page in ["users", "approve", "deactivate", "nonsense"] {
            let response = admin.get(&format!("/admin/{page}/{id}")).await;
            assert_eq!(response.status, StatusCode::NOT_FOUND, "{page}/{id}");
        }
        admin.post("/do/decide", &[("id", id), ("decision", "approve")]).await;
        admin.get("/admin").await.assert_contains("We could not find that account.");
    }
    for token in ["x", "%00", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "..%2f"] {
        for page in ["confirm", "auto-login"] {
            assert_eq!(portal.browser().get(&format!("/{page}/{token}")).await.status, StatusCode::NOT_FOUND);
        }
    }
}

#[tokio::test]
async fn text_in_a_url_is_never_shown_on_a_page() {
    let portal = TestPortal::start().await;
    let browser = portal.browser();
    let response = browser.get("/login?__err=evilwords&__path=%2Fdo%2Fsign_in&next=%2Fadmin").await;
    assert_eq!(response.location(), Some("/login?next=%2Fadmin"));
    let response = browser.get("//evil.example?__err=x").await;
    assert!(response.location().is_none_or(|to| !to.starts_with("//")), "{:?}", response.location());
    let page = browser.get("/login?error=evilwords&message=evilwords&next=//evilwords").await;
    let text = page.text();
    assert!(text.contains("Sign in") && !text.contains("evilwords"), "{text}");
    browser.set_cookie("flash", Some("evilwords"));
    browser.set_cookie("theme", Some("\"><script>evilwords"));
    browser.get("/login").await.assert_not_contains("evilwords");
    let admin = portal.create_admin("grace").await;
    admin
        .get("/admin?after=%22%3E%3Cscript%3Eevilwords&waiting=evilwords")
        .await
        .assert_not_contains("<script>evilwords");
}

#[tokio::test]
async fn typed_text_is_escaped_wherever_it_is_shown() {
    let portal = TestPortal::start().await;
    let browser = portal.browser();
    browser.register("<b>x</b>", "\"><script>alert(1)</script>@x", PASSWORD).await;
    let page = browser.get("/register").await;
    page.assert_not_contains("<script>alert");
    page.assert_not_contains("<b>x</b>");
    let portal = TestPortal::with(&[("PORTAL_NAME", "<i>&Co")]).await;
    let page = portal.browser().get("/login").await;
    page.assert_not_contains("<i>&Co");
    page.assert_contains("&lt;i&gt;&amp;Co");
}

#[tokio::test]
async fn another_scheme_is_another_origin() {
    let portal = TestPortal::with(&[("PUBLIC_URL", "https://portal.test")]).await;
    for (origin, status) in [
        ("https://portal.test", StatusCode::FOUND),
        ("http://portal.test", StatusCode::FORBIDDEN),
        ("https://portal.test:8443", StatusCode::FORBIDDEN),
    ] {
        let request = Request::post("/do/sign_out").header("origin", origin).header("accept", "text/html");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let response = portal.browser().send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status, status, "{origin}");
    }
}

#[tokio::test]
async fn requests_from_other_sites_are_refused() {
    let portal = TestPortal::start().await;
    let browser = portal.create_admin("grace").await;
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        for accept in ["text/html", "application/json"] {
            let mut request = form_request("/do/sign_out", FORM, accept, "");
            request.headers_mut().insert(HOST, "portal.test".parse().expect("a host"));
            request.headers_mut().insert(name, value.parse().expect("a value"));
            assert_eq!(browser.send(request).await.status, StatusCode::FORBIDDEN, "{name}: {value}");
        }
    }
    assert!(browser.is_signed_in().await);
    let mut request = form_request("/do/sign_out", FORM, "text/html", "");
    request.headers_mut().insert(ORIGIN, "http://portal.test".parse().expect("a value"));
    assert_eq!(browser.send(request).await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn forwarded_client_ips_are_accepted_from_trusted_proxies_only_and_read_from_the_right() {
    for (proxies, header, limited) in [
        // The client IP is the rightmost one that is not a trusted proxy. Anything to the left of it is forged.
        ("127.0.0.1", ["1.1.1.1, 192.0.2.9", "2.2.2.2, 192.0.2.9"], true),
        ("127.0.0.1, 192.0.2.9", ["1.1.1.1, 192.0.2.9", "2.2.2.2, 192.0.2.9"], false),
        ("none", ["1.1.1.1", "2.2.2.2"], true),
    ] {
        let portal = TestPortal::with(&[("TRUSTED_PROXIES", proxies), ("LIMIT_SIGN_IN", "1/1h")]).await;
        let fields = [("username", "x"), ("password", PASSWORD)];
        let first = portal.browser();
        first.post_from("/do/sign_in", &fields, Some(header[0])).await;
        let second = portal.browser();
        second.post_from("/do/sign_in", &fields, Some(header[1])).await;
        let page = second.get("/login").await;
        if limited {
            page.assert_contains("Too many attempts.");
        } else {
            page.assert_contains("Incorrect username or password.");
        }
    }
}

#[tokio::test]
async fn a_damaged_session_cookie_signs_no_one_in() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    for cookie in ["", "x", "AAAAAAAAAAAAAAAAAAAAAA", "\u{e9}", "a;b", &"A".repeat(4_000)] {
        let browser = portal.browser();
        browser.set_cookie("session", Some(cookie));
        assert_eq!(browser.get("/profile").await.status, StatusCode::FOUND, "{cookie}");
        assert_eq!(browser.get("/").await.status, StatusCode::OK, "{cookie}");
    }
}

#[tokio::test]
async fn no_spelling_of_a_path_bypasses_authorization() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.create_user("bob", Status::Active, Role::Member).await;
    portal.create_user("secretive", Status::Pending, Role::Member).await;
    admin.get("/admin").await.assert_contains("secretive@example.org");
    let (visitor, member) = (portal.browser(), portal.signed_in("bob").await);
    let id = portal.user("secretive").await.id;
    for start in ["/confirm/", "/auto-login/", "/confirm/x/", "//", "/./", "/setup/"] {
        for up in ["", "..\\", "../", "%2e%2e\\", "%2E%2E/", "%2e%2e%2f", "..%5c", "..\\..\\", "x\\..\\..\\"]
        {
            for page in ["admin", "admin\\mail", "admin/mail", "%61dmin", "ADMIN"]
                .map(str::to_owned)
                .into_iter()
                .chain([format!("admin\\users\\{id}"), format!("admin/approve/{id}")])
            {
                let path = format!("{start}{up}{page}");
                let Ok(uri) = path.parse::<Uri>() else { continue };
                for browser in [&visitor, &member] {
                    let request = Request::get(uri.clone()).header(ACCEPT, "text/html").body(Body::empty());
                    let response = browser.send(request.expect("a request")).await;
                    assert_ne!(response.status, StatusCode::OK, "{path}");
                    response.assert_not_contains("secretive");
                    response.assert_not_contains(">Desk<");
                }
            }
        }
    }
}

#[tokio::test]
async fn redirects_never_follow_the_referer_header() {
    let portal = TestPortal::start().await;
    for body in ["username=a&password=b", "username[]=a&password=b", "password[x]=b", "id[]=1"] {
        let mut request = form_request("/do/sign_in", FORM, "text/html", body);
        request.headers_mut().insert("referer", "https://evil.example/x".parse().expect("a value"));
        let response = portal.browser().send(request).await;
        assert!(response.location().is_none_or(|to| to == "/login"), "{body}: {:?}", response.location());
        assert!(response.status == StatusCode::FOUND || response.status == StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn a_path_longer_than_any_file_name_is_not_found() {
    let portal = TestPortal::start().await;
    for start in ["/", "/pkg/", "/fonts/"] {
        let path = format!("{start}{}", "a".repeat(300));
        assert_eq!(portal.browser().get(&path).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn query_parameters_repeated_on_the_users_page_are_truncated() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    for number in 0..20 {
        portal.create_user(&format!("waiting{number}"), Status::Pending, Role::Member).await;
    }
    let usual = admin.get("/admin").await.body.len();
    let long = admin.get(&format!("/admin?after={}&waiting={0}", "0%22".repeat(2_000))).await;
    assert_eq!(long.status, StatusCode::OK);
    assert!(long.body.len() < 3 * usual, "{} bytes instead of {usual}", long.body.len());
}
