//! Access rights: each row of the tables of docs/reference/pages-and-permissions.md is requested as each of its callers, and
//! admin pages and actions are refused to everyone except administrators.

use std::collections::BTreeSet;
use std::path::Path;

use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::asvs::restricted_browser;
use crate::support::{Browser, Response, TestPortal};
use app::api::action_result::ActionResult;
use backend::entity::{outbox, user};
use domain::errors::{ErrorCode, FormErrors};
use domain::status::{AdminAction, Role, Status};

/// The root folder of the repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(ROOT).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The callers, in the order of the columns of the table.
const COLUMNS: [&str; 4] = ["signed out", "password change required", "member", "administrator"];

/// A row of the table: `GET` or `POST`, the path, and the result for each caller.
struct Row {
    method: String,
    path: String,
    cells: Vec<String>,
}

fn rows() -> Vec<Row> {
    let document = read("docs/reference/pages-and-permissions.md");
    let lines = document.lines().filter(|line| line.starts_with("| `GET /") || line.starts_with("| `POST /"));
    let rows = lines.map(|line| {
        let mut cells = line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
        let endpoint = cells.next().unwrap_or_default();
        let (method, path) = endpoint.trim_matches('`').split_once(' ').expect("a method and an address");
        Row { method: method.to_owned(), path: path.to_owned(), cells: cells.collect() }
    });
    rows.collect()
}

/// Returns every page and action that the source code declares, in the notation of the table.
fn declared() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for page in app::pages::PAGES {
        let parts = page.path.split('/').map(|part| match part.strip_prefix(':') {
            Some(name) => format!("{{{name}}}"),
            None => part.to_owned(),
        });
        all.insert(format!("GET {}", parts.collect::<Vec<_>>().join("/")));
    }
    all.extend(leptos::server_fn::axum::server_fn_paths().map(|(path, method)| format!("{method} {path}")));
    all
}

/// Returns the result of a page request, in the terms of the table.
fn page_access(response: &Response) -> &'static str {
    match (response.status, response.location().unwrap_or_default()) {
        (StatusCode::FOUND, to) if to == "/login" || to.starts_with("/login?") => "sign in",
        (StatusCode::FOUND, "/change-password") => "change",
        (StatusCode::FOUND, "/profile") => "profile",
        (StatusCode::FORBIDDEN, _) => "no",
        // An invalid link has a page, too.
        (StatusCode::OK | StatusCode::NOT_FOUND, _) => "yes",
        (status, to) => panic!("{status} {to}: {}", response.text()),
    }
}

/// Returns the result of an action, in the terms of the table. An error about an empty field counts as access.
fn action_access(response: &Response) -> &'static str {
    match response.action_result() {
        ActionResult::Refused(errors) if errors == FormErrors::of(ErrorCode::Forbidden) => "no",
        ActionResult::Refused(errors) if errors == FormErrors::of(ErrorCode::SignedOut) => "sign in",
        ActionResult::Goto(to) if to.starts_with("/login?next=") => "sign in",
        _ => "yes",
    }
}

/// Returns a browser for each caller, signed in where the caller is.
async fn open_browsers(portal: &TestPortal) -> [Browser; 4] {
    [
        portal.browser(),
        restricted_browser(portal, "mia").await,
        portal.signed_in("ada").await,
        portal.signed_in("grace").await,
    ]
}

#[tokio::test]
async fn the_documented_access_rights_are_enforced() {
    let portal = TestPortal::start().await;
    portal.create_admin("grace").await;
    for name in ["mia", "ada"] {
        portal.create_user(name, Status::Active, Role::Member).await;
    }
    let pending_id = portal.create_user("pia", Status::Pending, Role::Member).await.id.to_string();
    let rows = rows();
    let documented: BTreeSet<String> =
        rows.iter().map(|row| format!("{} {}", row.method, row.path)).collect();
    assert_eq!(documented.len(), rows.len(), "no row is there twice");
    let missing: Vec<String> = declared().difference(&documented).cloned().collect();
    assert!(missing.is_empty(), "docs/reference/pages-and-permissions.md has no row for {missing:?}");
    let mut browsers = open_browsers(&portal).await;
    for row in &rows {
        assert_eq!(row.cells.len(), COLUMNS.len(), "{} {}", row.method, row.path);
        let path = row.path.replace("{id}", &pending_id).replace("{decision}", "approve");
        let path = path.replace("{token}", &"A".repeat(43));
        for ((column, browser), expected) in COLUMNS.iter().zip(&browsers).zip(&row.cells) {
            let got = match row.method.as_str() {
                "GET" => page_access(&browser.get(&path).await),
                _ => action_access(&browser.fetch(&path, &[]).await),
            };
            assert_eq!(got, expected, "{} {path} as {column}", row.method);
        }
        if row.path == "/do/sign_out" {
            browsers = open_browsers(&portal).await;
        }
    }
    for browser in &browsers[2..] {
        assert!(browser.is_signed_in().await, "nothing that was called has signed them out");
    }
}

