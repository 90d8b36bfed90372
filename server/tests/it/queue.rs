//! The approval queue: its facts, its filters and the assignment of requests.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::ACCEPT;
use backend::admin::queue::select_waiting;
use backend::entity::{question, registration, user};
use domain::decision::QueueFilter;
use domain::status::{Role, Status, UserId};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryTrait,
    Statement,
};

use crate::support::{Browser, PASSWORD, Response, TestPortal};

/// Registers an account with this email address from this client IP.
async fn register_from(portal: &TestPortal, name: &str, email: &str, client_ip: &str) -> UserId {
    let fields =
        [("username", name), ("email", email), ("password", PASSWORD), ("confirm_password", PASSWORD)];
    portal.browser().post_from("/do/register", &fields, Some(client_ip)).await;
    portal.user(name).await.id
}

/// Returns the text of the row of a user in the queue, or `None` if the user has none.
fn row_of(page: &Response, id: UserId) -> Option<String> {
    let queue = page.body.split("id=\"queue\"").nth(1)?.split("id=\"people\"").next()?;
    let row = queue.split(&format!("data-row=\"{id}\"")).nth(1)?.split("</tr>").next()?;
    let parts = row.split('<').skip(1).filter_map(|part| part.split_once('>'));
    Some(parts.map(|(_, text)| text).collect())
}

#[track_caller]
fn assert_has(row: Option<&String>, parts: &[&str]) {
    let text = row.expect("the row is in the queue");
    for part in parts {
        assert!(text.contains(part), "no {part:?} in {text:?}");
    }
}

#[tokio::test]
async fn a_row_shows_where_a_registration_comes_from_and_how_many_others_do() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = register_from(&portal, "ada", "ada@one.example", "192.0.2.7").await;
    let bob = register_from(&portal, "bob", "bob@one.example", "2001:db8:1:2:3::4").await;
    let eve = register_from(&portal, "eve", "eve@two.example", "2001:db8:1:2::9").await;
    let page = admin.get("/admin").await;
    assert_has(
        row_of(&page, ada).as_ref(),
        &["one.example – 1 other pending", "192.0.2.7 – no others pending"],
    );
    assert_has(row_of(&page, bob).as_ref(), &["2001:db8:1:2:: – 1 other pending"]);
    assert_has(row_of(&page, eve).as_ref(), &["two.example – no others pending"]);
    assert_has(
        row_of(&page, ada).as_ref(),
        &["Email not confirmed", "not confirmed, so it may belong to someone else"],
    );
    portal.create_user("zoe", Status::Pending, Role::Member).await;
    let zoe = portal.user("zoe").await.id;
    let row = row_of(&admin.get("/admin").await, zoe);
    assert_has(row.as_ref(), &["Email confirmed"]);
    assert!(!row.unwrap().contains("belong to someone else"));
}

#[tokio::test]
async fn the_queue_can_be_filtered_by_domain_and_by_client() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = register_from(&portal, "ada", "ada@one.example", "192.0.2.7").await;
    let bob = register_from(&portal, "bob", "bob@B\u{fc}cher.example", "2001:db8:1:2:3::4").await;
    for (query, shown, hidden) in [
        ("domain=one.example", ada, bob),
        ("ip=192.0.2.7", ada, bob),
        ("filter=ONE.example", ada, bob),
        ("filter=b%C3%BCcher.example", bob, ada),
        ("domain=xn--bcher-kva.example", bob, ada),
        ("filter=2001%3Adb8%3A1%3A2%3A%3A5", bob, ada),
        ("ip=2001%3Adb8%3A1%3A2%3A%3A", bob, ada),
    ] {
        let page = admin.get(&format!("/admin?{query}")).await;
        assert!(row_of(&page, shown).is_some(), "{query}");
        assert!(row_of(&page, hidden).is_none(), "{query}");
        page.assert_contains("The 1 that matches");
    }
    let page = admin.get("/admin?domain=example").await;
    page.assert_contains("No pending registration matches this filter.");
    admin.get("/admin?domain=%25").await.assert_contains("No pending registration matches this filter.");
}

