//! Tests of saved reasons: adding, changing and deleting them, and choosing one for a decision.

use std::time::Duration;

use axum::http::StatusCode;
use sea_orm::{EntityTrait, PaginatorTrait, QueryOrder};

use crate::support::{Browser, Response, TestPortal};
use app::api::action_result::ActionResult;
use backend::audit::Action;
use backend::entity::saved_reason;
use domain::errors::{ErrorCode, FormErrors};
use domain::status::{AdminAction, Role, Status};

/// Markup that would run a script or end a field if it were not escaped.
const MARKUP: &str = "</textarea></option></title><script>alert('x')</script>\"'><b>bold</b>&amp;";

async fn reasons(portal: &TestPortal) -> Vec<saved_reason::Model> {
    saved_reason::Entity::find()
        .order_by_asc(saved_reason::Column::Id)
        .all(portal.backend.db.pool())
        .await
        .expect("reads")
}

/// Adds a reason without JavaScript. Returns its row.
async fn add(
    portal: &TestPortal,
    admin: &Browser,
    used_for: &str,
    title: &str,
    text: &str,
) -> saved_reason::Model {
    let response =
        admin.post("/do/add_reason", &[("used_for", used_for), ("title", title), ("reason", text)]).await;
    assert_eq!(response.location(), Some("/admin/reasons"), "{}", response.body);
    reasons(portal).await.pop().expect("a reason")
}

/// Returns the actions on saved reasons in the audit log, each with its detail.
async fn log(portal: &TestPortal) -> Vec<(Action, String)> {
    let rows = portal.audit_log().await.into_iter();
    let rows = rows.filter(|row| row.action.as_str().starts_with("reason."));
    rows.map(|row| {
        assert_eq!((row.actor_name.as_deref(), row.subject_id), (Some("grace"), None));
        (row.action.known().expect("known"), row.detail.expect("a detail"))
    })
    .collect()
}

/// Asserts that a page contains [`MARKUP`] as text only.
#[track_caller]
fn assert_markup_is_text(page: &Response, path: &str) {
    for markup in ["<script>alert", "<b>bold", "</textarea></option>"] {
        assert!(!page.body.contains(markup), "{path}: {markup} in {}", page.body);
    }
    assert!(page.body.contains("&lt;script&gt;alert("), "{path}: {}", page.body);
}

#[tokio::test]
async fn administrators_add_change_and_delete_saved_reasons() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    admin.get("/admin/reasons").await.assert_contains("No saved reasons");
    let row = add(&portal, &admin, "reject", " Not a\r\nmember ", "You are not\r\na member.\r\n").await;
    assert_eq!((row.title.as_str(), row.text.as_str()), ("Not a member", "You are not\na member."));
    assert_eq!((row.action.known(), row.silent), (Some(AdminAction::Reject), false));
    let list = admin.get("/admin/reasons").await;
    list.assert_contains("The reason has been saved.");
    list.assert_contains("Rejection with an email");
    let page = format!("/admin/reasons/{}", row.id);
    let (id, changed_at) = (row.id.to_string(), row.changed_at.0.to_string());
    let form = admin.get(&page).await;
    form.assert_contains("Edit saved reason");
    form.assert_contains(&format!("name=\"changed_at\" value=\"{changed_at}\""));
    portal.advance_time(Duration::from_secs(1));
    let fields = [
        ("id", id.as_str()),
        ("changed_at", changed_at.as_str()),
        ("used_for", "reject-silently"),
        ("title", "Spam"),
        ("reason", "Advertisement"),
    ];
    assert_eq!(admin.post("/do/change_reason", &fields).await.location(), Some("/admin/reasons"));
    admin.get("/admin/reasons").await.assert_contains("Silent rejection");
    let row = reasons(&portal).await.pop().expect("a reason");
    assert_eq!((row.silent, row.title.as_str(), row.text.as_str()), (true, "Spam", "Advertisement"));
    assert_eq!(row.changed_at, portal.backend.now());
    admin.post("/do/delete_reason", &[("id", &id)]).await;
    let list = admin.get("/admin/reasons").await;
    list.assert_contains("The saved reason has been deleted.");
    list.assert_contains("No saved reasons");
    let page = admin.get(&page).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    page.assert_contains("Saved reason not found");
    let detail = format!("reason={id}");
    let actions = [Action::AddReason, Action::ChangeReason, Action::DeleteReason];
    assert_eq!(log(&portal).await, actions.map(|action| (action, detail.clone())));
}

#[tokio::test]
async fn a_refused_reason_keeps_its_text_and_its_use() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let text = "\u{4e09}".repeat(501);
    let fields = [("used_for", "ask"), ("title", ""), ("reason", text.as_str()), ("tab", "yes")];
    let response = admin.post("/do/add_reason", &fields).await;
    let page = response.location().expect("a page").to_owned();
    assert!(page.starts_with("/admin/reasons/new?for=ask&refused="), "{page}");
    let page = admin.get(&page).await;
    page.assert_contains("Enter a title.");
    page.assert_contains("Use 500 characters or fewer.");
    page.assert_contains(&"\u{4e09}".repeat(500));
    let chosen = page.body.split("<input").find(|tag| tag.contains("value=\"ask\"")).expect("a choice");
    assert!(chosen.split('>').next().is_some_and(|tag| tag.contains("checked")), "{chosen}");
    assert!(reasons(&portal).await.is_empty());
}

