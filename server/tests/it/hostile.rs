//! Bad input gets words and changes nothing: never a 500, never a panic.

use app::domain::status::{Role, Status};
use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{Method, Request, StatusCode, Uri};

use crate::support::{PASSWORD, Portal};

const ACTIONS: &[&str] = &[
    "register",
    "sign_in",
    "sign_out",
    "set_up",
    "confirm_address",
    "disown_address",
    "use_sign_in_link",
    "ask_confirmation",
    "decide",
    "resend_mail",
    "set_theme",
    "ask_reset",
    "change_password",
    "end_session",
    "end_other_sessions",
    "ask_address_change",
    "change_address",
    "undo_address_change",
    "keep_account",
    "resend_all_mails",
    "dismiss_mail",
    "delete_account",
];

fn raw(path: &str, kind: &str, accept: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path)
        .header(ACCEPT, accept)
        .header(CONTENT_TYPE, kind)
        .body(body.into())
        .expect("a request")
}

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn every_action_takes_every_kind_of_nonsense() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    let before = portal.audit().await.len();
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
    // Two need nothing of the form, so that nothing in it can be wrong.
    for action in ACTIONS.iter().filter(|action| !matches!(**action, "sign_out" | "end_other_sessions")) {
        for (kind, body, status) in &bodies {
            let path = format!("/do/{action}");
            let reply = admin.send(raw(&path, kind, "text/html", body.to_vec())).await;
            assert_eq!(
                reply.status,
                *status,
                "{action} {kind} {}",
                String::from_utf8_lossy(&body[..body.len().min(40)])
            );
            if status.is_client_error() {
                reply.says("Nothing was changed.");
                let script = admin.send(raw(&path, kind, "application/json", body.to_vec())).await;
                assert_eq!(script.status, *status);
                script.outcome();
            }
        }
    }
    assert_eq!(portal.audit().await.len(), before);
    assert!(admin.is_signed_in().await);
}

#[tokio::test]
async fn wrong_methods_and_unknown_addresses_have_words() {
    let portal = Portal::start().await;
    let browser = portal.browser();
    for action in ACTIONS {
        let reply = browser.get(&format!("/do/{action}")).await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{action}");
        reply.says("This address takes no forms");
    }
    for page in ["/", "/login", "/register", "/profile", "/admin", "/logout"] {
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            assert_eq!(browser.ask(method, page).await.status, StatusCode::METHOD_NOT_ALLOWED, "{page}");
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
        let reply = browser.get(path).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
        reply.says("There is no such page");
    }
    let reply = browser.post("/do/nothing", &[]).await;
    assert!(reply.status.is_client_error());
}

#[tokio::test]
async fn unknown_numbers_and_tokens_are_not_found() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    for id in ["0", "-1", "999999", "99999999999999999999", "abc", "%00", "1'--"] {
        for page in ["users", "approve", "deactivate", "nonsense"] {
            let reply = admin.get(&format!("/admin/{page}/{id}")).await;
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{page}/{id}");
        }
        admin.post("/do/decide", &[("id", id), ("decision", "approve")]).await;
        admin.get("/admin").await.says("There is no such account.");
    }
    for token in ["x", "%00", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "..%2f"] {
        for page in ["confirm", "auto-login"] {
            assert_eq!(portal.browser().get(&format!("/{page}/{token}")).await.status, StatusCode::NOT_FOUND);
        }
    }
}

#[tokio::test]
async fn nothing_in_an_address_makes_a_page_say_it() {
    let portal = Portal::start().await;
    let browser = portal.browser();
    let reply = browser.get("/login?__err=evilwords&__path=%2Fdo%2Fsign_in&next=%2Fadmin").await;
    assert_eq!(reply.location(), Some("/login?next=%2Fadmin"));
    let reply = browser.get("//evil.example?__err=x").await;
    assert!(reply.location().is_none_or(|to| !to.starts_with("//")), "{:?}", reply.location());
    let page = browser.get("/login?error=evilwords&message=evilwords&next=//evilwords").await;
    let text = page.text();
    assert!(text.contains("Sign in") && !text.contains("evilwords"), "{text}");
    browser.set_cookie("flash", Some("evilwords"));
    browser.set_cookie("theme", Some("\"><script>evilwords"));
    browser.get("/login").await.does_not_say("evilwords");
    let admin = portal.admin("grace").await;
    admin
        .get("/admin?after=%22%3E%3Cscript%3Eevilwords&waiting=evilwords")
        .await
        .does_not_say("<script>evilwords");
}

#[tokio::test]
async fn what_people_type_is_escaped_wherever_it_comes_back() {
    let portal = Portal::start().await;
    let browser = portal.browser();
    browser.register("<b>x</b>", "\"><script>alert(1)</script>@x", PASSWORD).await;
    let page = browser.get("/register").await;
    page.does_not_say("<script>alert");
    page.does_not_say("<b>x</b>");
    let portal = Portal::with(&[("PORTAL_NAME", "<i>&Co")]).await;
    let page = portal.browser().get("/login").await;
    page.does_not_say("<i>&Co");
    page.says("&lt;i&gt;&amp;Co");
}

