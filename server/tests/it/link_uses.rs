//! Links whose button is pressed twice: the same browser gets the first answer again for a minute.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use tokio::time::sleep;

use crate::questions::{ANSWER, QUESTION, ask};
use crate::registration::join_all;
use crate::support::{Browser, PASSWORD, Response, TestPortal, stack};
use backend::accounts::first_admin::renew_setup_link;
use backend::entity::{user, user_session};
use backend::sessions::remove_ended_records;
use domain::flash_message::FlashMessage;
use domain::status::{Role, Status};

fn token_of(link: &str) -> String {
    link.rsplit('/').next().expect("a token").to_owned()
}

async fn count_sessions(portal: &TestPortal) -> u64 {
    user_session::Entity::find().count(portal.backend.db.pool()).await.expect("counts")
}

/// A link whose button is pressed: the portal, the path of its page, its action and the fields, and where the answer leads.
struct Link {
    portal: TestPortal,
    browser: Browser,
    path: String,
    action: &'static str,
    password: &'static str,
    location: &'static str,
    message: Option<FlashMessage>,
    opens_session: bool,
}

impl Link {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let password = self.password.to_owned();
        let mut fields = vec![("token", token_of(&self.path)), ("password", password)];
        if matches!(self.action, "/do/answer_question" | "/do/withdraw_request") {
            fields.extend([("answer", ANSWER.to_owned()), ("page", "question".to_owned())]);
        }
        if self.action == "/do/set_up" {
            fields.push(("username", "grace".to_owned()));
            fields.push(("email", "grace@example.org".to_owned()));
            fields.push(("confirm_password", self.password.to_owned()));
        }
        fields
    }

    async fn press(&self, browser: &Browser) -> Response {
        let fields = self.fields();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post(self.action, &fields).await
    }

    /// Opens the page of the link. Returns two copies of the browser: neither sees the answer of the other.
    async fn open(&self) -> (Browser, Browser) {
        assert_eq!(self.browser.get(&self.path).await.status, StatusCode::OK, "{}", self.action);
        (self.browser.copy(), self.browser.copy())
    }
}

const LINKS: [&str; 11] = [
    "confirm",
    "wrong",
    "dispute",
    "answer",
    "withdraw",
    "wrong-question",
    "sign-in",
    "change",
    "undo",
    "keep",
    "set-up",
];

/// Returns a new portal on which ada has got this link.
async fn link(name: &str) -> Link {
    let portal = TestPortal::start().await;
    if name == "set-up" {
        let url = renew_setup_link(&portal.backend).await.expect("a link").expect("no administrator");
        let path = url.trim_start_matches("http://portal.test").to_owned();
        let (browser, message) = (portal.browser(), Some(FlashMessage::AdminCreated));
        let (action, location) = ("/do/set_up", "/admin");
        return Link {
            portal,
            browser,
            path,
            action,
            password: PASSWORD,
            location,
            message,
            opens_session: true,
        };
    }
    let admin = portal.create_admin("grace").await;
    let mut browser = portal.browser();
    let (action, location, message, opens_session) = match name {
        "confirm" => {
            portal.register("ada").await;
            ("/do/confirm_address", "/login", Some(FlashMessage::EmailConfirmed), false)
        }
        "wrong" => {
            portal.register("ada").await;
            ("/do/disown_address", "/", Some(FlashMessage::RegistrationRemoved), false)
        }
        "dispute" => {
            portal.register("ada").await;
            ("/do/disown_address", "/", Some(FlashMessage::RegistrationDisputed), false)
        }
        "answer" => {
            portal.register("ada").await;
            ("/do/answer_question", "/login", Some(FlashMessage::AnswerSaved), false)
        }
        "withdraw" => {
            portal.register("ada").await;
            ("/do/withdraw_request", "/", Some(FlashMessage::RequestWithdrawn), false)
        }
        "wrong-question" => {
            portal.register("ada").await;
            ("/do/disown_registration", "/", Some(FlashMessage::RegistrationRemoved), false)
        }
        "sign-in" => {
            let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
            admin.apply_action("approve", ada.id).await;
            ("/do/use_sign_in_link", "/profile", None, true)
        }
        "change" | "undo" => {
            portal.create_user("ada", Status::Active, Role::Member).await;
            browser = portal.signed_in("ada").await;
            let fields = [("email", "new@example.org"), ("current_password", PASSWORD)];
            browser.post("/do/ask_address_change", &fields).await;
            ("/do/change_address", "/profile", Some(FlashMessage::EmailChanged), true)
        }
        "keep" => {
            portal.create_user("ada", Status::Active, Role::Member).await;
            let owner = portal.signed_in("ada").await;
            owner.post("/do/delete_account", &[("current_password", PASSWORD)]).await;
            ("/do/keep_account", "/change-password", Some(FlashMessage::AccountKept), true)
        }
        other => panic!("{other} is no link"),
    };
    let to = if matches!(name, "change" | "undo") { "new" } else { "ada" };
    let mut path = portal.email_to(to).await.link();
    if matches!(name, "answer" | "withdraw" | "wrong-question") {
        path = format!("/answer/{}", ask(&portal, "ada", QUESTION).await);
    }
    if name == "dispute" {
        user::Entity::update_many()
            .col_expr(user::Column::Status, Expr::value(Status::Active))
            .filter(user::Column::UsernameKey.eq("ada"))
            .exec(portal.backend.db.pool())
            .await
            .expect("changes");
    }
    let mut link =
        Link { portal, browser, path, action, password: PASSWORD, location, message, opens_session };
    if name == "undo" {
        link.press(&link.browser).await;
        path = link.portal.email_to("ada").await.link();
        assert!(path.starts_with("/undo/"), "{path}");
        link = Link {
            browser: link.portal.browser(),
            path,
            action: "/do/undo_address_change",
            location: "/change-password",
            message: Some(FlashMessage::EmailRestored),
            ..link
        };
    }
    link
}

