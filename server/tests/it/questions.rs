//! Questions of administrators to applicants, and their answers.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::registration::join_all;
use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, Response, TestPortal};
use app::api::action_result::ActionResult;
use backend::auth::token::{NewToken, insert_token};
use backend::entity::outbox::{EmailKind, EmailState};
use backend::entity::{outbox, question, user, user_token};
use domain::errors::{ErrorCode, FormErrors};
use domain::flash_message::FlashMessage;
use domain::status::Status;
use domain::token::Purpose;

/// The question of an administrator in these tests.
pub const QUESTION: &str = "Which department\ndo you work in?";
/// The answer in these tests.
pub const ANSWER: &str = "The library.\nSecond floor.";

/// Puts a registration on hold with a question, as an administrator does. Returns the token of the link in the email.
pub async fn ask(portal: &TestPortal, name: &str, text: &str) -> String {
    let (db, now) = (portal.backend.db.pool(), portal.backend.now());
    user::Entity::update_many()
        .col_expr(user::Column::Status, Expr::value(Status::Held))
        .col_expr(user::Column::StatusSince, Expr::value(now))
        .col_expr(user::Column::CredentialVersion, Expr::col(user::Column::CredentialVersion).add(1))
        .filter(user::Column::UsernameKey.eq(name))
        .exec(db)
        .await
        .expect("is put on hold");
    let user = portal.user(name).await;
    let row = question::ActiveModel {
        id: ActiveValue::NotSet,
        user_id: ActiveValue::Set(user.id),
        asked_by: ActiveValue::Set(None),
        asked_at: ActiveValue::Set(now),
        question: ActiveValue::Set(Some(text.to_owned())),
        answer: ActiveValue::Set(None),
        answered_at: ActiveValue::Set(None),
        withdrawn_at: ActiveValue::Set(None),
    };
    question::Entity::insert(row).exec_without_returning(db).await.expect("is asked");
    let new_token = NewToken {
        user_id: Some(user.id),
        purpose: Purpose::Answer,
        credential_version: user.credential_version,
        email_canonical: &user.email_canonical,
        email: None,
        now,
        expires_at: now.after(Duration::from_hours(72)),
    };
    insert_token(db, new_token).await.expect("a token").expose().to_owned()
}

/// Confirms the email address of a user.
pub async fn confirm(portal: &TestPortal, name: &str) {
    user::Entity::update_many()
        .col_expr(user::Column::EmailConfirmedAt, Expr::value(portal.backend.now()))
        .filter(user::Column::UsernameKey.eq(name))
        .exec(portal.backend.db.pool())
        .await
        .expect("is confirmed");
}

/// Sends the form of a question.
pub async fn answer(browser: &Browser, token: &str, text: &str, password: &str) -> Response {
    let fields = [("token", token), ("answer", text), ("password", password), ("page", "question")];
    browser.post("/do/answer_question", &fields).await
}

/// Starts a portal that asks a question at registration, on which ada is on hold. Returns the browser that registered and the path
/// of the link.
pub async fn portal_with_question() -> (TestPortal, Browser, String) {
    let portal = TestPortal::with(&[("REGISTER_QUESTION", "Why do you want to join?")]).await;
    let browser = portal.browser();
    let fields = [
        ("username", "ada"),
        ("email", "ada@example.org"),
        ("password", PASSWORD),
        ("confirm_password", PASSWORD),
        ("answer", "I work here."),
    ];
    assert_eq!(browser.post("/do/register", &fields).await.location(), Some("/login"));
    let token = ask(&portal, "ada", QUESTION).await;
    (portal, browser, format!("/answer/{token}"))
}

/// Returns the token in the path of a link.
pub fn token_of(path: &str) -> String {
    path.trim_start_matches("/answer/").to_owned()
}

#[tokio::test]
async fn opening_a_question_changes_nothing() {
    let (portal, browser, path) = portal_with_question().await;
    let before = (portal.user("ada").await, portal.questions().await, portal.audit_log().await);
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(browser.request(method, &path).await.status, StatusCode::OK);
    }
    assert_eq!(browser.request(Method::POST, &path).await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!((portal.user("ada").await, portal.questions().await, portal.audit_log().await), before);
    let tokens = user_token::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    assert!(tokens.iter().all(|token| token.used_at.is_none()));
}