#[tokio::test]
async fn another_scheme_is_another_origin() {
    let portal = Portal::with(&[("PUBLIC_URL", "https://portal.test")]).await;
    for (origin, status) in [
        ("https://portal.test", StatusCode::FOUND),
        ("http://portal.test", StatusCode::FORBIDDEN),
        ("https://portal.test:8443", StatusCode::FORBIDDEN),
    ] {
        let request = Request::post("/do/sign_out").header("origin", origin).header("accept", "text/html");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let reply = portal.browser().send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(reply.status, status, "{origin}");
    }
}

#[tokio::test]
async fn requests_from_other_sites_are_refused() {
    let portal = Portal::start().await;
    let browser = portal.admin("grace").await;
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        for accept in ["text/html", "application/json"] {
            let mut request = raw("/do/sign_out", FORM, accept, "");
            request.headers_mut().insert(HOST, "portal.test".parse().expect("a host"));
            request.headers_mut().insert(name, value.parse().expect("a value"));
            assert_eq!(browser.send(request).await.status, StatusCode::FORBIDDEN, "{name}: {value}");
        }
    }
    assert!(browser.is_signed_in().await);
    let mut request = raw("/do/sign_out", FORM, "text/html", "");
    request.headers_mut().insert(ORIGIN, "http://portal.test".parse().expect("a value"));
    assert_eq!(browser.send(request).await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn forwarded_addresses_count_from_trusted_proxies_alone_and_from_the_right() {
    for (proxies, header, shut_out) in [
        // The rightmost address that no proxy of ours gave is the visitor's: what they wrote left of it is nothing.
        ("127.0.0.1", ["1.1.1.1, 192.0.2.9", "2.2.2.2, 192.0.2.9"], true),
        ("127.0.0.1, 192.0.2.9", ["1.1.1.1, 192.0.2.9", "2.2.2.2, 192.0.2.9"], false),
        ("none", ["1.1.1.1", "2.2.2.2"], true),
    ] {
        let portal = Portal::with(&[("TRUSTED_PROXIES", proxies), ("LIMIT_SIGN_IN", "1/1h")]).await;
        let fields = [("username", "x"), ("password", PASSWORD)];
        let first = portal.browser();
        first.post_from("/do/sign_in", &fields, Some(header[0])).await;
        let second = portal.browser();
        second.post_from("/do/sign_in", &fields, Some(header[1])).await;
        let page = second.get("/login").await;
        if shut_out {
            page.says("Too many attempts.");
        } else {
            page.says("Incorrect username or password.");
        }
    }
}

#[tokio::test]
async fn a_damaged_session_cookie_is_nobody() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    for cookie in ["", "x", "AAAAAAAAAAAAAAAAAAAAAA", "\u{e9}", "a;b", &"A".repeat(4_000)] {
        let browser = portal.browser();
        browser.set_cookie("session", Some(cookie));
        assert_eq!(browser.get("/profile").await.status, StatusCode::FOUND, "{cookie}");
        assert_eq!(browser.get("/").await.status, StatusCode::OK, "{cookie}");
    }
}

#[tokio::test]
async fn no_spelling_of_a_path_leads_around_the_gate() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    portal.person("bob", Status::Active, Role::Member).await;
    portal.person("secretive", Status::Pending, Role::Member).await;
    admin.get("/admin").await.says("secretive@example.org");
    let (stranger, member) = (portal.browser(), portal.signed_in("bob").await);
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
                for browser in [&stranger, &member] {
                    let request = Request::get(uri.clone()).header(ACCEPT, "text/html").body(Body::empty());
                    let reply = browser.send(request.expect("a request")).await;
                    assert_ne!(reply.status, StatusCode::OK, "{path}");
                    reply.does_not_say("secretive");
                    reply.does_not_say(">Desk<");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_referer_leads_nowhere() {
    let portal = Portal::start().await;
    for body in ["username=a&password=b", "username[]=a&password=b", "password[x]=b", "id[]=1"] {
        let mut request = raw("/do/sign_in", FORM, "text/html", body);
        request.headers_mut().insert("referer", "https://evil.example/x".parse().expect("a value"));
        let reply = portal.browser().send(request).await;
        assert!(reply.location().is_none_or(|to| to == "/login"), "{body}: {:?}", reply.location());
        assert!(reply.status == StatusCode::FOUND || reply.status == StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn a_name_longer_than_any_file_is_not_found() {
    let portal = Portal::start().await;
    for start in ["/", "/pkg/", "/fonts/"] {
        let path = format!("{start}{}", "a".repeat(300));
        assert_eq!(portal.browser().get(&path).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn what_the_desk_repeats_of_its_address_is_cut() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    for number in 0..20 {
        portal.person(&format!("waiting{number}"), Status::Pending, Role::Member).await;
    }
    let usual = admin.get("/admin").await.body.len();
    let long = admin.get(&format!("/admin?after={}&waiting={0}", "0%22".repeat(2_000))).await;
    assert_eq!(long.status, StatusCode::OK);
    assert!(long.body.len() < 3 * usual, "{} bytes instead of {usual}", long.body.len());
}
