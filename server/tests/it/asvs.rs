//! OWASP ASVS requirements for every response: typed text becomes neither SQL nor markup, and browsers cannot misread
//! headers, content types and files. docs/contribute/asvs.md names the requirements.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::header::{ACCEPT, ORIGIN};
use axum::http::{Method, Request, StatusCode};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use url::form_urlencoded::byte_serialize;

use crate::support::{Browser, PASSWORD, ReceivedEmail, Response, TestPortal};
use app::api::action_result::ActionResult;
use backend::accounts::password_reset::job;
use backend::entity::{outbox, user, user_token};
use domain::status::{Role, Status};

/// Returns a header as text, or an empty text without the header.
pub fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Returns the temporary password in an email, which is the indented line.
pub fn temporary_password(email: &ReceivedEmail) -> String {
    let line = email.text.lines().find(|line| line.starts_with("    ")).expect("the mail has a secret");
    line.trim().to_owned()
}

/// Signs in with a temporary password. The session is restricted to choosing a new password.
pub async fn restricted_browser(portal: &TestPortal, name: &str) -> Browser {
    let email = format!("{name}@example.org");
    portal.browser().post("/do/ask_reset", &[("email", email.as_str())]).await;
    let temporary = temporary_password(&portal.email_to(name).await);
    let browser = portal.browser();
    assert_eq!(browser.sign_in(name, &temporary).await.location(), Some("/change-password"), "{name}");
    browser
}

/// Returns the folder that the portal serves files from.
fn site(portal: &TestPortal) -> PathBuf {
    portal.email_folder().parent().expect("mails lie in the portal's folder").to_owned()
}

fn write(folder: &Path, name: &str, content: &str) {
    let file = folder.join(name);
    std::fs::create_dir_all(file.parent().expect("it lies in a folder")).expect("the folder is there");
    std::fs::write(file, content).expect("the file is written");
}

const SQL: [&str; 6] = [
    "' OR '1'='1",
    "'; DROP TABLE users; --",
    "\" OR \"\"=\"",
    "x' UNION SELECT password_hash FROM users --",
    "%' OR 1=1 /*",
    "\\'; DELETE FROM users WHERE 1=1; --",
];

async fn all_users(portal: &TestPortal) -> Vec<user::Model> {
    user::Entity::find().all(portal.backend.db.pool()).await.expect("reads")
}

/// Sends a form and asserts that it is refused with an error code.
async fn assert_refused(browser: &Browser, action: &str, fields: &[(&str, &str)]) {
    let response = browser.fetch(&format!("/do/{action}"), fields).await;
    assert_eq!(response.status, StatusCode::OK, "{action} {fields:?}: {}", response.body);
    let outcome = response.action_result();
    assert!(matches!(outcome, ActionResult::Refused(_)), "{action} {fields:?}: {outcome:?}");
}

#[tokio::test]
async fn sql_in_form_fields_is_treated_as_text() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let before = all_users(&portal).await;
    let visitor = portal.browser();
    for sql in SQL {
        let (name, address) = (format!("grace{sql}"), format!("grace@example.org{sql}"));
        let new = [("username", sql), ("email", sql), ("password", PASSWORD), ("confirm_password", PASSWORD)];
        let forms: [(&str, &[(&str, &str)]); 11] = [
            ("sign_in", &[("username", sql), ("password", PASSWORD)]),
            ("sign_in", &[("username", &name), ("password", PASSWORD)]),
            ("sign_in", &[("username", &address), ("password", PASSWORD)]),
            ("sign_in", &[("username", "grace"), ("password", sql)]),
            ("register", &new),
            ("ask_reset", &[("email", sql)]),
            ("confirm_address", &[("token", sql), ("password", sql)]),
            ("use_sign_in_link", &[("token", sql), ("password", sql)]),
            ("change_address", &[("token", sql), ("password", sql)]),
            ("undo_address_change", &[("token", sql)]),
            ("keep_account", &[("token", sql)]),
        ];
        for (action, fields) in forms {
            assert_refused(&visitor, action, fields).await;
        }
        let forms: [(&str, &[(&str, &str)]); 5] = [
            ("decide", &[("id", sql), ("decision", "deactivate"), ("stay", sql)]),
            ("decide", &[("id", "1"), ("decision", sql)]),
            ("resend_mail", &[("id", sql)]),
            ("end_session", &[("handle", sql)]),
            ("ask_address_change", &[("email", sql), ("current_password", PASSWORD)]),
        ];
        for (action, fields) in forms {
            assert_refused(&admin, action, fields).await;
        }
        let text: String = byte_serialize(sql.as_bytes()).collect();
        let users_page = admin.get(&format!("/admin?after={text}&waiting={text}")).await;
        assert_eq!(users_page.status, StatusCode::OK, "{sql}");
        assert_eq!(admin.get(&format!("/admin/users/{text}")).await.status, StatusCode::NOT_FOUND, "{sql}");
    }
    assert!(!visitor.is_signed_in().await && admin.is_signed_in().await);
    assert_eq!(all_users(&portal).await, before);
}