#[tokio::test]
async fn a_filter_is_kept_on_the_next_page() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    register_from(&portal, "template", "template@one.example", "192.0.2.7").await;
    insert_copies(&portal, "template", 119).await;
    for filter in ["domain=one.example", "ip=192.0.2.7"] {
        let mut seen = 0;
        let mut path = format!("/admin?{filter}");
        for expected in [50, 50, 20] {
            let page = admin.get(&path).await;
            let queue = page.body.split("id=\"queue\"").nth(1).expect("the queue");
            let queue = queue.split("id=\"people\"").next().expect("the queue").to_owned();
            assert_eq!(queue.matches("name=\"people[]\"").count(), expected, "{path}");
            seen += expected;
            page.assert_contains("All 120 that match");
            let next = format!("href=\"/admin?{filter}&amp;waiting=");
            let rest = queue.split(&next).nth(1).and_then(|rest| rest.split('#').next());
            match rest {
                Some(cursor) => path = format!("/admin?{filter}&waiting={cursor}"),
                None => break,
            }
        }
        assert_eq!(seen, 120, "{filter}");
    }
}

/// Inserts copies of a pending user and of their registration.
async fn insert_copies(portal: &TestPortal, name: &str, count: usize) {
    use sea_orm::IntoActiveModel;
    let db = portal.backend.db.pool();
    let template = portal.user(name).await;
    let from = registration::Entity::find_by_id(template.id).one(db).await.unwrap().unwrap();
    for number in 0..count {
        let name = format!("copy{number}");
        let email = format!("{name}@one.example");
        let row = user::ActiveModel {
            id: ActiveValue::NotSet,
            username: ActiveValue::Set(name.clone()),
            username_key: ActiveValue::Set(name),
            email: ActiveValue::Set(email.clone()),
            email_canonical: ActiveValue::Set(email),
            ..template.clone().into_active_model().reset_all()
        };
        let id = user::Entity::insert(row).exec(db).await.unwrap().last_insert_id;
        let row = registration::ActiveModel {
            user_id: ActiveValue::Set(id),
            ..from.clone().into_active_model().reset_all()
        };
        registration::Entity::insert(row).exec_without_returning(db).await.unwrap();
    }
}

#[tokio::test]
async fn shadows_are_neither_listed_nor_counted() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.create_user("olga", Status::Active, Role::Member).await;
    let shadow = register_from(&portal, "shadow", "olga@example.org", "192.0.2.7").await;
    let ada = register_from(&portal, "ada", "ada@example.org", "192.0.2.7").await;
    for path in ["/admin", "/admin?domain=example.org", "/admin?ip=192.0.2.7"] {
        let page = admin.get(path).await;
        assert!(row_of(&page, shadow).is_none());
        assert_has(
            row_of(&page, ada).as_ref(),
            &["example.org – no others pending", "192.0.2.7 – no others pending"],
        );
    }
    admin.get("/admin?ip=192.0.2.7").await.assert_contains("The 1 that matches");
    let response = admin.post("/do/assign", &[("id", &shadow.to_string()), ("to", "me")]).await;
    assert_eq!(response.location(), Some("/admin"));
    admin.get("/admin").await.assert_contains("We could not find that account.");
}

#[tokio::test]
async fn a_row_shows_questions_and_answers_as_text() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let grace = portal.user("grace").await.id;
    let ada = register_from(&portal, "ada", "ada@example.org", "192.0.2.7").await;
    let markup = "</p></td></textarea><script>evil()</script>";
    let db = portal.backend.db.pool();
    registration::Entity::update_many()
        .col_expr(registration::Column::Question, Expr::value(format!("Why? {markup}")))
        .col_expr(registration::Column::Answer, Expr::value(format!("Because {markup}")))
        .filter(registration::Column::UserId.eq(ada))
        .exec(db)
        .await
        .expect("is stored");
    let now = portal.backend.now();
    let asked = |question: String, answer: Option<String>, withdrawn: bool| question::ActiveModel {
        id: ActiveValue::NotSet,
        user_id: ActiveValue::Set(ada),
        asked_by: ActiveValue::Set(Some(grace)),
        asked_at: ActiveValue::Set(now),
        question: ActiveValue::Set(Some(question)),
        answered_at: ActiveValue::Set(answer.as_ref().map(|_| now)),
        answer: ActiveValue::Set(answer),
        withdrawn_at: ActiveValue::Set(withdrawn.then_some(now)),
    };
    question::Entity::insert_many([
        asked(format!("Which team? {markup}"), Some(format!("Sales {markup}")), false),
        asked("A withdrawn question".to_owned(), None, true),
        asked("Who sent you?".to_owned(), None, false),
    ])
    .exec_without_returning(db)
    .await
    .expect("is stored");
    let page = admin.get("/admin").await;
    let escaped = markup.replace('<', "&lt;").replace('>', "&gt;");
    for text in ["Why? ", "Because ", "Which team? ", "Sales "] {
        page.assert_contains(&format!("{text}{escaped}"));
    }
    page.assert_not_contains("<script>evil");
    page.assert_not_contains("A withdrawn question");
    assert_has(row_of(&page, ada).as_ref(), &["grace asked", "Who sent you?", "No answer yet."]);
}

