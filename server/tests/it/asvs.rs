//! What the OWASP ASVS asks of every answer, whatever it is about: nothing typed becomes SQL or markup, and headers,
//! types and files keep browsers from reading anything as what it is not. docs/asvs.md names the requirements.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use app::backend::entity::{outbox, user, user_token};
use app::backend::mail::resets;
use app::domain::answer::Outcome;
use app::domain::status::{Role, Status};
use axum::body::Body;
use axum::http::header::{ACCEPT, ORIGIN};
use axum::http::{Method, Request, StatusCode};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use url::form_urlencoded::byte_serialize;

use crate::support::{Browser, Mail, PASSWORD, Portal, Reply};

/// A header as text; empty where there is none.
pub fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    reply.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The secret in a mail: the line that is indented.
pub fn temporary_password(mail: &Mail) -> String {
    let line = mail.text.lines().find(|line| line.starts_with("    ")).expect("the mail has a secret");
    line.trim().to_owned()
}

/// Somebody who has come in by a temporary password, and has to choose a new one before anything else.
pub async fn must_change(portal: &Portal, name: &str) -> Browser {
    let email = format!("{name}@example.org");
    portal.browser().post("/do/ask_reset", &[("email", email.as_str())]).await;
    let temporary = temporary_password(&portal.mail_to(name).await);
    let browser = portal.browser();
    assert_eq!(browser.sign_in(name, &temporary).await.location(), Some("/change-password"), "{name}");
    browser
}

/// The folder that the portal serves files from.
fn site(portal: &Portal) -> PathBuf {
    portal.mail_folder().parent().expect("mails lie in the portal's folder").to_owned()
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

async fn people(portal: &Portal) -> Vec<user::Model> {
    user::Entity::find().all(portal.backend.db.pool()).await.expect("reads")
}

/// Sends a form, which has to be refused in words.
async fn refuses(browser: &Browser, action: &str, fields: &[(&str, &str)]) {
    let reply = browser.script(&format!("/do/{action}"), fields).await;
    assert_eq!(reply.status, StatusCode::OK, "{action} {fields:?}: {}", reply.body);
    let outcome = reply.outcome();
    assert!(matches!(outcome, Outcome::Refused(_)), "{action} {fields:?}: {outcome:?}");
}

#[tokio::test]
async fn sql_in_what_is_typed_stays_text() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    portal.person("ada", Status::Active, Role::Member).await;
    let before = people(&portal).await;
    let stranger = portal.browser();
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
            refuses(&stranger, action, fields).await;
        }
        let forms: [(&str, &[(&str, &str)]); 5] = [
            ("decide", &[("id", sql), ("decision", "deactivate"), ("stay", sql)]),
            ("decide", &[("id", "1"), ("decision", sql)]),
            ("resend_mail", &[("id", sql)]),
            ("end_session", &[("handle", sql)]),
            ("ask_address_change", &[("email", sql), ("current_password", PASSWORD)]),
        ];
        for (action, fields) in forms {
            refuses(&admin, action, fields).await;
        }
        let text: String = byte_serialize(sql.as_bytes()).collect();
        let desk = admin.get(&format!("/admin?after={text}&waiting={text}")).await;
        assert_eq!(desk.status, StatusCode::OK, "{sql}");
        assert_eq!(admin.get(&format!("/admin/users/{text}")).await.status, StatusCode::NOT_FOUND, "{sql}");
    }
    assert!(!stranger.is_signed_in().await && admin.is_signed_in().await);
    assert_eq!(people(&portal).await, before);
}

#[tokio::test]
async fn sql_in_a_valid_address_finds_nobody_else() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let address = "'or'1'='1'--@example.org";
    let browser = portal.browser();
    assert_eq!(browser.register("sam", address, PASSWORD).await.location(), Some("/login"));
    assert_eq!(portal.user("sam").await.email, address);
    browser.post("/do/ask_reset", &[("email", address)]).await;
    while resets::work_batch(&portal.backend).await.expect("works") {}
    let tokens = user_token::Entity::find()
        .filter(user_token::Column::Purpose.eq("temporary_password"))
        .all(portal.backend.db.pool())
        .await
        .expect("reads");
    assert!(tokens.is_empty(), "{tokens:?}");
    refuses(&browser, "sign_in", &[("username", address), ("password", PASSWORD)]).await;
}