#[tokio::test]
async fn a_link_that_is_pressed_twice_gets_the_first_answer_twice() {
    for name in LINKS {
        let link = link(name).await;
        let (first, second) = link.open().await;
        assert_eq!(link.press(&first).await.location(), Some(link.location), "{name}");
        let sessions = count_sessions(&link.portal).await;
        link.portal.advance_time(Duration::from_secs(59));
        assert_eq!(link.press(&second).await.location(), Some(link.location), "{name} again");
        let page = second.get(link.location).await;
        assert_eq!(page.status, StatusCode::OK, "{name}");
        if let Some(message) = link.message {
            page.assert_contains(&message.message());
        }
        assert_eq!(
            count_sessions(&link.portal).await,
            sessions,
            "{name}: the second session replaces the first"
        );
        if link.opens_session {
            assert!(second.cookie("session").is_some(), "{name}");
            assert_eq!(
                first.get(link.location).await.status,
                StatusCode::FOUND,
                "{name}: the first has ended"
            );
        }
    }
}

#[tokio::test]
async fn without_the_cookie_of_its_page_a_link_works_once() {
    for name in LINKS {
        let link = link(name).await;
        let (first, _) = link.open().await;
        let (without, stranger) = (link.browser.copy(), link.browser.copy());
        without.set_cookie("form", None);
        stranger.set_cookie("form", None);
        stranger.get(&link.path).await;
        assert!(stranger.cookie("form").is_some(), "a mail scanner opens the page too");
        assert_eq!(link.press(&first).await.location(), Some(link.location), "{name}");
        let sessions = count_sessions(&link.portal).await;
        for other in [&without, &stranger, &link.portal.browser()] {
            let response = link.press(other).await;
            assert_ne!(response.location(), Some(link.location), "{name}");
            assert_eq!(other.get(&link.path).await.status, StatusCode::NOT_FOUND, "{name}");
        }
        assert_eq!(count_sessions(&link.portal).await, sessions, "{name}");
        if link.opens_session {
            assert_eq!(
                first.get(link.location).await.status,
                StatusCode::OK,
                "{name}: the first session stays"
            );
        }
    }
}

#[tokio::test]
async fn a_link_that_was_used_without_the_cookie_is_not_answered_again() {
    let link = link("sign-in").await;
    let visitor = link.portal.browser();
    assert_eq!(link.press(&visitor).await.location(), Some("/profile"));
    let second = visitor.copy();
    second.set_cookie("session", None);
    assert_ne!(link.press(&second).await.location(), Some("/profile"));
    assert!(visitor.is_signed_in().await);
}

#[tokio::test]
async fn a_link_is_answered_again_for_one_minute() {
    for name in LINKS {
        let link = link(name).await;
        let (first, second) = link.open().await;
        link.press(&first).await;
        link.portal.advance_time(Duration::from_mins(1));
        assert_ne!(link.press(&second).await.location(), Some(link.location), "{name}");
        second.get(&link.path).await.assert_contains("This link has expired or has already been used.");
    }
}

#[tokio::test]
async fn a_link_is_not_answered_again_once_its_session_has_ended() {
    let link = link("sign-in").await;
    let (first, second) = link.open().await;
    link.press(&first).await;
    first.post("/do/sign_out", &[]).await;
    assert_ne!(link.press(&second).await.location(), Some("/profile"), "someone else may use the computer");
    assert!(!second.is_signed_in().await);
}