#[tokio::test]
async fn the_link_is_enough_for_a_confirmed_email_address() {
    let (portal, _, path) = portal_with_question().await;
    confirm(&portal, "ada").await;
    let phone = portal.browser();
    let page = phone.get(&path).await;
    for text in ["Which department\ndo you work in?", "Why do you want to join?", "I work here."] {
        page.assert_contains(text);
    }
    page.assert_not_contains("type=\"password\"");
    page.assert_not_contains("This wasn't me");
    let before = portal.user("ada").await;
    portal.advance_time(Duration::from_hours(1));
    assert_eq!(answer(&phone, &token_of(&path), ANSWER, "").await.location(), Some("/login"));
    phone.get("/login").await.assert_contains(&FlashMessage::AnswerSaved.message());
    let ada = portal.user("ada").await;
    assert_eq!((ada.status, ada.status_by), (Status::Pending, None));
    assert_eq!(ada.status_since, portal.backend.now());
    assert!(ada.credential_version > before.credential_version, "a decision about the earlier status fails");
    let row = &portal.questions().await[0];
    assert_eq!((row.answer.as_deref(), row.answered_at), (Some(ANSWER), Some(portal.backend.now())));
    let log = portal.audit_log().await;
    assert_eq!(log.last().map(|row| row.action.as_str().to_owned()).as_deref(), Some("question.answer"));
}

#[tokio::test]
async fn the_mailbox_of_an_unconfirmed_email_address_shows_only_the_question() {
    let (portal, browser, path) = portal_with_question().await;
    let token = token_of(&path);
    let other = portal.browser();
    let page = other.get(&path).await;
    page.assert_contains(QUESTION);
    page.assert_contains("type=\"password\"");
    page.assert_contains("This wasn't me");
    page.assert_not_contains("I work here.");
    for (password, message) in [("", "Enter a password."), (OTHER_PASSWORD, "That password is incorrect.")] {
        for action in ["/do/answer_question", "/do/withdraw_request"] {
            let fields = [("token", token.as_str()), ("answer", ANSWER), ("password", password)];
            let response = other.post(action, &[&fields[..], &[("page", "question")]].concat()).await;
            assert_eq!(response.location(), Some(path.as_str()), "{action}");
            let page = other.get(&path).await;
            page.assert_contains(message);
            page.assert_contains(ANSWER);
        }
    }
    assert_eq!(portal.user("ada").await.status, Status::Held);
    let page = browser.get(&path).await;
    page.assert_contains("I work here.");
    page.assert_not_contains("type=\"password\"");
    assert_eq!(answer(&other, &token, ANSWER, PASSWORD).await.location(), Some("/login"));
    assert_eq!(portal.user("ada").await.status, Status::Pending);
}

#[tokio::test]
async fn the_browser_that_registered_answers_without_a_password() {
    for with_link in [true, false] {
        let (portal, browser, path) = portal_with_question().await;
        let (path, token) = if with_link {
            (path.clone(), token_of(&path))
        } else {
            ("/register/answer".to_owned(), String::new())
        };
        browser.get(&path).await.assert_contains(QUESTION);
        assert_eq!(answer(&browser, &token, ANSWER, "").await.location(), Some("/login"), "{path}");
        let page = browser.get("/login").await;
        page.assert_contains("href=\"/register/status\"");
        assert_eq!(portal.user("ada").await.status, Status::Pending, "{path}");
    }
}

#[tokio::test]
async fn a_browser_that_registered_another_account_needs_the_password() {
    let (portal, _, path) = portal_with_question().await;
    let mallory = portal.browser();
    let fields = [
        ("username", "mallory"),
        ("email", "mallory@example.org"),
        ("password", OTHER_PASSWORD),
        ("confirm_password", OTHER_PASSWORD),
        ("answer", "No."),
    ];
    mallory.post("/do/register", &fields).await;
    mallory.get(&path).await.assert_not_contains("I work here.");
    answer(&mallory, &token_of(&path), ANSWER, "").await;
    answer(&mallory, "", ANSWER, "").await;
    assert_eq!(portal.user("ada").await.status, Status::Held);
}

#[tokio::test]
async fn a_question_that_is_answered_is_reported_in_the_next_notification() {
    let (portal, browser, path) = portal_with_question().await;
    portal.create_admin("grace").await;
    // The notification about the registration is not the one that is meant.
    portal.deliver_emails().await;
    portal.advance_time(Duration::from_mins(15));
    answer(&browser, &token_of(&path), ANSWER, "").await;
    let email = portal.email_to("grace").await;
    assert_eq!(email.subject, "ada has answered a question at Vestibule");
    assert!(!email.text.contains("library"), "the answer is only on the admin pages: {}", email.text);
    assert!(email.link().ends_with(&format!("/admin/approve/{}", portal.user("ada").await.id)));
}

