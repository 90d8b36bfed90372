//! Tests of invisible characters in usernames and email addresses, which come in with copy and paste. They change nothing.

use sea_orm::EntityTrait;

use crate::asvs::temporary_password;
use crate::support::{OTHER_PASSWORD, PASSWORD, TestPortal};
use app::api::action_result::ActionResult;
use backend::admin::commands;
use backend::entity::user;
use domain::errors::{ErrorCode, Field, FieldError, FormErrors};
use domain::status::{Role, Status};

const INVISIBLE: [char; 8] =
    ['\u{2060}', '\u{200b}', '\u{feff}', '\u{ad}', '\u{200e}', '\u{202a}', '\u{2069}', '\u{180e}'];

/// Returns a text with an invisible character at the beginning, after each dot and at the end.
fn with(c: char, text: &str) -> String {
    format!("{c}{}{c}", text.replace('.', &format!(".{c}")))
}

#[tokio::test]
async fn a_username_copied_from_our_email_signs_in() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.register("ada.lovelace").await;
    let email = portal.email_to("ada.lovelace").await;
    admin.apply_action("approve", portal.user("ada.lovelace").await.id).await;
    let greeting = email.text.lines().find(|line| line.starts_with("Hello ")).expect("a greeting");
    let copied = greeting.trim_start_matches("Hello ").trim_end_matches(',');
    assert_ne!(copied, "ada.lovelace", "the email has an invisible character in it");
    assert_eq!(portal.browser().sign_in(copied, PASSWORD).await.location(), Some("/profile"));
}

#[tokio::test]
async fn an_invisible_character_changes_no_identifier_at_sign_in() {
    let portal = TestPortal::start().await;
    portal.create_user("ada.lovelace", Status::Active, Role::Member).await;
    for c in INVISIBLE {
        for identifier in ["ada.lovelace", "Ada.Lovelace", "ada.lovelace@example.org"] {
            let response = portal.browser().sign_in(&with(c, identifier), PASSWORD).await;
            assert_eq!(response.location(), Some("/profile"), "{c:?} {identifier}");
        }
        let only =
            portal.browser().fetch("/do/sign_in", &[("username", &c.to_string()), ("password", "x")]).await;
        let error = FormErrors::of_field(Field::Username, ErrorCode::IdentifierMissing);
        assert_eq!(only.action_result(), ActionResult::Refused(error), "{c:?}");
    }
}

#[tokio::test]
async fn an_invisible_character_gives_no_further_attempts() {
    let portal = TestPortal::start().await;
    for number in 0..10 {
        let name = with(INVISIBLE[number % INVISIBLE.len()], "ada.lovelace");
        portal.browser().sign_in(&name, OTHER_PASSWORD).await;
    }
    let browser = portal.browser();
    browser.sign_in("ada.lovelace", OTHER_PASSWORD).await;
    browser.get("/login").await.assert_contains("Too many attempts.");
}

#[tokio::test]
async fn an_invisible_character_is_not_registered_and_makes_no_other_name() {
    let portal = TestPortal::start().await;
    for (number, c) in INVISIBLE.into_iter().enumerate() {
        let (name, email) = (format!("ada.nr{number}"), format!("ada.nr{number}@example.org"));
        let response = portal.browser().register(&with(c, &name), &with(c, &email), PASSWORD).await;
        assert_eq!(response.location(), Some("/login"), "{c:?}");
        let user = portal.user(&name).await;
        assert_eq!((user.username, user.email), (name.clone(), email.clone()), "{c:?}");
        let fields = [
            ("username", with(c, &name)),
            ("email", "other@example.org".to_owned()),
            ("password", PASSWORD.to_owned()),
            ("confirm_password", PASSWORD.to_owned()),
        ];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let again = portal.browser().fetch("/do/register", &fields).await.action_result();
        let taken = FieldError { field: Field::Username, code: ErrorCode::UsernameTaken };
        assert_eq!(again, ActionResult::Refused(FormErrors { form: None, fields: vec![taken] }), "{c:?}");
    }
    let users = user::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    assert_eq!(users.len(), INVISIBLE.len());
}

#[tokio::test]
async fn an_invisible_character_changes_no_email_address_in_recovery_and_change() {
    let portal = TestPortal::start().await;
    portal.create_user("ada.lovelace", Status::Active, Role::Member).await;
    let pasted = with('\u{200b}', "ada.lovelace@example.org");
    let visitor = portal.browser();
    assert_eq!(visitor.post("/do/ask_reset", &[("email", &pasted)]).await.location(), Some("/login"));
    let temporary = temporary_password(&portal.email_to("ada.lovelace").await);
    let pasted = temporary.replace('-', "-\u{2060}");
    assert_eq!(visitor.sign_in("ada.lovelace", &pasted).await.location(), Some("/change-password"));
    let ada = portal.signed_in("ada.lovelace").await;
    let same = [("email", "ada.\u{2060}lovelace@example.org"), ("current_password", PASSWORD)];
    let unchanged = FormErrors::of_field(Field::Email, ErrorCode::EmailUnchanged);
    let result = ada.fetch("/do/ask_address_change", &same).await.action_result();
    assert_eq!(result, ActionResult::Refused(unchanged));
}

#[tokio::test]
async fn an_invisible_character_changes_no_name_in_a_command() {
    let portal = TestPortal::start().await;
    portal.create_user("ada.lovelace", Status::Active, Role::Member).await;
    let pasted = with('\u{2060}', "ada.lovelace");
    assert!(commands::make_user_link(&portal.backend, &pasted).await.is_ok());
    assert!(commands::grant_admin(&portal.backend, &pasted).await.is_ok());
}