#[tokio::test]
async fn a_row_shows_earlier_decisions_about_the_same_email_address() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    let id = ada.id.to_string();
    let fields = [
        ("id", id.as_str()),
        ("decision", "reject"),
        ("silent", "no"),
        ("reason", "Wrong </script>department"),
        ("note", "Called twice"),
    ];
    admin.post("/do/decide", &fields).await;
    let again = register_from(&portal, "ada2", "ADA@example.org", "192.0.2.7").await;
    let row = row_of(&admin.get("/admin").await, again);
    let expected =
        ["Account ada: Rejected by grace", "Reason:Wrong &lt;/script&gt;department", "Note:Called twice"];
    assert_has(row.as_ref(), &expected);
    // Moved back to pending, the same registration shows its own decisions.
    admin.apply_action("reconsider", ada.id).await;
    let row = row_of(&admin.get("/admin").await, ada.id);
    assert_has(row.as_ref(), &["Moved back to pending by grace", "Rejected by grace"]);
    admin.apply_action("reject", ada.id).await;
    // The row is deleted, and the hash of the email address stays.
    user::Entity::delete_by_id(ada.id).exec(portal.backend.db.pool()).await.expect("is deleted");
    let row = row_of(&admin.get("/admin").await, again);
    assert_has(row.as_ref(), &["A deleted account with this email address: Rejected"]);
    assert!(!row.unwrap().contains("Called twice"));
}

#[tokio::test]
async fn the_page_of_a_person_shows_each_decision_about_them_once() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    let page = format!("/admin/users/{}", ada.id);
    for decision in ["reject", "reconsider", "approve"] {
        admin.apply_action(decision, ada.id).await;
        let text = admin.get(&page).await.text();
        assert_eq!(text.matches("Rejected by grace").count(), 1, "{decision}: {text}");
        assert!(!text.contains("Account ada"), "the account of the page has no link to itself: {text}");
    }
}

#[tokio::test]
async fn an_earlier_decision_without_a_row_of_its_own_is_the_status_of_the_account() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.create_user("ada", Status::Rejected, Role::Member).await;
    let again = register_from(&portal, "ada2", "ada@example.org", "192.0.2.7").await;
    assert_has(row_of(&admin.get("/admin").await, again).as_ref(), &["Account ada: Rejected"]);
}

#[tokio::test]
async fn a_request_is_assigned_for_15_minutes_and_the_assignment_forbids_nothing() {
    let portal = TestPortal::start().await;
    let (grace, zoe) = (portal.create_admin("grace").await, portal.create_admin("zoe").await);
    portal.register("ada").await;
    let ada = portal.user("ada").await.id;
    let id = ada.to_string();
    let assign = async |browser: &Browser, to: &str| {
        let response =
            browser.post("/do/assign", &[("id", &id), ("to", to), ("from", "/admin?ip=127.0.0.1")]).await;
        assert_eq!(response.location(), Some("/admin?ip=127.0.0.1"));
    };
    assign(&grace, "me").await;
    let page = grace.get("/admin").await;
    page.assert_contains("ada: Assigned to you for 15 minutes.");
    assert_has(row_of(&page, ada).as_ref(), &["Assigned to you", "Unassign"]);
    assert_has(row_of(&zoe.get("/admin").await, ada).as_ref(), &["Assigned to grace", "Assign to me"]);
    // Someone else's assignment is not ended, but replaced.
    assign(&zoe, "").await;
    assert_has(row_of(&zoe.get("/admin").await, ada).as_ref(), &["Assigned to grace"]);
    assign(&zoe, "me").await;
    assert_has(row_of(&grace.get("/admin").await, ada).as_ref(), &["Assigned to zoe"]);
    assign(&zoe, "").await;
    assert!(!row_of(&zoe.get("/admin").await, ada).unwrap().contains("Assigned"));
    assign(&zoe, "me").await;
    portal.advance_time(Duration::from_secs(15 * 60 - 1));
    assert_has(row_of(&grace.get("/admin").await, ada).as_ref(), &["Assigned to zoe"]);
    portal.advance_time(Duration::from_secs(1));
    assert!(!row_of(&grace.get("/admin").await, ada).unwrap().contains("Assigned"));
    assign(&zoe, "me").await;
    grace.apply_action("approve", ada).await;
    assert_eq!(portal.user("ada").await.status, Status::Active);
    zoe.post("/do/assign", &[("id", &id), ("to", "me")]).await;
    zoe.get("/admin").await.assert_contains("This account is active. Nothing has changed.");
}