#[tokio::test]
async fn a_question_can_be_answered_after_its_link_has_expired() {
    let (portal, _, _) = portal_with_question().await;
    portal.advance_time(Duration::from_hours(80));
    let browser = portal.browser();
    assert_eq!(browser.sign_in("ada", PASSWORD).await.location(), Some("/register/answer"));
    assert_eq!(answer(&browser, "", ANSWER, "").await.location(), Some("/login"));
    assert_eq!(portal.user("ada").await.status, Status::Pending);
}

#[tokio::test]
async fn the_right_password_of_an_account_on_hold_leads_to_the_question() {
    let (portal, _, _) = portal_with_question().await;
    let browser = portal.browser();
    browser.sign_in("ada", OTHER_PASSWORD).await;
    browser.get("/login").await.assert_contains("Incorrect username or password.");
    let fields = [("username", "ada"), ("password", PASSWORD)];
    let result = browser.fetch("/do/sign_in", &fields).await.action_result();
    assert_eq!(result, ActionResult::Goto("/register/answer".to_owned()));
    let page = browser.get("/register/answer").await;
    page.assert_contains(QUESTION);
    page.assert_contains("I work here.");
    assert!(browser.cookie("session").is_none());
    portal.advance_time(Duration::from_mins(10));
    browser.get("/register/answer").await.assert_not_contains(QUESTION);
    let refused = browser.fetch("/do/answer_question", &[("answer", ANSWER)]).await;
    refused.assert_contains("signed_out");
    answer(&browser, "", ANSWER, "").await;
    let page = browser.get("/register/answer").await;
    page.assert_contains("Your answer has not been sent");
    page.assert_contains(ANSWER);
    assert_eq!(portal.user("ada").await.status, Status::Held);
}

#[tokio::test]
async fn an_applicant_on_hold_can_request_another_link_to_confirm_the_email_address() {
    const BUTTON: &str = "Send a new confirmation link";
    let (portal, registering, _) = portal_with_question().await;
    let first = portal.email_to("ada").await.link();
    // It needs the password, because several people may use the browser in which someone has registered.
    registering.get("/register/answer").await.assert_not_contains(BUTTON);
    let browser = portal.browser();
    browser.sign_in("ada", PASSWORD).await;
    browser.get("/register/answer").await.assert_contains(BUTTON);
    let response = browser.post("/do/ask_confirmation", &[("page", "question")]).await;
    assert_eq!(response.location(), Some("/register/answer"));
    let page = browser.get("/register/answer").await;
    page.assert_contains(&FlashMessage::ConfirmationSent.message());
    page.assert_contains("Which department");
    let second = portal.email_to("ada").await.link();
    assert!(second.starts_with("/confirm/") && second != first, "{first} {second}");
    answer(&browser, "", ANSWER, "").await;
    browser.get("/login").await.assert_contains(BUTTON);
    ask(&portal, "ada", QUESTION).await;
    confirm(&portal, "ada").await;
    browser.sign_in("ada", PASSWORD).await;
    browser.get("/register/answer").await.assert_not_contains(BUTTON);
}

#[tokio::test]
async fn an_answer_without_a_link_that_is_sent_twice_gets_the_first_answer_twice() {
    let (portal, browser, _) = portal_with_question().await;
    let fields = [("answer", ANSWER), ("page", "question")];
    let (_, first, again) = browser.press_twice("/do/answer_question", &fields).await;
    assert_eq!((first.location(), again.location()), (Some("/login"), Some("/login")));
    let answers = portal.audit_log().await.into_iter().filter(|row| row.action.as_str() == "question.answer");
    assert_eq!(answers.count(), 1);
    portal.advance_time(Duration::from_mins(10));
    answer(&browser, "", ANSWER, "").await;
    browser.get("/register/answer").await.assert_contains("This question no longer needs an answer.");
}

#[tokio::test]
async fn a_refused_answer_of_500_long_characters_comes_back() {
    let (portal, _, path) = portal_with_question().await;
    let text = "\u{4e09}".repeat(500);
    let browser = portal.browser();
    answer(&browser, &token_of(&path), &text, OTHER_PASSWORD).await;
    browser.get(&path).await.assert_contains(&text);
    answer(&browser, &token_of(&path), &format!("{text}!"), PASSWORD).await;
    browser.get(&path).await.assert_contains("Use 500 characters or fewer.");
    answer(&browser, &token_of(&path), " \n", PASSWORD).await;
    browser.get(&path).await.assert_contains("Enter an answer.");
    assert_eq!(portal.user("ada").await.status, Status::Held);
    assert_eq!(answer(&browser, &token_of(&path), &text, PASSWORD).await.location(), Some("/login"));
}

