//! Who may do what: the table of docs/accounts-and-rights.md, called row by row as everybody in it, and nothing of the
//! desk for whoever is no administrator.

use std::collections::BTreeSet;
use std::path::Path;

use app::backend::entity::{outbox, user};
use app::domain::answer::Outcome;
use app::domain::problem::{Problem, Refusal};
use app::domain::status::{Decision, Role, Status};
use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::asvs::must_change;
use crate::support::{Browser, Portal, Reply};

/// The root of the repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(ROOT).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The callers, as the table's columns have them.
const COLUMNS: [&str; 4] = ["stranger", "must change", "member", "administrator"];

/// A row of the table: `GET` or `POST`, the address, and what each caller gets.
struct Row {
    method: String,
    path: String,
    cells: Vec<String>,
}

fn rows() -> Vec<Row> {
    let document = read("docs/accounts-and-rights.md");
    let lines = document.lines().filter(|line| line.starts_with("| `GET /") || line.starts_with("| `POST /"));
    let rows = lines.map(|line| {
        let mut cells = line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
        let what = cells.next().unwrap_or_default();
        let (method, path) = what.trim_matches('`').split_once(' ').expect("a method and an address");
        Row { method: method.to_owned(), path: path.to_owned(), cells: cells.collect() }
    });
    rows.collect()
}

/// What stands between `start` and `end` in a text, each time.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    text.split(start).skip(1).filter_map(|rest| rest.split(end).next()).collect()
}

/// Every page and action that the sources declare, as the table writes them.
fn declared() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for path in between(&read("app/src/pages/mod.rs"), "path!(\"", "\"") {
        let parts = path.split('/').map(|part| match part.strip_prefix(':') {
            Some(name) => format!("{{{name}}}"),
            None => part.to_owned(),
        });
        all.insert(format!("GET {}", parts.collect::<Vec<_>>().join("/")));
    }
    for file in std::fs::read_dir(Path::new(ROOT).join("app/src/api")).expect("the folder can be read") {
        let path = file.expect("an entry").path();
        if path.is_file() {
            let source = read(path);
            all.extend(between(&source, "endpoint = \"", "\"").iter().map(|name| format!("POST /do/{name}")));
        }
    }
    all
}

/// What an answer comes to, in the table's words.
fn verdict(reply: &Reply) -> &'static str {
    match (reply.status, reply.location().unwrap_or_default()) {
        (StatusCode::FOUND, to) if to == "/login" || to.starts_with("/login?") => "sign in",
        (StatusCode::FOUND, "/change-password") => "change",
        (StatusCode::FOUND, "/profile") => "profile",
        (StatusCode::FORBIDDEN, _) => "no",
        // A link that means nothing has a page, too.
        (StatusCode::OK | StatusCode::NOT_FOUND, _) => "yes",
        (status, to) => panic!("{status} {to}: {}", reply.text()),
    }
}

/// The same for the answer of an action: to be refused for what was not filled in is to be let in.
fn verdict_of_action(reply: &Reply) -> &'static str {
    match reply.outcome() {
        Outcome::Refused(refusal) if refusal == Refusal::of(Problem::Forbidden) => "no",
        Outcome::Refused(refusal) if refusal == Refusal::of(Problem::SignedOut) => "sign in",
        Outcome::Goto(to) if to.starts_with("/login?next=") => "sign in",
        _ => "yes",
    }
}

/// Everybody in the table, signed in as far as they can be.
async fn callers(portal: &Portal) -> [Browser; 4] {
    [
        portal.browser(),
        must_change(portal, "mia").await,
        portal.signed_in("ada").await,
        portal.signed_in("grace").await,
    ]
}

#[tokio::test]
async fn the_table_of_rights_is_what_is_enforced() {
    let portal = Portal::start().await;
    portal.admin("grace").await;
    for name in ["mia", "ada"] {
        portal.person(name, Status::Active, Role::Member).await;
    }
    let waiting = portal.person("pia", Status::Pending, Role::Member).await.id.to_string();
    let rows = rows();
    let named: BTreeSet<String> = rows.iter().map(|row| format!("{} {}", row.method, row.path)).collect();
    assert_eq!(named.len(), rows.len(), "no row is there twice");
    let missing: Vec<String> = declared().difference(&named).cloned().collect();
    assert!(missing.is_empty(), "docs/accounts-and-rights.md has no row for {missing:?}");
    let mut people = callers(&portal).await;
    for row in &rows {
        assert_eq!(row.cells.len(), COLUMNS.len(), "{} {}", row.method, row.path);
        let path = row.path.replace("{id}", &waiting).replace("{decision}", "approve");
        let path = path.replace("{token}", &"A".repeat(43));
        for ((who, caller), expected) in COLUMNS.iter().zip(&people).zip(&row.cells) {
            let got = match row.method.as_str() {
                "GET" => verdict(&caller.get(&path).await),
                _ => verdict_of_action(&caller.script(&path, &[]).await),
            };
            assert_eq!(got, expected, "{} {path} as {who}", row.method);
        }
        if row.path == "/do/sign_out" {
            people = callers(&portal).await;
        }
    }
    for caller in &people[2..] {
        assert!(caller.is_signed_in().await, "nothing that was called has signed them out");
    }
}