#[tokio::test]
async fn signing_out_ends_the_session_of_a_second_answer_that_is_still_under_way() {
    for name in LINKS {
        let link = link(name).await;
        if !link.opens_session {
            continue;
        }
        let (first, second) = link.open().await;
        let third = first.copy();
        link.press(&first).await;
        link.press(&second).await;
        let signed_out = first.post("/do/sign_out", &[]).await;
        assert_eq!(signed_out.location(), Some("/"), "{name}");
        assert!(first.cookie("session").is_none() && first.cookie("form").is_none(), "{name}");
        assert_eq!(second.get(link.location).await.status, StatusCode::FOUND, "{name}: no one is signed in");
        assert_ne!(link.press(&third).await.location(), Some(link.location), "{name}: not again");
        let log = link.portal.audit_log().await;
        assert_eq!(log.iter().filter(|row| row.action.as_str() == "session.sign_out").count(), 1, "{name}");
    }
}

#[tokio::test]
async fn signing_out_does_not_end_the_session_that_a_link_has_opened_in_another_browser() {
    let link = link("sign-in").await;
    let (first, _) = link.open().await;
    link.press(&first).await;
    let other = link.portal.browser();
    other.get("/login").await;
    other.post("/do/sign_out", &[]).await;
    assert!(first.is_signed_in().await);
}

/// Waits until the portal has this number of session records.
async fn wait_for_records(portal: &TestPortal, expected: u64) {
    let end = Instant::now() + Duration::from_secs(10);
    while stack::count_session_records(&portal.backend.db).await != expected {
        assert!(Instant::now() < end, "the number of session records is not {expected}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_refused_press_leaves_no_session_record() {
    let link = link("sign-in").await;
    let (first, second) = link.open().await;
    link.press(&first).await;
    let before = stack::count_session_records(&link.portal.backend.db).await;
    let token = token_of(&link.path);
    let fields = [("token", token.as_str()), ("password", PASSWORD)];
    second.post_from(link.action, &fields, Some("198.51.100.7")).await;
    assert!(!second.is_signed_in().await);
    wait_for_records(&link.portal, before).await;
}

#[tokio::test]
async fn a_link_is_not_answered_again_for_another_client_ip() {
    let link = link("sign-in").await;
    let (first, second) = link.open().await;
    link.press(&first).await;
    let token = token_of(&link.path);
    let fields = [("token", token.as_str()), ("password", PASSWORD)];
    let response = second.post_from(link.action, &fields, Some("198.51.100.7")).await;
    assert_ne!(response.location(), Some("/profile"), "someone else may have the cookie of the page");
    assert!(!second.is_signed_in().await);
    assert!(first.is_signed_in().await, "the first session stays");
}

#[tokio::test]
async fn a_link_is_not_answered_again_in_the_session_of_another_user() {
    let link = link("sign-in").await;
    let (first, second) = link.open().await;
    link.press(&first).await;
    second.sign_in("grace", PASSWORD).await;
    link.press(&second).await;
    second.get("/profile").await.assert_contains("grace@example.org");
    assert!(first.is_signed_in().await, "the first session stays");
}

#[tokio::test]
async fn a_link_is_not_answered_again_by_another_action() {
    let link = link("sign-in").await;
    let (first, second) = link.open().await;
    link.press(&first).await;
    let token = token_of(&link.path);
    for action in ["confirm_address", "change_address", "undo_address_change", "keep_account"] {
        let fields = [("token", token.as_str()), ("password", PASSWORD)];
        second.post(&format!("/do/{action}"), &fields).await;
        assert!(second.cookie("session").is_none(), "{action}");
    }
    assert!(first.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_concurrent_presses_of_a_link_give_one_session() {
    let link = link("sign-in").await;
    link.open().await;
    let before = count_sessions(&link.portal).await;
    let records = stack::count_session_records(&link.portal.backend.db).await;
    let token = token_of(&link.path);
    let presses = (0..50).map(|_| {
        let (browser, token) = (link.browser.copy(), token.clone());
        async move {
            let response = browser.post("/do/use_sign_in_link", &[("token", &token)]).await;
            assert_eq!(response.location(), Some("/profile"));
            browser
        }
    });
    let browsers = join_all(presses).await;
    assert_eq!(count_sessions(&link.portal).await, before + 1);
    remove_ended_records(&link.portal.backend).await.expect("removes");
    wait_for_records(&link.portal, records + 1).await;
    let mut signed_in = 0;
    for browser in &browsers {
        signed_in += usize::from(browser.is_signed_in().await);
    }
    assert_eq!(signed_in, 1);
    let log = link.portal.audit_log().await;
    assert_eq!(log.iter().filter(|row| row.action.as_str() == "session.sign_in_link").count(), 1);
}