#[tokio::test]
async fn markup_in_questions_and_answers_stays_text() {
    let markup = "</textarea></blockquote><script>alert(1)</script>&amp;<b>";
    let portal = TestPortal::with(&[("REGISTER_QUESTION", "</label><script>alert(2)</script>")]).await;
    let browser = portal.browser();
    let page = browser.get("/register").await;
    page.assert_not_contains("<script>alert");
    page.assert_contains("&lt;script");
    let fields = [("username", "ada"), ("email", "ada@example.org"), ("answer", markup)];
    browser.post("/do/register", &fields).await;
    browser.get("/register").await.assert_not_contains("<script>alert");
    let passwords = [("password", PASSWORD), ("confirm_password", PASSWORD)];
    browser.post("/do/register", &[&fields[..], &passwords].concat()).await;
    let token = ask(&portal, "ada", markup).await;
    let page = browser.get(&format!("/answer/{token}")).await;
    page.assert_not_contains("<script>alert");
    assert_eq!(
        page.body.matches("&lt;script").count(),
        3,
        "the question, and the earlier one with its answer"
    );
    answer(&browser, &token, &format!("{markup}{}", "x".repeat(500)), "").await;
    browser.get(&format!("/answer/{token}")).await.assert_not_contains("<script>alert");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_concurrent_answers_and_rejections_one_wins() {
    let (portal, browser, path) = portal_with_question().await;
    let admin = portal.create_admin("grace").await;
    let (ada, token) = (portal.user("ada").await, token_of(&path));
    // The mark of a page contains the time of the last change.
    portal.advance_time(Duration::from_secs(1));
    let posts = (0..50).map(|number| {
        let (answering, deciding) = (browser.copy(), admin.copy());
        let (ada, token) = (ada.clone(), token.clone());
        async move {
            if number % 2 == 0 {
                return answer(&answering, &token, ANSWER, "").await;
            }
            deciding.decide("reject", &ada, &[("silent", "yes")]).await
        }
    });
    join_all(posts).await;
    let log = portal.audit_log().await;
    let won: Vec<&str> = log
        .iter()
        .map(|row| row.action.as_str())
        .filter(|action| matches!(*action, "question.answer" | "user.reject"))
        .collect();
    let answered = portal.questions().await[0].answered_at.is_some();
    match portal.user("ada").await.status {
        Status::Pending => assert_eq!((won, answered), (vec!["question.answer"], true)),
        Status::Rejected => assert_eq!((won, answered), (vec!["user.reject"], false)),
        other => panic!("{other:?}"),
    }
}

/// Asks ada a question on the admin pages.
async fn ask_on_admin_pages(portal: &TestPortal, admin: &Browser) {
    let response = admin.decide("ask", &portal.user("ada").await, &[("question", QUESTION)]).await;
    assert_eq!(response.location(), Some("/admin"));
}

#[tokio::test]
async fn the_email_of_an_administrator_leads_to_the_question() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let browser = portal.register("ada").await;
    ask_on_admin_pages(&portal, &admin).await;
    let emails = portal.deliver_emails().await;
    let email = emails.into_iter().find(|email| email.subject.starts_with("A question about"));
    let link = email.expect("an email").link();
    portal.browser().get(&link).await.assert_contains(QUESTION);
    assert_eq!(answer(&browser, &token_of(&link), ANSWER, "").await.location(), Some("/login"));
    assert_eq!(portal.user("ada").await.status, Status::Pending);
}