/// Somebody about whom that can be decided.
fn subject_of(decision: Decision) -> &'static str {
    match decision {
        Decision::Approve | Decision::Reject => "pia",
        Decision::Reconsider => "rita",
        Decision::Deactivate | Decision::MakeAdmin => "ann",
        Decision::Reactivate => "dan",
        Decision::RemoveAdmin => "eve",
    }
}

/// Everything that the desk's actions can change.
async fn state(portal: &Portal) -> (Vec<user::Model>, Vec<outbox::Model>, usize) {
    let users = user::Entity::find().order_by_asc(user::Column::Id).all(portal.backend.db.pool()).await;
    (users.expect("reads"), portal.outbox().await, portal.audit().await.len())
}

#[tokio::test]
async fn members_and_strangers_may_do_nothing_of_the_desk() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    for (name, status, role) in [
        ("pia", Status::Pending, Role::Member),
        ("rita", Status::Rejected, Role::Member),
        ("ann", Status::Active, Role::Member),
        ("dan", Status::Deactivated, Role::Member),
        ("eve", Status::Active, Role::Admin),
        ("bob", Status::Active, Role::Member),
    ] {
        portal.person(name, status, role).await;
    }
    // Whoever has to choose a password is no administrator before, even if they are one.
    let callers = [portal.browser(), portal.signed_in("bob").await, must_change(&portal, "grace").await];
    portal.register("nina").await;
    portal.mails().await;
    let nina = portal.user("nina").await.id;
    outbox::Entity::update_many()
        .col_expr(outbox::Column::Status, Expr::value("given_up"))
        .filter(outbox::Column::UserId.eq(nina))
        .filter(outbox::Column::Kind.eq("confirm_address"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    let mail = portal
        .outbox()
        .await
        .into_iter()
        .find(|row| row.status == "given_up")
        .expect("a mail")
        .id
        .to_string();
    let mut pages = vec!["/admin".to_owned(), "/admin/mail".to_owned()];
    let before = state(&portal).await;
    for decision in Decision::ALL {
        let id = portal.user(subject_of(decision)).await.id.to_string();
        pages.extend([format!("/admin/users/{id}"), format!("/admin/{}/{id}", decision.slug())]);
        for caller in &callers {
            let fields = [("id", id.as_str()), ("decision", decision.slug()), ("from", "/admin")];
            caller.post("/do/decide", &fields).await;
            let reply = caller.script("/do/decide", &fields).await;
            assert_ne!(verdict_of_action(&reply), "yes", "{decision:?}: {}", reply.body);
            let stay = [fields[0], fields[1], ("stay", "yes")];
            let reply = caller.script("/do/decide", &stay).await;
            assert_ne!(verdict_of_action(&reply), "yes", "{decision:?}: {}", reply.body);
            reply.does_not_say("@example.org");
        }
    }
    for caller in &callers {
        let fields = [("id", mail.as_str())];
        caller.post("/do/resend_mail", &fields).await;
        let reply = caller.script("/do/resend_mail", &fields).await;
        assert_ne!(verdict_of_action(&reply), "yes", "{}", reply.body);
        for page in &pages {
            let reply = caller.get(page).await;
            assert_ne!(reply.status, StatusCode::OK, "{page}");
            reply.does_not_say("@example.org");
        }
    }
    assert_eq!(state(&portal).await, before);
    // The same, sent by an administrator, does something.
    let id = portal.user("pia").await.id;
    assert_eq!(admin.decide("approve", id).await.location(), Some("/admin"));
    assert_eq!(portal.user("pia").await.status, "active");
    admin.post("/do/resend_mail", &[("id", mail.as_str())]).await;
    admin.get("/admin/mail").await.says("The mail will be sent again.");
}