#[tokio::test]
async fn a_form_about_a_saved_reason_that_is_sent_twice_is_applied_once() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let fields = [("used_for", "deactivate"), ("title", "Left"), ("reason", "Left the organisation")];
    admin.press_twice("/do/add_reason", &fields).await;
    let rows = reasons(&portal).await;
    assert_eq!(rows.len(), 1);
    let (id, changed_at) = (rows[0].id.to_string(), rows[0].changed_at.0.to_string());
    portal.advance_time(Duration::from_secs(1));
    let fields = [
        ("id", id.as_str()),
        ("changed_at", changed_at.as_str()),
        ("used_for", "deactivate"),
        ("title", "Left"),
        ("reason", "Has left"),
    ];
    for (action, fields) in [("/do/change_reason", &fields[..]), ("/do/delete_reason", &fields[..1])] {
        let (_, first, again) = admin.press_twice(action, fields).await;
        assert_eq!((first.location(), again.location()), (Some("/admin/reasons"), Some("/admin/reasons")));
    }
    assert_eq!(log(&portal).await.len(), 3);
}

#[tokio::test]
async fn of_two_administrators_who_change_the_same_reason_the_second_one_is_told() {
    let portal = TestPortal::start().await;
    let (grace, zoe) = (portal.create_admin("grace").await, portal.create_admin("zoe").await);
    let row = add(&portal, &grace, "reject", "Title", "Text").await;
    portal.advance_time(Duration::from_secs(1));
    let (id, changed_at) = (row.id.to_string(), row.changed_at.0.to_string());
    let fields = |text| {
        [
            ("id", id.as_str()),
            ("changed_at", changed_at.as_str()),
            ("used_for", "reject"),
            ("title", "Title"),
            ("reason", text),
        ]
    };
    grace.post("/do/change_reason", &fields("Grace's text")).await;
    let result = zoe.fetch("/do/change_reason", &fields("Zoe's text")).await.action_result();
    assert_eq!(result, ActionResult::Refused(FormErrors::of(ErrorCode::SavedReasonChanged)));
    assert_eq!(reasons(&portal).await[0].text, "Grace's text");
    // Without JavaScript, the page shows the text that was typed, and the next attempt replaces the other text.
    zoe.post("/do/change_reason", &fields("Zoe's text")).await;
    let page = zoe.get(&format!("/admin/reasons/{id}")).await;
    page.assert_contains("Another administrator has changed this saved reason");
    page.assert_contains("Zoe's text");
    grace.post("/do/delete_reason", &[("id", &id)]).await;
    let result = zoe.fetch("/do/change_reason", &fields("Zoe's text")).await.action_result();
    assert_eq!(result, ActionResult::Refused(FormErrors::of(ErrorCode::SavedReasonNotFound)));
}

#[tokio::test]
async fn there_are_at_most_fifty_saved_reasons_even_if_two_are_added_at_the_same_time() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    for number in 0..49 {
        add(&portal, &admin, "reject", &format!("Reason {number}"), "Text").await;
    }
    let last = [("used_for", "reject"), ("title", "Last"), ("reason", "Text")];
    let other = [("used_for", "reject"), ("title", "Other"), ("reason", "Text")];
    let (first, second) =
        tokio::join!(admin.fetch("/do/add_reason", &last), admin.fetch("/do/add_reason", &other));
    let results = [first.action_result(), second.action_result()];
    let refused = ActionResult::Refused(FormErrors::of(ErrorCode::TooManySavedReasons(50)));
    assert_eq!(results.iter().filter(|result| **result == refused).count(), 1, "{results:?}");
    let count = saved_reason::Entity::find().count(portal.backend.db.pool()).await.expect("counts");
    assert_eq!(count, 50);
    let page = admin.get("/admin/reasons").await;
    page.assert_contains("There are 50 saved reasons.");
    page.assert_not_contains("Add reason");
}

#[tokio::test]
async fn members_cannot_see_or_change_saved_reasons() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let row = add(&portal, &admin, "reject", "Secret title", "Secret text").await;
    portal.create_user("bob", Status::Active, Role::Member).await;
    let (id, changed_at) = (row.id.to_string(), row.changed_at.0.to_string());
    let fields = [
        ("id", id.as_str()),
        ("changed_at", changed_at.as_str()),
        ("used_for", "reject"),
        ("title", "Title"),
        ("reason", "Text"),
    ];
    for browser in [portal.browser(), portal.signed_in("bob").await] {
        for action in ["/do/add_reason", "/do/change_reason", "/do/delete_reason"] {
            browser.post(action, &fields).await;
        }
        for page in
            ["/admin/reasons".to_owned(), "/admin/reasons/new".to_owned(), format!("/admin/reasons/{id}")]
        {
            let response = browser.get(&page).await;
            assert_ne!(response.status, StatusCode::OK, "{page}");
            response.assert_not_contains("Secret");
        }
    }
    assert_eq!(reasons(&portal).await, [row]);
}