#[tokio::test]
async fn what_strangers_send_is_shown_as_text() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    let id = portal.person("ada", Status::Active, Role::Member).await.id;
    let mut browser = portal.browser();
    browser.agent = String::from("<b>x</b> Firefox/1 Linux");
    assert_eq!(browser.sign_in("ada", PASSWORD).await.location(), Some("/profile"));
    portal.register("bob").await;
    portal.mails().await;
    // Our forms take none of these; a database that was filled by others may have them.
    user::Entity::update_many()
        .col_expr(user::Column::Username, Expr::value("<b>x</b>\"'&lt;"))
        .col_expr(user::Column::Email, Expr::value("<i>y</i>\"'@example.org"))
        .filter(user::Column::Id.eq(id))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    outbox::Entity::update_many()
        .col_expr(outbox::Column::Status, Expr::value("given_up"))
        .col_expr(outbox::Column::Recipient, Expr::value("<i>y</i>\"'@example.org"))
        .col_expr(outbox::Column::LastError, Expr::value("550 <u>z</u><script>alert(1)</script>"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    let own = ["/", "/profile", "/profile/address", "/profile/delete", "/change-password", "/logout"];
    let of_the_desk = [
        "/admin".to_owned(),
        "/admin/mail".to_owned(),
        format!("/admin/users/{id}"),
        format!("/admin/deactivate/{id}"),
        format!("/admin/approve/{id}"),
    ];
    let pages = own.iter().map(|page| (&browser, *page));
    for (browser, page) in pages.chain(of_the_desk.iter().map(|page| (&admin, page.as_str()))) {
        let reply = browser.get(page).await;
        assert_eq!(reply.status, StatusCode::OK, "{page}");
        for markup in ["<b>x", "<i>y", "<u>z", "<script>alert"] {
            reply.does_not_say(markup);
        }
        assert!(
            reply.body.contains("&lt;b") || reply.body.contains("&lt;i"),
            "{page} shows the name or address"
        );
    }
    let page = browser.get("/profile").await;
    page.says("Firefox on Linux");
    assert!(admin.get("/admin/mail").await.body.contains("550 &lt;u"));
}

#[tokio::test]
async fn the_organisations_mark_is_sandboxed() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, kind) in [("mark.svg", "image/svg+xml"), ("mark.png", "image/png")] {
        write(
            folder.path(),
            name,
            "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>",
        );
        let mark = folder.path().join(name).to_string_lossy().into_owned();
        let portal = Portal::with(&[("PORTAL_LOGO", mark.as_str())]).await;
        let reply = portal.browser().get("/logo").await;
        assert_eq!(reply.status, StatusCode::OK);
        assert!(header(&reply, "content-type").starts_with(kind), "{name}");
        assert_eq!(header(&reply, "content-security-policy"), "default-src 'none'; sandbox");
        assert_eq!(header(&reply, "x-content-type-options"), "nosniff");
        assert_eq!(header(&reply, "cross-origin-resource-policy"), "same-origin");
        portal.browser().get("/login").await.says("\"/logo\"");
    }
    assert_eq!(Portal::start().await.browser().get("/logo").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn no_answer_lets_another_origin_read_it() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
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
            let reply = admin.send(request.body(Body::empty()).expect("a request")).await;
            let allows = reply.headers.keys().any(|name| name.as_str().starts_with("access-control-"));
            assert!(!allows, "{method} {path}: {:?}", reply.headers);
            assert_eq!(header(&reply, "cross-origin-resource-policy"), "same-origin", "{method} {path}");
        }
    }
    assert!(admin.is_signed_in().await);
}