#[tokio::test]
async fn an_account_without_a_registration_can_be_assigned() {
    let portal = TestPortal::start().await;
    let grace = portal.create_admin("grace").await;
    portal.register("ada").await;
    let ada = portal.user("ada").await.id;
    registration::Entity::delete_by_id(ada).exec(portal.backend.db.pool()).await.expect("is deleted");
    grace.post("/do/assign", &[("id", &ada.to_string()), ("to", "me")]).await;
    assert_has(row_of(&grace.get("/admin").await, ada).as_ref(), &["Assigned to you"]);
}

/// Requests a page as the admin page's script does, which names the page whose message it shows.
async fn fetch_page(browser: &Browser, path: &str, shows_flash: Option<&str>) -> Response {
    let mut request = Request::get(path).header(ACCEPT, "text/html").header("sec-fetch-mode", "cors");
    if let Some(shows_flash) = shows_flash {
        request = request.header("x-shows-flash", shows_flash);
    }
    browser.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_script_gets_the_message_of_a_page_only_if_it_names_the_page() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    let approved = "ada: Approved.";
    admin.apply_action("approve", ada.id).await;
    fetch_page(&admin, "/admin", None).await.assert_not_contains(approved);
    fetch_page(&admin, "/admin", Some("/login")).await.assert_not_contains(approved);
    fetch_page(&admin, "/admin", Some("/admin")).await.assert_contains(approved);
    admin.get("/admin").await.assert_not_contains(approved);
}

#[tokio::test]
async fn the_queries_of_the_queue_use_their_indexes() {
    let portal = TestPortal::start().await;
    let db = portal.backend.db.pool();
    let explain = if portal.backend.db.is_postgres() { "EXPLAIN" } else { "EXPLAIN QUERY PLAN" };
    for (filter, index) in [
        (QueueFilter::Domain("one.example".to_owned()), "users_queue_domain"),
        (QueueFilter::ClientIp("192.0.2.7".to_owned()), "registrations_client_ip"),
    ] {
        let query =
            db.get_database_backend().build(&select_waiting(&portal.backend, Some(&filter)).into_query());
        let sql = format!("{explain} {}", query.sql);
        let values = query.values.map(|values| values.0).unwrap_or_default();
        let txn = portal.backend.db.begin_write(backend::infra::database::Lock::None).await.expect("begins");
        if portal.backend.db.is_postgres() {
            // An empty table is read faster without an index.
            txn.execute_unprepared("SET LOCAL enable_seqscan = off").await.expect("is set");
        }
        let plan = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
        let rows = txn.query_all_raw(plan).await.expect("is explained");
        let column = if portal.backend.db.is_postgres() { "QUERY PLAN" } else { "detail" };
        let plan: Vec<String> = rows.iter().map(|row| row.try_get("", column).expect("a line")).collect();
        assert!(plan.iter().any(|line| line.contains(index)), "{plan:?}");
    }
}

#[tokio::test]
async fn the_page_says_when_an_email_has_been_due_for_15_minutes() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.deliver_emails().await;
    admin.apply_action("approve", ada.id).await;
    portal.advance_time(Duration::from_secs(15 * 60 - 1));
    admin.get("/admin").await.assert_not_contains("overdue");
    portal.advance_time(Duration::from_secs(1));
    admin.get("/admin").await.assert_contains("1 email is overdue by more than 15 minutes.");
    portal.deliver_emails().await;
    admin.get("/admin").await.assert_not_contains("overdue");
}

#[tokio::test]
async fn long_lists_are_counted_up_to_a_limit() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let count = async |path: &str, heading: &str| {
        let text = admin.get(path).await.text();
        let number = |rest: &str| rest.chars().take_while(|c| c.is_ascii_digit() || *c == '+').collect();
        let numbers = text.split(heading).skip(1).map(|rest| number(rest.trim_start()));
        numbers.max_by_key(String::len).expect("the list")
    };
    portal.insert_pending(999, "example.org", "192.0.2.7").await;
    assert_ne!(count("/admin", "All accounts ").await, "1000+");
    portal.insert_pending(1, "example.com", "192.0.2.7").await;
    assert_eq!(count("/admin", "All accounts ").await, "1000+");
    assert_eq!(count("/admin", "Pending registrations ").await, "1000");
    portal.insert_pending(2, "example.net", "192.0.2.8").await;
    assert_eq!(count("/admin", "Pending registrations ").await, "1000+");
    portal.insert_pending(1, "example.edu", "192.0.2.7").await;
    let page = admin.get("/admin?ip=192.0.2.7").await;
    page.assert_contains("All 1001 that match");
    page.assert_contains("– 50+ others pending");
}