#[tokio::test]
async fn sql_in_a_valid_email_address_matches_no_other_account() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let address = "'or'1'='1'--@example.org";
    let browser = portal.browser();
    assert_eq!(browser.register("sam", address, PASSWORD).await.location(), Some("/login"));
    assert_eq!(portal.user("sam").await.email, address);
    browser.post("/do/ask_reset", &[("email", address)]).await;
    while job::process_batch(&portal.backend).await.expect("works") {}
    let tokens = user_token::Entity::find()
        .filter(user_token::Column::Purpose.eq("temporary_password"))
        .all(portal.backend.db.pool())
        .await
        .expect("reads");
    assert!(tokens.is_empty(), "{tokens:?}");
    assert_refused(&browser, "sign_in", &[("username", address), ("password", PASSWORD)]).await;
}

#[tokio::test]
async fn text_from_visitors_is_escaped_on_every_page() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let id = portal.create_user("ada", Status::Active, Role::Member).await.id;
    let mut browser = portal.browser();
    browser.user_agent = String::from("<b>x</b> Firefox/1 Linux");
    assert_eq!(browser.sign_in("ada", PASSWORD).await.location(), Some("/profile"));
    portal.register("bob").await;
    portal.deliver_emails().await;
    // Our forms accept none of these, but a database that another program filled may contain them.
    user::Entity::update_many()
        .col_expr(user::Column::Username, Expr::value("<b>x</b>\"'&lt;"))
        .col_expr(user::Column::Email, Expr::value("<i>y</i>\"'@example.org"))
        .filter(user::Column::Id.eq(id))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    outbox::Entity::update_many()
        .col_expr(outbox::Column::State, Expr::value("failed"))
        .col_expr(outbox::Column::Recipient, Expr::value("<i>y</i>\"'@example.org"))
        .col_expr(outbox::Column::LastError, Expr::value("550 <u>z</u><script>alert(1)</script>"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    let user_pages = ["/", "/profile", "/profile/address", "/profile/delete", "/change-password", "/logout"];
    let admin_pages = [
        "/admin".to_owned(),
        "/admin/mail".to_owned(),
        format!("/admin/users/{id}"),
        format!("/admin/deactivate/{id}"),
        format!("/admin/approve/{id}"),
    ];
    let pages = user_pages.iter().map(|page| (&browser, *page));
    for (browser, page) in pages.chain(admin_pages.iter().map(|page| (&admin, page.as_str()))) {
        let response = browser.get(page).await;
        assert_eq!(response.status, StatusCode::OK, "{page}");
        for markup in ["<b>x", "<i>y", "<u>z", "<script>alert"] {
            response.assert_not_contains(markup);
        }
        assert!(
            response.body.contains("&lt;b") || response.body.contains("&lt;i"),
            "{page} shows the name or address"
        );
    }
    let page = browser.get("/profile").await;
    page.assert_contains("Firefox on Linux");
    assert!(admin.get("/admin/mail").await.body.contains("550 &lt;u"));
}

#[tokio::test]
async fn the_logo_is_sandboxed() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, kind) in [("mark.svg", "image/svg+xml"), ("mark.png", "image/png")] {
        write(
            folder.path(),
            name,
            "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>",
        );
        let logo = folder.path().join(name).to_string_lossy().into_owned();
        let portal = TestPortal::with(&[("PORTAL_LOGO", logo.as_str())]).await;
        let response = portal.browser().get("/logo").await;
        assert_eq!(response.status, StatusCode::OK);
        assert!(header(&response, "content-type").starts_with(kind), "{name}");
        assert_eq!(header(&response, "content-security-policy"), "default-src 'none'; sandbox");
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        assert_eq!(header(&response, "cross-origin-resource-policy"), "same-origin");
        portal.browser().get("/login").await.assert_contains("\"/logo\"");
    }
    assert_eq!(TestPortal::start().await.browser().get("/logo").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn no_response_can_be_read_by_another_origin() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    for path in [
        "/",
        "/login",
        "/profile",
        "/profile/data.json",
        "/admin",
        "/do/sign_in",
        "/healthz",
        "/readyz",
        "/nothing",
        "/pkg/nothing.js",
    ] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let request = Request::builder()
                .method(method.clone())
                .uri(path)
                .header(ACCEPT, "text/html")
                .header(ORIGIN, "https://evil.example")
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "content-type");
            let response = admin.send(request.body(Body::empty()).expect("a request")).await;
            let allows = response.headers.keys().any(|name| name.as_str().starts_with("access-control-"));
            assert!(!allows, "{method} {path}: {:?}", response.headers);
            assert_eq!(header(&response, "cross-origin-resource-policy"), "same-origin", "{method} {path}");
        }
    }
    assert!(admin.is_signed_in().await);
}