#[tokio::test]
async fn a_chosen_reason_fills_in_the_field_of_its_decision_without_javascript() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await.id;
    let told = add(&portal, &admin, "reject", "Not a member", "You are not a member.").await.id;
    let silent = add(&portal, &admin, "reject-silently", "Spam", "Advertisement").await.id;
    let question = add(&portal, &admin, "ask", "Department", "Which department?").await.id;
    let page = admin.get(&format!("/admin/reject/{ada}")).await;
    page.assert_contains("Not a member");
    page.assert_contains("Spam (silent)");
    page.assert_not_contains("Which department?");
    assert!(!is_silent(&page), "the email address is confirmed");
    let use_reason = async |action: &str, chosen: i64, field: &str, typed: &str| {
        let form = [("saved", &*chosen.to_string()), (field, typed), ("note", "Kept")];
        let page = admin.post(&format!("/admin/{action}/{ada}/use-reason"), &form).await;
        assert_eq!(page.status, StatusCode::OK, "{action}");
        assert_eq!(text_of(&page, "note"), "Kept", "{action}");
        (text_of(&page, field), is_silent(&page))
    };
    let is_told = |text: &str| (text.to_owned(), false);
    let is_not_told = |text: &str| (text.to_owned(), true);
    assert_eq!(use_reason("reject", told, "reason", "").await, is_told("You are not a member."));
    assert_eq!(use_reason("reject", silent, "reason", "").await, is_not_told("Advertisement"));
    assert_eq!(use_reason("ask", question, "question", "").await, is_told("Which department?"));
    // Another saved reason is replaced, and a typed text is kept.
    assert_eq!(use_reason("reject", told, "reason", "Advertisement").await, is_told("You are not a member."));
    assert_eq!(
        use_reason("reject", told, "reason", "Hello,\r\n").await,
        is_told("Hello,\n\nYou are not a member.")
    );
    // A reason for another decision, or one that has been deleted, fills in nothing.
    for other in [question, told + 1000] {
        assert_eq!(use_reason("reject", other, "reason", "Hello").await, is_told("Hello"));
    }
}

/// Returns the text in a text area.
fn text_of(page: &Response, name: &str) -> String {
    let area = page
        .body
        .split("<textarea")
        .find(|part| part.split('>').next().is_some_and(|tag| tag.contains(&format!("name=\"{name}\""))));
    let text =
        area.and_then(|area| area.split_once('>')).unwrap_or_else(|| panic!("no {name}: {}", page.body)).1;
    text.split("</textarea>").next().unwrap_or_default().trim_start_matches('\n').replace("<!>", "")
}

/// Returns true if the rejection is silent.
fn is_silent(page: &Response) -> bool {
    let mut choices = page.body.split("<input").filter_map(|part| part.split('>').next());
    choices.any(|tag| tag.contains("id=\"silent-yes\"") && tag.contains(" checked"))
}

#[tokio::test]
async fn markup_in_a_saved_reason_stays_text_on_every_page_and_in_the_email() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await.id;
    let bob = portal.create_user("bob", Status::Active, Role::Member).await.id;
    let title = &MARKUP[..MARKUP.floor_char_boundary(80)];
    let mut pages = vec!["/admin/reasons".to_owned()];
    for (used_for, page) in [
        ("reject", format!("/admin/reject/{ada}")),
        ("reject-silently", format!("/admin/reject/{ada}")),
        ("ask", format!("/admin/ask/{ada}")),
        ("deactivate", format!("/admin/deactivate/{bob}")),
    ] {
        let id = add(&portal, &admin, used_for, title, MARKUP).await.id;
        let used = admin.post(&format!("{page}/use-reason"), &[("saved", &id.to_string())]).await;
        assert_eq!(used.status, StatusCode::OK, "{page}");
        assert_markup_is_text(&used, &page);
        pages.extend([format!("/admin/reasons/{id}"), page]);
    }
    for path in &pages {
        assert_markup_is_text(&admin.get(path).await, path);
    }
    let preview =
        admin.post(&format!("/admin/reject/{ada}/preview"), &[("silent", "no"), ("reason", MARKUP)]).await;
    assert_eq!(preview.status, StatusCode::OK);
    assert_markup_is_text(&preview, "preview");
    let id = ada.to_string();
    admin
        .post("/do/decide", &[("id", &id), ("decision", "reject"), ("silent", "no"), ("reason", MARKUP)])
        .await;
    let email = portal.email_to("ada").await;
    assert!(email.text.contains(MARKUP), "{}", email.text);
    let content = std::fs::read(&email.file).expect("reads");
    let parsed = mail_parser::MessageParser::default().parse(&content).expect("parses");
    let html = parsed.body_html(0).expect("an HTML part");
    assert!(
        html.contains("&lt;script&gt;") && !html.contains("<script>") && !html.contains("<b>bold"),
        "{html}"
    );
}
