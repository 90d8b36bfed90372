//! OWASP ASVS requirements for forms and passwords.
//!
//! # Guarantees
//!
//! - A password may contain any characters, and none is cut off. Another normal form of Unicode is the same password.
//! - Password fields are masked and known to password managers.
//! - Recovery asks no secret questions.
//! - A new portal has no accounts.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use sea_orm::EntityTrait;
use sea_orm::sea_query::Expr;

use crate::asvs::restricted_browser;
use crate::support::{PASSWORD, Response, TestPortal};
use app::api::action_result::ActionResult;
use backend::accounts::first_admin::renew_setup_link;
use backend::admin::commands;
use backend::entity::{user, user_session};
use domain::errors::{ErrorCode, Field, FormErrors};
use domain::status::{Role, Status};

/// Registers `name` with a given password.
async fn register_with(portal: &TestPortal, name: &str, password: &str) {
    let response = portal.browser().register(name, &format!("{name}@example.org"), password).await;
    assert_eq!(response.location(), Some("/login"), "{name} registers with {password:?}");
}

/// Activates all users, with or without a confirmed email address.
async fn activate_all_users(portal: &TestPortal) {
    user::Entity::update_many()
        .col_expr(user::Column::Status, Expr::value(Status::Active))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
}

/// Returns a password of the maximum length.
fn longest() -> String {
    (0..128_u8)
        .map(|n| char::from(b'!' + u8::try_from(u32::from(n) * 37 % 90).expect("it is small")))
        .collect()
}

/// Returns the `<input>` tags in a piece of HTML.
fn inputs(html: &str) -> Vec<&str> {
    html.split("<input").skip(1).filter_map(|rest| rest.split('>').next()).collect()
}

fn attribute<'a>(tag: &'a str, name: &str) -> &'a str {
    let start = format!(" {name}=\"");
    let value = tag.split(start.as_str()).nth(1).and_then(|rest| rest.split('"').next());
    value.unwrap_or_default()
}

#[tokio::test]
async fn a_password_may_contain_any_characters() {
    let portal = TestPortal::start().await;
    let long = longest();
    let passwords = [
        "vqzkxjwhtrpmylgd",
        "VQZKXJWHTRPMYLGD",
        "80295746173058264917",
        "!#%&/()=?`@£$€{[]}\\~^",
        "\"'; <b>&lt; -- \\ %00 %s",
        "  lamp ocean kettle fiddle ",
        "green\tbicycle\ntulips\r\n",
        "зелёный велосипед тюльпаны",
        "绿色自行车郁金香紫色雨伞华",
        "🚲🌷🟢🛶🪁🎻🧭🪐🦉🐌🍋🫖",
        long.as_str(),
    ];
    for (number, password) in passwords.iter().enumerate() {
        register_with(&portal, &format!("person{number}"), password).await;
    }
    activate_all_users(&portal).await;
    for (number, password) in passwords.iter().enumerate() {
        let response = portal.browser().sign_in(&format!("person{number}"), password).await;
        assert_eq!(response.location(), Some("/profile"), "{password:?} signs in");
    }
}

#[tokio::test]
async fn a_password_is_verified_with_every_character() {
    let portal = TestPortal::start().await;
    let (password, long) = (" Green bicycle  tulips caf\u{e9} ", longest());
    register_with(&portal, "ada", password).await;
    register_with(&portal, "bob", &long).await;
    activate_all_users(&portal).await;
    let cut = &long[..long.len() - 1];
    let others = [
        ("ada", password.to_lowercase()),
        ("ada", password.trim().to_owned()),
        ("ada", password.trim_start().to_owned()),
        ("ada", password.trim_end().to_owned()),
        ("ada", format!("{password}x")),
        ("ada", password.replace("  ", " ")),
        ("ada", password.replace(' ', "")),
        ("bob", cut.to_owned()),
        ("bob", format!("{cut}\u{e9}")),
        ("bob", format!("{long}x")),
    ];
    for (name, other) in &others {
        let response = portal.browser().sign_in(name, other).await;
        assert_eq!(response.location(), Some("/login"), "{other:?} is not the password of {name}");
    }
    let same = password.replace('\u{e9}', "e\u{301}");
    for (name, right) in [("ada", password), ("ada", same.as_str()), ("bob", long.as_str())] {
        assert_eq!(portal.browser().sign_in(name, right).await.location(), Some("/profile"), "{name}");
    }
}

/// Asserts that every password field is masked and known to password managers. Returns their number.
fn count_masked_password_fields(page: &Response) -> usize {
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    let secret = |tag: &&str| ["name", "autocomplete"].iter().any(|a| attribute(tag, a).contains("password"));
    let fields: Vec<&str> = inputs(&page.body).into_iter().filter(secret).collect();
    for field in &fields {
        assert_eq!(attribute(field, "type"), "password", "{field}");
        let hint = attribute(field, "autocomplete");
        assert!(matches!(hint, "current-password" | "new-password"), "password managers know {field}");
    }
    fields.len()
}