#[tokio::test]
async fn every_answer_over_https_carries_hsts() {
    let settings =
        [("LEPTOS_ENV", "PROD"), ("PUBLIC_URL", "https://portal.test"), ("MAIL_TRANSPORT", "file")];
    let portal = Portal::with(&settings).await;
    write(&site(&portal), "seen.txt", "seen");
    let browser = portal.browser();
    let big = "a".repeat(20_000);
    let wrong = [("username", "nobody"), ("password", PASSWORD)];
    let ask = |name: &'static str, value: &'static str| {
        let request = Request::post("/do/sign_in").header(ACCEPT, "text/html").header(name, value);
        browser.send(request.body(Body::empty()).expect("a request"))
    };
    let replies = [
        (StatusCode::OK, browser.get("/login").await),
        (StatusCode::OK, browser.get("/seen.txt").await),
        (StatusCode::OK, browser.get("/healthz").await),
        (StatusCode::OK, browser.get("/readyz").await),
        (StatusCode::OK, browser.script("/do/sign_in", &wrong).await),
        (StatusCode::FOUND, browser.get("/profile").await),
        (StatusCode::FOUND, browser.post("/do/sign_in", &wrong).await),
        (StatusCode::FORBIDDEN, ask("origin", "https://evil.example").await),
        (StatusCode::NOT_FOUND, browser.get("/nothing").await),
        (StatusCode::METHOD_NOT_ALLOWED, browser.get("/do/sign_in").await),
        (StatusCode::PAYLOAD_TOO_LARGE, browser.post("/do/sign_in", &[("username", &big)]).await),
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, ask("content-type", "text/plain").await),
        (StatusCode::MISDIRECTED_REQUEST, ask("host", "evil.example").await),
    ];
    for (status, reply) in &replies {
        assert_eq!(reply.status, *status, "{}", reply.text());
        let age = header(reply, "strict-transport-security").strip_prefix("max-age=").unwrap_or_default();
        let age: u64 = age.split(';').next().and_then(|age| age.parse().ok()).unwrap_or(0);
        assert!(age >= 31_536_000, "{status}: {:?}", reply.headers);
    }
}

#[tokio::test]
async fn every_text_names_its_charset() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "mark.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    let mark = folder.path().join("mark.svg").to_string_lossy().into_owned();
    let portal = Portal::with(&[("PORTAL_ACCENT", "#7a1f5c"), ("PORTAL_LOGO", mark.as_str())]).await;
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
        let reply = portal.browser().get(path).await;
        let named = header(&reply, "content-type").to_ascii_lowercase().replace(' ', "");
        assert_eq!(named, format!("{kind};charset=utf-8"), "{path}");
    }
    // What goes by the end of the name alone takes TypeScript for a video.
    let reply = portal.browser().get("/pkg/a.d.ts").await;
    assert!(!header(&reply, "content-type").starts_with("video/"), "{:?}", reply.headers);
}

#[tokio::test]
async fn hidden_files_are_not_found() {
    let portal = Portal::start().await;
    let (site, browser) = (site(&portal), portal.browser());
    for name in ["seen.txt", "pkg/seen.js"] {
        write(&site, name, "canary");
        browser.get(&format!("/{name}")).await.says("canary");
    }
    for name in [".git/HEAD", ".env", "pkg/.hidden", "pkg/.git/config", "fonts/.DS_Store"] {
        write(&site, name, "canary");
        let reply = browser.get(&format!("/{name}")).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{name}");
        reply.does_not_say("canary");
    }
    for path in ["/.git", "/.git/", "/pkg/.git/", "/.well-known/../.env"] {
        assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let reply = browser.get("/.well-known/change-password").await;
    assert_eq!(reply.location(), Some("/change-password"));
}

#[test]
fn no_crate_of_an_insecure_cipher_comes_in() {
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
        assert!(crates.contains(used), "{used} is gone: docs/asvs.md and this test speak of it");
    }
}
