//! The server's manners: headers, hosts, health, caching, and every page of the route table.

use std::time::Duration;

use app::backend::Backend;
use app::backend::tasks::Task;
use app::domain::answer::Outcome;
use app::domain::problem::Problem;
use axum::body::Body;
use axum::http::header::{ACCEPT, HOST};
use axum::http::{Method, Request, StatusCode};
use sea_orm::ConnectionTrait;

use crate::support::{Portal, Reply};

fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    reply.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let portal = Portal::start().await;
    let browser = portal.admin("grace").await;
    for path in ["/", "/login", "/profile", "/admin", "/nothing", "/healthz", "/do/sign_in", "/pkg/nothing"] {
        let reply = browser.get(path).await;
        let policy = header(&reply, "content-security-policy");
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
        assert_eq!(header(&reply, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header(&reply, "referrer-policy"), "same-origin", "{path}");
        assert_eq!(header(&reply, "cross-origin-opener-policy"), "same-origin", "{path}");
        assert_eq!(header(&reply, "strict-transport-security"), "", "{path}");
    }
}

#[tokio::test]
async fn html_is_never_stored_and_every_nonce_is_new() {
    let portal = Portal::start().await;
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
async fn https_brings_hsts_and_host_bound_cookies() {
    let portal = Portal::with(&[("PUBLIC_URL", "https://portal.test")]).await;
    let reply = portal.browser().get("/login").await;
    assert_eq!(header(&reply, "strict-transport-security"), "max-age=63072000");
    let reply = portal.browser().register("a", "b", "c").await;
    let cookies = reply.cookies();
    assert!(
        cookies.iter().all(|c| c.starts_with("__Host-") && c.contains("Secure") && c.contains("HttpOnly")),
        "{cookies:?}"
    );
}

#[tokio::test]
async fn in_production_another_host_is_misdirected() {
    let settings =
        [("LEPTOS_ENV", "PROD"), ("PUBLIC_URL", "https://portal.test"), ("MAIL_TRANSPORT", "file")];
    let portal = Portal::with(&settings).await;
    let ask = |host: &'static str, path: &'static str| {
        let browser = portal.browser();
        let request = Request::get(path).header(HOST, host).header(ACCEPT, "text/html").body(Body::empty());
        async move { browser.send(request.expect("a request")).await }
    };
    assert_eq!(ask("portal.test", "/login").await.status, StatusCode::OK);
    let reply = ask("evil.example", "/login").await;
    assert_eq!(reply.status, StatusCode::MISDIRECTED_REQUEST);
    reply.says("You came by another name");
    for path in ["/healthz", "/readyz"] {
        assert_eq!(ask("10.0.0.7", path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(ask("portal.test", "/dev/mail").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn dev_mail_is_for_loopback_alone() {
    use axum::extract::ConnectInfo;
    use std::net::SocketAddr;
    let portal = Portal::start().await;
    portal.register("ada").await;
    portal.mails().await;
    let ask = |peer: &'static str, host: &'static str, extra: Option<&'static str>| {
        let mut request = Request::get("/dev/mail").header(HOST, host);
        if let Some(name) = extra {
            request = request.header(name, "127.0.0.1");
        }
        let mut request = request.body(Body::empty()).expect("a request");
        request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer.parse().expect("an address")));
        let browser = portal.browser();
        async move { browser.send(request).await }
    };
    let page = ask("127.0.0.1:4000", "localhost:3000", None).await;
    assert_eq!(page.status, StatusCode::OK);
    page.says("Confirm your address for Vestibule");
    for (peer, host, extra) in [
        ("192.0.2.1:4000", "localhost:3000", None),
        ("127.0.0.1:4000", "portal.test", None),
        ("127.0.0.1:4000", "localhost:3000", Some("x-forwarded-for")),
        ("127.0.0.1:4000", "localhost:3000", Some("forwarded")),
    ] {
        assert_eq!(ask(peer, host, extra).await.status, StatusCode::NOT_FOUND, "{peer} {host} {extra:?}");
    }
}

#[tokio::test]
async fn health_and_readiness_answer() {
    let portal = Portal::start().await;
    assert_eq!(portal.browser().get("/healthz").await.body, "ok\n");
    let ready = portal.browser().get("/readyz").await;
    assert_eq!(ready.status, StatusCode::OK);
    ready.says("\"ready\":true");
    ready.says("\"email\":\"up\"");
    portal.backend.tasks.note_stop(Task::SendEmails);
    portal.browser().get("/readyz").await.says("\"email\":\"up\"");
    portal.later(Duration::from_secs(1));
    let restarting = portal.browser().get("/readyz").await;
    assert_eq!(restarting.status, StatusCode::OK, "nobody needs it to sign in");
    restarting.says("\"email\":\"restarting\"");
    portal.backend.tasks.note_restart(Task::SendEmails);
    portal.later(Duration::from_secs(1));
    portal.browser().get("/readyz").await.says("\"email\":\"up\"");
    portal.later(Duration::from_secs(1));
    let closed: &Backend = &portal.backend;
    closed.db.pool().clone().close().await.expect("closes");
    let reply = portal.browser().get("/readyz").await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    reply.says("\"database\":\"down\"");
    assert_eq!(portal.browser().get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn without_its_database_the_portal_says_so_and_when_to_come_again() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    portal.backend.db.pool().clone().close().await.expect("closes");
    let stranger = portal.browser();
    let plain = [("username", "grace"), ("password", crate::support::PASSWORD)];
    for reply in [admin.get("/profile").await, stranger.post("/do/sign_in", &plain).await] {
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(reply.headers["retry-after"], "5");
        reply.says("The portal can't answer right now");
        reply.does_not_say("sqlx");
    }
    let form = stranger.get("/login").await;
    form.says("The portal can't answer right now. Nothing was changed.");
    assert!(form.body.contains("value=\"grace\""), "what was typed waits on its page");
    let script = stranger.script("/do/sign_in", &plain).await;
    assert_eq!(script.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(script.outcome(), Outcome::Refused(Problem::Busy(5).into()));
}

#[tokio::test]
async fn a_fault_of_ours_is_told_by_its_reference_alone() {
    let portal = Portal::start().await;
    let db = portal.backend.db.pool();
    db.execute_unprepared("ALTER TABLE users RENAME TO elsewhere").await.expect("renames");
    let stranger = portal.browser();
    stranger.sign_in("grace", crate::support::PASSWORD).await;
    let page = stranger.get("/login").await;
    page.says("Something went wrong on our side, and nothing was changed. Reference ");
    for cause in ["users", "no such table", "sqlx", "relation"] {
        page.does_not_say(cause);
    }
    let script = stranger.script("/do/sign_in", &[("username", "x"), ("password", "y")]).await;
    assert_eq!(script.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(script.body.starts_with("{\"internal\":"), "{}", script.body);
}

#[tokio::test]
async fn every_page_is_complete_without_scripts_and_get_and_head_change_nothing() {
    let portal = Portal::start().await;
    let (stranger, admin) = (portal.browser(), portal.admin("grace").await);
    let before = (portal.audit().await.len(), portal.outbox().await.len(), portal.jobs().await.len());
    let id = portal.user("grace").await.id;
    let person = format!("/admin/users/{id}");
    for (browser, pages) in [
        (&stranger, vec!["/", "/login", "/register", "/logout", "/nothing"]),
        (&admin, vec!["/", "/profile", "/logout", "/admin", "/admin/mail", person.as_str()]),
    ] {
        for page in pages {
            let reply = browser.ask(Method::GET, page).await;
            assert!(reply.body.contains("<h1"), "{page}");
            assert_eq!(reply.body.matches("<main").count(), 1, "{page}");
            assert!(reply.body.contains("<title>"), "{page}");
            assert!(!reply.body.contains("<template"), "{page} waits for scripts");
            assert_eq!(browser.ask(Method::HEAD, page).await.status, reply.status, "{page}");
        }
    }
    let after = (portal.audit().await.len(), portal.outbox().await.len(), portal.jobs().await.len());
    assert_eq!(before, after);
}

#[tokio::test]
async fn the_theme_is_remembered_and_right_at_once() {
    let portal = Portal::start().await;
    let browser = portal.browser();
    browser.get("/login").await.does_not_say("data-theme");
    let reply = browser.post("/do/set_theme", &[("theme", "dark"), ("from", "/register")]).await;
    assert_eq!(reply.location(), Some("/register"));
    browser.get("/login").await.says("data-theme=\"vestibule-dark\"");
    browser.get("/nothing").await.says("data-theme=\"vestibule-dark\"");
    browser.post("/do/set_theme", &[("theme", "system"), ("from", "//evil.example")]).await;
    browser.get("/login").await.does_not_say("data-theme");
}

#[tokio::test]
async fn the_organisation_puts_its_name_and_colour_on_everything() {
    let settings =
        [("PORTAL_NAME", "Example"), ("PORTAL_ACCENT", "#7a1f5c"), ("PORTAL_HELP", "help@example.org")];
    let portal = Portal::with(&settings).await;
    let page = portal.register("ada").await.get("/login").await;
    page.says("<title>Sign in – Example</title>");
    page.says("href=\"/accent.css\"");
    page.says("href=\"mailto:help@example.org\"");
    portal.browser().get("/accent.css").await.says("--color-primary:#7a1f5c");
    let mail = portal.mail_to("ada").await;
    assert_eq!(mail.subject, "Confirm your address for Example");
    assert!(mail.text.contains("Help: help@example.org"));
}
