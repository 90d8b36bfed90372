//! Tests of response headers, hosts, health checks, error pages, theme and branding, and of the pages as a whole.

use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ACCEPT, HOST};
use axum::http::{Method, Request, StatusCode};
use data_encoding::HEXLOWER;
use sea_orm::ConnectionTrait;
use sha2::{Digest, Sha256};

use crate::support::{Response, TestPortal};
use app::api::action_result::ActionResult;
use backend::Backend;
use backend::jobs::supervisor::Task;
use domain::errors::ErrorCode;
use server::assets::Assets;
use server::http::router::router;

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let portal = TestPortal::start().await;
    let browser = portal.create_admin("grace").await;
    for path in ["/", "/login", "/profile", "/admin", "/nothing", "/healthz", "/do/sign_in", "/pkg/nothing"] {
        let response = browser.get(path).await;
        let policy = header(&response, "content-security-policy");
        for part in [
            "default-src 'none'",
            "'nonce-",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
        assert_eq!(header(&response, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header(&response, "referrer-policy"), "same-origin", "{path}");
        assert_eq!(header(&response, "cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(header(&response, "strict-transport-security"), "", "{path}");
    }
}

#[tokio::test]
async fn html_is_never_stored_and_every_nonce_is_new() {
    let portal = TestPortal::start().await;
    let (first, second) = (portal.browser().get("/login").await, portal.browser().get("/login").await);
    assert_eq!(header(&first, "cache-control"), "no-store");
    assert_ne!(header(&first, "content-security-policy"), header(&second, "content-security-policy"));
    let policy = header(&first, "content-security-policy");
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).expect("a nonce");
    let scripts = first.body.matches("<script").count();
    assert!(scripts > 0);
    assert_eq!(first.body.matches(&format!("nonce=\"{nonce}\"")).count(), scripts);
    assert!(!first.body.contains(" style="), "the policy forbids inline styles");
}

#[tokio::test]
async fn https_adds_hsts_and_host_bound_cookies() {
    let portal = TestPortal::with(&[("PUBLIC_URL", "https://portal.test")]).await;
    let response = portal.browser().get("/login").await;
    assert_eq!(header(&response, "strict-transport-security"), "max-age=63072000");
    let response = portal.browser().register("a", "b", "c").await;
    let cookies = response.cookies();
    assert!(
        cookies.iter().all(|c| c.starts_with("__Host-") && c.contains("Secure") && c.contains("HttpOnly")),
        "{cookies:?}"
    );
}

#[tokio::test]
async fn in_production_a_request_for_another_host_is_misdirected() {
    let settings =
        [("LEPTOS_ENV", "PROD"), ("PUBLIC_URL", "https://portal.test"), ("MAIL_TRANSPORT", "file")];
    let portal = TestPortal::with(&settings).await;
    let get = |host: &'static str, path: &'static str| {
        let browser = portal.browser();
        let request = Request::get(path).header(HOST, host).header(ACCEPT, "text/html").body(Body::empty());
        async move { browser.send(request.expect("a request")).await }
    };
    assert_eq!(get("portal.test", "/login").await.status, StatusCode::OK);
    let response = get("evil.example", "/login").await;
    assert_eq!(response.status, StatusCode::MISDIRECTED_REQUEST);
    response.assert_contains("Wrong web address");
    for path in ["/healthz", "/readyz"] {
        assert_eq!(get("10.0.0.7", path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(get("portal.test", "/dev/mail").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_request_with_two_hosts_is_refused() {
    let prod = [("LEPTOS_ENV", "PROD"), ("PUBLIC_URL", "https://portal.test"), ("MAIL_TRANSPORT", "file")];
    for portal in [TestPortal::start().await, TestPortal::with(&prod).await] {
        for hosts in [["portal.test", "evil.example"], ["evil.example", "portal.test"], ["portal.test"; 2]] {
            for path in ["/login", "/nothing", "/healthz", "/session"] {
                let request = Request::get(path).header(ACCEPT, "text/html");
                let request = hosts.into_iter().fold(request, |request, host| request.header(HOST, host));
                let response = portal.browser().send(request.body(Body::empty()).expect("a request")).await;
                assert_eq!(response.status, StatusCode::BAD_REQUEST, "{hosts:?} {path}");
                response.assert_contains("We could not read that request");
            }
        }
    }
}

#[tokio::test]
async fn dev_mail_is_served_only_to_loopback() {
    use axum::extract::ConnectInfo;
    use std::net::SocketAddr;
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    portal.deliver_emails().await;
    let get = |peer: &'static str, host: &'static str, extra: Option<&'static str>| {
        let mut request = Request::get("/dev/mail").header(HOST, host);
        if let Some(name) = extra {
            request = request.header(name, "127.0.0.1");
        }
        let mut request = request.body(Body::empty()).expect("a request");
        request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer.parse().expect("an address")));
        let browser = portal.browser();
        async move { browser.send(request).await }
    };
    let page = get("127.0.0.1:4000", "localhost:3000", None).await;
    assert_eq!(page.status, StatusCode::OK);
    page.assert_contains("Confirm your email address for Vestibule");
    for (peer, host, extra) in [
        ("192.0.2.1:4000", "localhost:3000", None),
        ("127.0.0.1:4000", "portal.test", None),
        ("127.0.0.1:4000", "localhost:3000", Some("x-forwarded-for")),
        ("127.0.0.1:4000", "localhost:3000", Some("forwarded")),
    ] {
        assert_eq!(get(peer, host, extra).await.status, StatusCode::NOT_FOUND, "{peer} {host} {extra:?}");
    }
}

#[tokio::test]
async fn readiness_reports_tasks_and_database_and_health_always_answers() {
    let portal = TestPortal::start().await;
    assert_eq!(portal.browser().get("/healthz").await.body, "ok\n");
    let ready = portal.browser().get("/readyz").await;
    assert_eq!(ready.status, StatusCode::OK);
    ready.assert_contains("\"ready\":true");
    ready.assert_contains("\"email\":\"up\"");
    portal.backend.tasks.record_stop(Task::SendEmails);
    portal.browser().get("/readyz").await.assert_contains("\"email\":\"up\"");
    portal.advance_time(Duration::from_secs(1));
    let restarting = portal.browser().get("/readyz").await;
    assert_eq!(restarting.status, StatusCode::OK, "nobody needs it to sign in");
    restarting.assert_contains("\"email\":\"restarting\"");
    portal.backend.tasks.record_restart(Task::SendEmails);
    portal.advance_time(Duration::from_secs(1));
    portal.browser().get("/readyz").await.assert_contains("\"email\":\"up\"");
    portal.advance_time(Duration::from_secs(1));
    let closed: &Backend = &portal.backend;
    closed.db.pool().clone().close().await.expect("closes");
    let response = portal.browser().get("/readyz").await;
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
    response.assert_contains("\"database\":\"down\"");
    assert_eq!(portal.browser().get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn without_the_database_the_portal_answers_503_and_says_when_to_retry() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.backend.db.pool().clone().close().await.expect("closes");
    let visitor = portal.browser();
    let plain = [("username", "grace"), ("password", crate::support::PASSWORD)];
    for response in [admin.get("/profile").await, visitor.post("/do/sign_in", &plain).await] {
        assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers["retry-after"], "5");
        response.assert_contains("The portal is not available right now");
        response.assert_contains("Reference ");
        assert!(response.headers.get("x-error-reference").is_none(), "the page has the reference");
        response.assert_not_contains("sqlx");
    }
    let form = visitor.get("/login").await;
    form.assert_contains("The portal is not available right now. Try again in a moment.");
    assert!(form.body.contains("value=\"grace\""), "what was typed waits on its page");
    let script = visitor.fetch("/do/sign_in", &plain).await;
    assert_eq!(script.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(script.action_result(), ActionResult::Refused(ErrorCode::Busy(5).into()));
}

#[tokio::test]
async fn an_internal_error_shows_only_a_reference() {
    let portal = TestPortal::start().await;
    let db = portal.backend.db.pool();
    db.execute_unprepared("ALTER TABLE users RENAME TO elsewhere").await.expect("renames");
    let visitor = portal.browser();
    visitor.sign_in("grace", crate::support::PASSWORD).await;
    let page = visitor.get("/login").await;
    page.assert_contains("If it happens again, tell your administrator and quote reference ");
    for cause in ["users", "no such table", "sqlx", "relation"] {
        page.assert_not_contains(cause);
    }
    let script = visitor.fetch("/do/sign_in", &[("username", "x"), ("password", "y")]).await;
    assert_eq!(script.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(script.body.starts_with("{\"internal\":"), "{}", script.body);
}

#[tokio::test]
async fn every_page_is_complete_without_scripts_and_get_and_head_change_nothing() {
    let portal = TestPortal::start().await;
    let (visitor, admin) = (portal.browser(), portal.create_admin("grace").await);
    let before =
        (portal.audit_log().await.len(), portal.outbox().await.len(), portal.email_jobs().await.len());
    let id = portal.user("grace").await.id;
    let user_page = format!("/admin/users/{id}");
    for (browser, pages) in [
        (&visitor, vec!["/", "/login", "/register", "/logout", "/nothing"]),
        (&admin, vec!["/", "/profile", "/logout", "/admin", "/admin/mail", user_page.as_str()]),
    ] {
        for page in pages {
            let response = browser.request(Method::GET, page).await;
            assert!(response.body.contains("<h1"), "{page}");
            assert_eq!(response.body.matches("<main").count(), 1, "{page}");
            assert!(response.body.contains("<title>"), "{page}");
            assert!(!response.body.contains("<template"), "{page} waits for scripts");
            assert_eq!(browser.request(Method::HEAD, page).await.status, response.status, "{page}");
        }
    }
    let after =
        (portal.audit_log().await.len(), portal.outbox().await.len(), portal.email_jobs().await.len());
    assert_eq!(before, after);
}

#[tokio::test]
async fn the_theme_is_remembered_and_applied_immediately() {
    let portal = TestPortal::start().await;
    let browser = portal.browser();
    browser.get("/login").await.assert_not_contains("data-theme");
    let response = browser.post("/do/set_theme", &[("theme", "dark"), ("from", "/register")]).await;
    assert_eq!(response.location(), Some("/register"));
    browser.get("/login").await.assert_contains("data-theme=\"vestibule-dark\"");
    browser.get("/nothing").await.assert_contains("data-theme=\"vestibule-dark\"");
    browser.post("/do/set_theme", &[("theme", "system"), ("from", "//evil.example")]).await;
    browser.get("/login").await.assert_not_contains("data-theme");
}

#[tokio::test]
async fn the_portal_name_and_colour_appear_on_pages_and_in_emails() {
    let settings =
        [("PORTAL_NAME", "Example"), ("PORTAL_ACCENT", "#7a1f5c"), ("PORTAL_HELP", "help@example.org")];
    let portal = TestPortal::with(&settings).await;
    let page = portal.register("ada").await.get("/login").await;
    page.assert_contains("<title>Sign in – Example</title>");
    page.assert_contains("href=\"/accent.css\"");
    page.assert_contains("href=\"mailto:help@example.org\"");
    portal.browser().get("/accent.css").await.assert_contains("--color-primary:#7a1f5c");
    let email = portal.email_to("ada").await;
    assert_eq!(email.subject, "Confirm your email address for Example");
    assert!(email.text.contains("Help: help@example.org"));
}

#[tokio::test]
async fn the_font_is_cached_for_a_year_under_a_name_that_contains_its_hash() {
    let mut portal = TestPortal::start().await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    portal.router = router(&portal.backend, &Assets::unbuilt(&root.join("public")));
    let page = portal.browser().get("/login").await.body;
    let (_, rest) = page.split_once("<link rel=\"preload\" href=\"").expect("the page loads the font early");
    let url = rest.split('"').next().unwrap_or_default();
    let font = std::fs::read(root.join("public").join(url.trim_start_matches('/'))).expect("the font exists");
    let hash = HEXLOWER.encode(&Sha256::digest(&font));
    assert!(url.ends_with(&format!(".{}.woff2", &hash[..16])), "{url} of a file with the hash {hash}");
    let stylesheet = std::fs::read_to_string(root.join("style/main.css")).expect("the stylesheet exists");
    assert!(stylesheet.contains(&format!("url(\"{url}\")")), "the stylesheet uses {url}");
    let response = portal.browser().get(url).await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(header(&response, "cache-control"), "public, max-age=31536000, immutable");
    let favicon = portal.browser().get("/favicon.svg").await;
    assert_eq!(header(&favicon, "cache-control"), "public, max-age=3600", "its name never changes");
    assert_eq!(header(&portal.browser().get("/fonts/none.woff2").await, "cache-control"), "no-store");
}

#[tokio::test]
async fn public_pages_have_a_description_for_search_engines() {
    let portal = TestPortal::with(&[("PORTAL_NAME", "Example & Co.")]).await;
    for path in ["/", "/login", "/register", "/reset-password"] {
        let page = portal.browser().get(path).await.body;
        let (_, rest) = page.split_once("<meta name=\"description\" content=\"").expect(path);
        let description = rest.split('"').next().unwrap_or_default();
        assert!(description.contains("Example &amp; Co"), "{path}: {description}");
        assert!((30..=160).contains(&description.len()), "{path}: {description}");
    }
}

#[tokio::test]
async fn head_and_prefetch_neither_start_nor_finish_a_sign_in_with_microsoft() {
    let id = "11111111-1111-1111-1111-111111111111";
    let settings = [("CLIENT_ID", id), ("CLIENT_SECRET", "the value of a secret"), ("TENANT_ID", id)];
    let portal = TestPortal::with(&settings).await;
    let send = |method: Method, path: &'static str, header: Option<(&'static str, &'static str)>| {
        let mut request = Request::builder().method(method).uri(path).header(ACCEPT, "text/html");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let browser = portal.browser();
        async move { browser.send(request.body(Body::empty()).expect("a request")).await }
    };
    for path in ["/ms-login", "/auth/redirect?state=x&code=y", "/ms-logout"] {
        let head = send(Method::HEAD, path, None).await;
        assert_eq!(head.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(header(&head, "allow"), "GET", "{path}");
        let form = portal.browser().post(path, &[]).await;
        assert_eq!((form.status, header(&form, "allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET"), "{path}");
        for purpose in ["prefetch", "prefetch;prerender"] {
            let prefetch = send(Method::GET, path, Some(("sec-purpose", purpose))).await;
            assert_eq!(prefetch.status, StatusCode::FORBIDDEN, "{path} {purpose}");
            assert_eq!(header(&prefetch, "cache-control"), "no-store", "{path} {purpose}");
        }
        assert_eq!(send(Method::GET, path, None).await.status, StatusCode::FOUND, "{path}");
    }
}
