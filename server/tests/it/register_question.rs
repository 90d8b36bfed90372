//! The question that people answer when they register (`REGISTER_QUESTION`).

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::support::{PASSWORD, TestPortal};
use backend::entity::{registration, user};
use domain::status::{Role, Status};

/// Returns the row of a user's registration.
pub async fn registration_of(portal: &TestPortal, name: &str) -> registration::Model {
    let id = portal.user(name).await.id;
    let row = registration::Entity::find_by_id(id).one(portal.backend.db.pool()).await;
    row.expect("reads").expect("a registration")
}

impl TestPortal {
    /// Creates an active user with a confirmed email address on a portal that asks a question at registration.
    async fn create_user_without_question(&self, name: &str) {
        self.create_admin(name).await;
        user::Entity::update_many()
            .col_expr(user::Column::Role, Expr::value(Role::Member))
            .filter(user::Column::UsernameKey.eq(name))
            .exec(self.backend.db.pool())
            .await
            .expect("changes");
    }
}

#[tokio::test]
async fn the_question_at_registration_is_required_and_stored_with_its_answer() {
    let portal = TestPortal::with(&[("REGISTER_QUESTION", "Why do you want to join?")]).await;
    portal.create_user_without_question("mike").await;
    let browser = portal.browser();
    browser.get("/register").await.assert_contains("Why do you want to join?");
    for (name, email) in [("ada", "ada@example.org"), ("shadow1", "mike@example.org")] {
        let fields =
            [("username", name), ("email", email), ("password", PASSWORD), ("confirm_password", PASSWORD)];
        assert_eq!(browser.post("/do/register", &fields).await.location(), Some("/register"));
        browser.get("/register").await.assert_contains("Enter an answer.");
        assert!(portal.find_user(name).await.is_none());
        let answered = [&fields[..], &[("answer", " Because.\r\nReally. ")]].concat();
        assert_eq!(browser.post("/do/register", &answered).await.location(), Some("/login"));
        let row = registration_of(&portal, name).await;
        assert_eq!(row.question.as_deref(), Some("Why do you want to join?"), "{name}");
        assert_eq!(row.answer.as_deref(), Some("Because.\nReally."), "{name}");
    }
    assert_eq!(portal.user("shadow1").await.status, Status::Shadow);
}

#[tokio::test]
async fn every_error_of_a_registration_with_a_question_is_shown() {
    let portal = TestPortal::with(&[("REGISTER_QUESTION", "Why do you want to join?")]).await;
    let browser = portal.browser();
    let answer = "\u{4e09}".repeat(501);
    browser.post("/do/register", &[("username", "a"), ("email", "b"), ("answer", &answer)]).await;
    let page = browser.get("/register").await;
    for message in ["Username must be 3 to 32 characters.", "Use 500 characters or fewer."] {
        page.assert_contains(message);
    }
    page.assert_contains(&"\u{4e09}".repeat(490));
}

#[tokio::test]
async fn without_a_setting_no_question_is_asked_and_no_answer_is_stored() {
    let portal = TestPortal::start().await;
    let browser = portal.browser();
    browser.get("/register").await.assert_not_contains("name=\"answer\"");
    let fields = [
        ("username", "ada"),
        ("email", "ada@example.org"),
        ("password", PASSWORD),
        ("confirm_password", PASSWORD),
        ("answer", "Unasked."),
    ];
    assert_eq!(browser.post("/do/register", &fields).await.location(), Some("/login"));
    let row = registration_of(&portal, "ada").await;
    assert_eq!((row.question, row.answer), (None, None));
}

#[tokio::test]
async fn a_repeated_registration_keeps_the_first_answer() {
    let portal = TestPortal::with(&[("REGISTER_QUESTION", "Why do you want to join?")]).await;
    for answer in ["First.", "Second."] {
        let fields = [
            ("username", "ada"),
            ("email", "ada@example.org"),
            ("password", PASSWORD),
            ("confirm_password", PASSWORD),
            ("answer", answer),
        ];
        assert_eq!(portal.browser().post("/do/register", &fields).await.location(), Some("/login"));
    }
    assert_eq!(registration_of(&portal, "ada").await.answer.as_deref(), Some("First."));
}