/// Returns the name of a user that the action can be applied to.
fn user_for(action: AdminAction) -> &'static str {
    match action {
        AdminAction::Approve | AdminAction::Reject | AdminAction::Ask => "pia",
        AdminAction::Reconsider => "rita",
        AdminAction::Deactivate | AdminAction::MakeAdmin => "ann",
        AdminAction::Reactivate => "dan",
        AdminAction::RemoveAdmin => "eve",
    }
}

/// Returns everything that admin actions can change.
async fn state(portal: &TestPortal) -> (Vec<user::Model>, Vec<outbox::Model>, usize) {
    let users = user::Entity::find().order_by_asc(user::Column::Id).all(portal.backend.db.pool()).await;
    (users.expect("reads"), portal.outbox().await, portal.audit_log().await.len())
}

#[tokio::test]
async fn only_administrators_can_use_admin_pages_and_actions() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    for (name, status, role) in [
        ("pia", Status::Pending, Role::Member),
        ("rita", Status::Rejected, Role::Member),
        ("ann", Status::Active, Role::Member),
        ("dan", Status::Deactivated, Role::Member),
        ("eve", Status::Active, Role::Admin),
        ("bob", Status::Active, Role::Member),
    ] {
        portal.create_user(name, status, role).await;
    }
    // A restricted session has no administrator rights, even if its user is an administrator.
    let browsers =
        [portal.browser(), portal.signed_in("bob").await, restricted_browser(&portal, "grace").await];
    portal.register("nina").await;
    portal.deliver_emails().await;
    let nina = portal.user("nina").await.id;
    outbox::Entity::update_many()
        .col_expr(outbox::Column::State, Expr::value("failed"))
        .filter(outbox::Column::UserId.eq(nina))
        .filter(outbox::Column::Kind.eq("confirm_email"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    let email_id = portal
        .outbox()
        .await
        .into_iter()
        .find(|row| row.state.known() == Some(outbox::EmailState::Failed))
        .expect("a mail")
        .id
        .to_string();
    let mut pages = vec!["/admin".to_owned(), "/admin/mail".to_owned()];
    let before = state(&portal).await;
    for action in AdminAction::ALL {
        let id = portal.user(user_for(action)).await.id.to_string();
        pages.extend([format!("/admin/users/{id}"), format!("/admin/{}/{id}", action.slug())]);
        for browser in &browsers {
            let fields = [("id", id.as_str()), ("decision", action.slug()), ("from", "/admin")];
            browser.post("/do/decide", &fields).await;
            let response = browser.fetch("/do/decide", &fields).await;
            assert_ne!(action_access(&response), "yes", "{action:?}: {}", response.body);
            let stay = [fields[0], fields[1], ("stay", "yes")];
            let response = browser.fetch("/do/decide", &stay).await;
            assert_ne!(action_access(&response), "yes", "{action:?}: {}", response.body);
            response.assert_not_contains("@example.org");
        }
    }
    for browser in &browsers {
        let fields = [("id", email_id.as_str())];
        browser.post("/do/resend_mail", &fields).await;
        let response = browser.fetch("/do/resend_mail", &fields).await;
        assert_ne!(action_access(&response), "yes", "{}", response.body);
        for page in &pages {
            let response = browser.get(page).await;
            assert_ne!(response.status, StatusCode::OK, "{page}");
            response.assert_not_contains("@example.org");
        }
    }
    assert_eq!(state(&portal).await, before);
    // The same requests succeed for an administrator.
    let id = portal.user("pia").await.id;
    assert_eq!(admin.apply_action("approve", id).await.location(), Some("/admin"));
    assert_eq!(portal.user("pia").await.status, Status::Active);
    admin.post("/do/resend_mail", &[("id", email_id.as_str())]).await;
    admin.get("/admin/mail").await.assert_contains("We'll try to send this email again.");
}