#[tokio::test]
async fn an_answer_and_the_undoing_of_its_question_exclude_each_other() {
    for is_answered in [true, false] {
        let portal = TestPortal::with(&[("UNDO_WINDOW", "60s")]).await;
        let admin = portal.create_admin("grace").await;
        let browser = portal.register("ada").await;
        portal.deliver_emails().await;
        ask_on_admin_pages(&portal, &admin).await;
        let id = portal.decisions().await[0].id.to_string();
        if is_answered {
            assert_eq!(answer(&browser, "", ANSWER, "").await.location(), Some("/login"));
        }
        let undone = admin.fetch("/do/undo_decision", &[("id", &id), ("stay", "yes")]).await;
        undone.assert_contains(if is_answered { "undo_answered" } else { "undone" });
        answer(&browser, "", ANSWER, "").await;
        let row = &portal.questions().await[0];
        assert_eq!((row.answered_at.is_some(), row.withdrawn_at.is_some()), (is_answered, !is_answered));
        assert_eq!(portal.user("ada").await.status, Status::Pending);
        portal.advance_time(Duration::from_secs(61));
        portal.deliver_emails().await;
        let sent = outbox::Entity::find()
            .filter(outbox::Column::Kind.eq(EmailKind::Question))
            .filter(outbox::Column::State.eq(EmailState::Sent))
            .count(portal.backend.db.pool())
            .await;
        assert_eq!(sent.expect("counts"), 0, "no one is asked again");
    }
}

#[tokio::test]
async fn another_answer_to_an_answered_question_is_refused_and_the_same_one_is_not() {
    let (portal, browser, _) = portal_with_question().await;
    assert_eq!(answer(&browser, "", ANSWER, "").await.location(), Some("/login"));
    assert_eq!(
        answer(&browser, "", ANSWER, "").await.location(),
        Some("/login"),
        "the button was pressed twice"
    );
    let corrected = answer(&browser, "", "Another department", "").await;
    assert_ne!(corrected.location(), Some("/login"), "the text would be lost");
    let page = browser.get(corrected.location().expect("a page")).await;
    page.assert_contains(&ErrorCode::QuestionClosed.message());
    assert_eq!(portal.questions().await.last().and_then(|row| row.answer.clone()).as_deref(), Some(ANSWER));
}

#[tokio::test]
async fn another_answer_by_the_link_is_refused() {
    let (portal, _, path) = portal_with_question().await;
    confirm(&portal, "ada").await;
    let phone = portal.browser();
    phone.get(&path).await;
    let token = token_of(&path);
    assert_eq!(answer(&phone, &token, ANSWER, "").await.location(), Some("/login"));
    assert_eq!(
        answer(&phone, &token, ANSWER, "").await.location(),
        Some("/login"),
        "the button was pressed twice"
    );
    assert_ne!(answer(&phone, &token, "Another department", "").await.location(), Some("/login"));
    assert_eq!(portal.questions().await[0].answer.as_deref(), Some(ANSWER));
}

#[tokio::test]
async fn an_answer_belongs_to_the_question_and_the_registration_that_the_page_has_shown() {
    let (portal, browser, _) = portal_with_question().await;
    let shown = portal.questions().await[0].id.to_string();
    assert_eq!(answer(&browser, "", ANSWER, "").await.location(), Some("/login"));
    ask(&portal, "ada", "May we publish your email address?").await;
    let fields = [("answer", "Monday"), ("question_id", shown.as_str()), ("page", "question")];
    let refused = browser.fetch("/do/answer_question", &fields).await.action_result();
    assert_eq!(refused, ActionResult::Refused(FormErrors::of(ErrorCode::QuestionClosed)));
    let fields = [("answer", "Monday"), ("registration", "bob"), ("page", "question")];
    let refused = browser.fetch("/do/answer_question", &fields).await.action_result();
    assert_eq!(refused, ActionResult::Refused(FormErrors::of(ErrorCode::OtherRegistration)));
    let fields = [("password", PASSWORD), ("registration", "bob")];
    let refused = browser.fetch("/do/withdraw_request", &fields).await.action_result();
    assert_eq!(refused, ActionResult::Refused(FormErrors::of(ErrorCode::OtherRegistration)));
    assert_eq!(portal.questions().await[1].answer, None);
}

#[tokio::test]
async fn confirming_the_email_address_on_hold_leads_to_the_question_and_promises_no_review() {
    let (portal, browser, _) = portal_with_question().await;
    let link = portal.email_to("ada").await.link();
    let token = link.rsplit('/').next().expect("a token");
    // The button is pressed twice. The second press does not see the answer to the first one, and gets the same.
    assert_eq!(browser.get(&link).await.status, StatusCode::OK);
    for browser in [browser.copy(), browser.copy()] {
        let response = browser.post("/do/confirm_address", &[("token", token)]).await;
        assert_eq!(response.location(), Some("/login"));
        let page = browser.get("/login").await;
        page.assert_contains(&FlashMessage::EmailConfirmedOnHold.message());
        page.assert_contains("href=\"/register/answer\"");
        page.assert_not_contains("Next, an administrator will review");
    }
    assert!(portal.user("ada").await.email_confirmed_at.is_some());
}