#[tokio::test]
async fn every_password_field_is_masked() {
    let portal = TestPortal::start().await;
    let visitor = portal.browser();
    let local = |link: &str| link.trim_start_matches("http://portal.test").to_owned();
    let setup = renew_setup_link(&portal.backend).await.expect("works").expect("a link");
    assert_eq!(count_masked_password_fields(&visitor.get(&local(&setup)).await), 2, "setup");
    for (page, count) in [("/", 0), ("/login", 1), ("/register", 2), ("/reset-password", 0)] {
        assert_eq!(count_masked_password_fields(&visitor.get(page).await), count, "{page}");
    }
    portal.register("cleo").await;
    let confirmation_link = portal.email_to("cleo").await.link();
    assert_eq!(
        count_masked_password_fields(&visitor.get(&confirmation_link).await),
        1,
        "{confirmation_link}"
    );
    activate_all_users(&portal).await;
    let sign_in_link = commands::make_user_link(&portal.backend, "cleo").await.expect("a link");
    assert_eq!(
        count_masked_password_fields(&visitor.get(&local(&sign_in_link)).await),
        1,
        "{sign_in_link}, while the address is not confirmed"
    );
    portal.create_user("ada", Status::Active, Role::Member).await;
    let ada = portal.signed_in("ada").await;
    for (page, count) in [("/change-password", 3), ("/profile/address", 1), ("/profile/delete", 1)] {
        assert_eq!(count_masked_password_fields(&ada.get(page).await), count, "{page}");
    }
    let fields = [("email", "adele@example.org"), ("current_password", PASSWORD)];
    assert_eq!(ada.post("/do/ask_address_change", &fields).await.location(), Some("/profile"));
    let change = portal.email_to("adele").await.link();
    assert_eq!(count_masked_password_fields(&visitor.get(&change).await), 1, "{change}");
    let restricted = restricted_browser(&portal, "ada").await;
    assert_eq!(
        count_masked_password_fields(&restricted.get("/change-password").await),
        2,
        "after a temporary password"
    );
}

#[tokio::test]
async fn a_new_portal_has_no_accounts() {
    let portal = TestPortal::start().await;
    let users = user::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    assert!(users.is_empty(), "{users:?}");
    for (name, password) in [
        ("admin", "admin"),
        ("admin", "password"),
        ("administrator", "administrator"),
        ("root", "root"),
        ("test", "test"),
        ("vestibule", "vestibule"),
    ] {
        let response =
            portal.browser().fetch("/do/sign_in", &[("username", name), ("password", password)]).await;
        assert_eq!(
            response.action_result(),
            ActionResult::Refused(FormErrors::of(ErrorCode::InvalidCredentials)),
            "{name} {password}"
        );
    }
    let sessions = user_session::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    assert!(sessions.is_empty());
    for name in ["admin", "Administrator", "root", "r.o.o.t", "sysadmin1", "vestibule"] {
        let fields = [
            ("username", name),
            ("email", "somebody@example.org"),
            ("password", PASSWORD),
            ("confirm_password", PASSWORD),
        ];
        let outcome = portal.browser().fetch("/do/register", &fields).await.action_result();
        let errors = FormErrors::of_field(Field::Username, ErrorCode::UsernameReserved);
        assert_eq!(outcome, ActionResult::Refused(errors), "{name}");
    }
}

/// Returns the names of the fields of a form.
fn form_fields(page: &Response, action: &str) -> Vec<String> {
    let start = format!("action=\"/do/{action}\"");
    let form = page.body.split(start.as_str()).nth(1).and_then(|rest| rest.split("</form>").next());
    let form = form.unwrap_or_else(|| panic!("no form for {action}: {}", page.text()));
    assert!(!form.contains("<select") && !form.contains("<textarea"), "{form}");
    let names: BTreeSet<String> = inputs(form).iter().map(|tag| attribute(tag, "name").to_owned()).collect();
    names.into_iter().collect()
}

#[tokio::test]
async fn registration_and_recovery_forms_have_no_other_fields() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let visitor = portal.browser();
    // Every form has a hidden field that marks it, and the forms of visitors another one. Both are constant.
    let register = form_fields(&visitor.get("/register").await, "register");
    assert_eq!(register, ["confirm_password", "cookies", "email", "password", "tab", "username"]);
    assert_eq!(form_fields(&visitor.get("/reset-password").await, "ask_reset"), ["cookies", "email", "tab"]);
    let sign_in = form_fields(&visitor.get("/login").await, "sign_in");
    assert_eq!(sign_in, ["cookies", "next", "password", "shared", "tab", "username"]);
    let restricted = restricted_browser(&portal, "ada").await;
    // The username is there for password managers, and the server ignores it.
    let change = form_fields(&restricted.get("/change-password").await, "change_password");
    assert_eq!(change, ["confirm_password", "new_password", "tab", "username"]);
}