#[tokio::test]
async fn every_response_over_https_has_hsts() {
    let settings =
        [("LEPTOS_ENV", "PROD"), ("PUBLIC_URL", "https://portal.test"), ("MAIL_TRANSPORT", "file")];
    let portal = TestPortal::with(&settings).await;
    write(&site(&portal), "seen.txt", "seen");
    let browser = portal.browser();
    let big = "a".repeat(20_000);
    let wrong = [("username", "nobody"), ("password", PASSWORD)];
    let request_with_header = |name: &'static str, value: &'static str| {
        let request = Request::post("/do/sign_in").header(ACCEPT, "text/html").header(name, value);
        browser.send(request.body(Body::empty()).expect("a request"))
    };
    let responses = [
        (StatusCode::OK, browser.get("/login").await),
        (StatusCode::OK, browser.get("/seen.txt").await),
        (StatusCode::OK, browser.get("/healthz").await),
        (StatusCode::OK, browser.get("/readyz").await),
        (StatusCode::OK, browser.fetch("/do/sign_in", &wrong).await),
        (StatusCode::FOUND, browser.get("/profile").await),
        (StatusCode::FOUND, browser.post("/do/sign_in", &wrong).await),
        (StatusCode::FORBIDDEN, request_with_header("origin", "https://evil.example").await),
        (StatusCode::NOT_FOUND, browser.get("/nothing").await),
        (StatusCode::METHOD_NOT_ALLOWED, browser.get("/do/sign_in").await),
        (StatusCode::PAYLOAD_TOO_LARGE, browser.post("/do/sign_in", &[("username", &big)]).await),
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, request_with_header("content-type", "text/plain").await),
        (StatusCode::MISDIRECTED_REQUEST, request_with_header("host", "evil.example").await),
    ];
    for (status, response) in &responses {
        assert_eq!(response.status, *status, "{}", response.text());
        let age = header(response, "strict-transport-security").strip_prefix("max-age=").unwrap_or_default();
        let age: u64 = age.split(';').next().and_then(|age| age.parse().ok()).unwrap_or(0);
        assert!(age >= 31_536_000, "{status}: {:?}", response.headers);
    }
}

#[tokio::test]
async fn every_text_response_names_its_charset() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "mark.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    let logo = folder.path().join("mark.svg").to_string_lossy().into_owned();
    let portal = TestPortal::with(&[("PORTAL_ACCENT", "#7a1f5c"), ("PORTAL_LOGO", logo.as_str())]).await;
    let site = site(&portal);
    for name in ["robots.txt", "a.css", "a.js", "a.svg", "a.html", "pkg/a.css", "pkg/a.js", "pkg/a.d.ts"] {
        write(&site, name, "\u{e4}");
    }
    for (path, kind) in [
        ("/login", "text/html"),
        ("/nothing", "text/html"),
        ("/healthz", "text/plain"),
        ("/accent.css", "text/css"),
        ("/logo", "image/svg+xml"),
        ("/robots.txt", "text/plain"),
        ("/a.css", "text/css"),
        ("/a.js", "text/javascript"),
        ("/a.svg", "image/svg+xml"),
        ("/a.html", "text/html"),
        ("/pkg/a.css", "text/css"),
        ("/pkg/a.js", "text/javascript"),
    ] {
        let response = portal.browser().get(path).await;
        let named = header(&response, "content-type").to_ascii_lowercase().replace(' ', "");
        assert_eq!(named, format!("{kind};charset=utf-8"), "{path}");
    }
    // A content type chosen by the file extension only would be a video for TypeScript.
    let response = portal.browser().get("/pkg/a.d.ts").await;
    assert!(!header(&response, "content-type").starts_with("video/"), "{:?}", response.headers);
}

#[tokio::test]
async fn hidden_files_are_not_found() {
    let portal = TestPortal::start().await;
    let (site, browser) = (site(&portal), portal.browser());
    for name in ["seen.txt", "pkg/seen.js"] {
        write(&site, name, "canary");
        browser.get(&format!("/{name}")).await.assert_contains("canary");
    }
    for name in [".git/HEAD", ".env", "pkg/.hidden", "pkg/.git/config", "fonts/.DS_Store"] {
        write(&site, name, "canary");
        let response = browser.get(&format!("/{name}")).await;
        assert_eq!(response.status, StatusCode::NOT_FOUND, "{name}");
        response.assert_not_contains("canary");
    }
    for path in ["/.git", "/.git/", "/pkg/.git/", "/.well-known/../.env"] {
        assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let response = browser.get("/.well-known/change-password").await;
    assert_eq!(response.location(), Some("/change-password"));
}

#[test]
fn no_dependency_implements_an_insecure_cipher() {
    let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock"));
    let lock = lock.expect("Cargo.lock can be read");
    let crates: BTreeSet<&str> = lock
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"").and_then(|rest| rest.strip_suffix('"')))
        .collect();
    for insecure in [
        "blowfish", "cast5", "cbc", "cfb-mode", "cfb8", "des", "ecb-mode", "idea", "ige", "magma", "ofb",
        "pcbc", "rc2", "rc4", "rc5",
    ] {
        assert!(!crates.contains(insecure), "{insecure} is in Cargo.lock");
    }
    for used in ["aes-gcm", "argon2", "chacha20poly1305", "hkdf", "sha2"] {
        assert!(crates.contains(used), "{used} is gone: docs/contribute/asvs.md and this test speak of it");
    }
}
