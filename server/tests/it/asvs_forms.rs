//! What the OWASP ASVS asks of forms and passwords: any characters, none cut or changed, masked fields, no question that
//! recovery could be tricked with, and nobody who was there before the first registration.

use std::collections::BTreeSet;

use app::backend::entity::{user, user_session};
use app::backend::operator;
use app::backend::setup::renew_setup_link;
use app::domain::answer::Outcome;
use app::domain::problem::{Field, Problem, Refusal};
use app::domain::status::{Role, Status};
use axum::http::StatusCode;
use sea_orm::EntityTrait;
use sea_orm::sea_query::Expr;

use crate::asvs::must_change;
use crate::support::{PASSWORD, Portal, Reply};

/// Registers `name` with a password of the test's own.
async fn register_with(portal: &Portal, name: &str, password: &str) {
    let reply = portal.browser().register(name, &format!("{name}@example.org"), password).await;
    assert_eq!(reply.location(), Some("/login"), "{name} registers with {password:?}");
}

/// Lets everybody in who waits, whatever their addresses.
async fn let_everybody_in(portal: &Portal) {
    user::Entity::update_many()
        .col_expr(user::Column::Status, Expr::value("active"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
}

/// A password as long as any may be.
fn longest() -> String {
    (0..128_u8)
        .map(|n| char::from(b'!' + u8::try_from(u32::from(n) * 37 % 90).expect("it is small")))
        .collect()
}

/// The `<input>` tags in some HTML.
fn inputs(html: &str) -> Vec<&str> {
    html.split("<input").skip(1).filter_map(|rest| rest.split('>').next()).collect()
}

fn attribute<'a>(tag: &'a str, name: &str) -> &'a str {
    let start = format!(" {name}=\"");
    let value = tag.split(start.as_str()).nth(1).and_then(|rest| rest.split('"').next());
    value.unwrap_or_default()
}

#[tokio::test]
async fn any_characters_make_a_password() {
    let portal = Portal::start().await;
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
    let_everybody_in(&portal).await;
    for (number, password) in passwords.iter().enumerate() {
        let reply = portal.browser().sign_in(&format!("person{number}"), password).await;
        assert_eq!(reply.location(), Some("/profile"), "{password:?} signs in");
    }
}

#[tokio::test]
async fn a_password_counts_to_its_last_character_as_typed() {
    let portal = Portal::start().await;
    let (password, long) = (" Green bicycle  tulips caf\u{e9} ", longest());
    register_with(&portal, "ada", password).await;
    register_with(&portal, "bob", &long).await;
    let_everybody_in(&portal).await;
    let cut = &long[..long.len() - 1];
    let others = [
        ("ada", password.to_lowercase()),
        ("ada", password.trim().to_owned()),
        ("ada", password.trim_start().to_owned()),
        ("ada", password.trim_end().to_owned()),
        ("ada", format!("{password}x")),
        ("ada", password.replace("  ", " ")),
        ("ada", password.replace(' ', "")),
        ("ada", password.replace('\u{e9}', "e\u{301}")),
        ("bob", cut.to_owned()),
        ("bob", format!("{cut}\u{e9}")),
        ("bob", format!("{long}x")),
    ];
    for (name, other) in &others {
        let reply = portal.browser().sign_in(name, other).await;
        assert_eq!(reply.location(), Some("/login"), "{other:?} is not the password of {name}");
    }
    for (name, right) in [("ada", password), ("bob", long.as_str())] {
        assert_eq!(portal.browser().sign_in(name, right).await.location(), Some("/profile"), "{name}");
    }
}

/// Checks that every field for a password hides it, and that password managers know it; answers how many there are.
fn masked(page: &Reply) -> usize {
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
    let portal = Portal::start().await;
    let stranger = portal.browser();
    let local = |link: &str| link.trim_start_matches("http://portal.test").to_owned();
    let setup = renew_setup_link(&portal.backend).await.expect("works").expect("a link");
    assert_eq!(masked(&stranger.get(&local(&setup)).await), 2, "setup");
    for (page, count) in [("/", 0), ("/login", 1), ("/register", 2), ("/reset-password", 0)] {
        assert_eq!(masked(&stranger.get(page).await), count, "{page}");
    }
    portal.register("cleo").await;
    let confirm = portal.mail_to("cleo").await.link();
    assert_eq!(masked(&stranger.get(&confirm).await), 1, "{confirm}");
    let_everybody_in(&portal).await;
    let enter = operator::make_user_link(&portal.backend, "cleo").await.expect("a link");
    assert_eq!(masked(&stranger.get(&local(&enter)).await), 1, "{enter}, while the address is not confirmed");
    portal.person("ada", Status::Active, Role::Member).await;
    let ada = portal.signed_in("ada").await;
    for (page, count) in [("/change-password", 3), ("/profile/address", 1), ("/profile/delete", 1)] {
        assert_eq!(masked(&ada.get(page).await), count, "{page}");
    }
    let fields = [("email", "adele@example.org"), ("current_password", PASSWORD)];
    assert_eq!(ada.post("/do/ask_address_change", &fields).await.location(), Some("/profile"));
    let change = portal.mail_to("adele").await.link();
    assert_eq!(masked(&stranger.get(&change).await), 1, "{change}");
    let bound = must_change(&portal, "ada").await;
    assert_eq!(masked(&bound.get("/change-password").await), 2, "after a temporary password");
}

#[tokio::test]
async fn a_new_portal_has_nobody_in_it() {
    let portal = Portal::start().await;
    let people = user::Entity::find().all(portal.backend.db.pool()).await.expect("reads");
    assert!(people.is_empty(), "{people:?}");
    for (name, password) in [
        ("admin", "admin"),
        ("admin", "password"),
        ("administrator", "administrator"),
        ("root", "root"),
        ("test", "test"),
        ("vestibule", "vestibule"),
    ] {
        let reply =
            portal.browser().script("/do/sign_in", &[("username", name), ("password", password)]).await;
        assert_eq!(reply.outcome(), Outcome::Refused(Refusal::of(Problem::Incorrect)), "{name} {password}");
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
        let outcome = portal.browser().script("/do/register", &fields).await.outcome();
        let refusal = Refusal::of_field(Field::Username, Problem::UsernameReserved);
        assert_eq!(outcome, Outcome::Refused(refusal), "{name}");
    }
}

/// The names of what a form asks for.
fn asked_by(page: &Reply, action: &str) -> Vec<String> {
    let start = format!("action=\"/do/{action}\"");
    let form = page.body.split(start.as_str()).nth(1).and_then(|rest| rest.split("</form>").next());
    let form = form.unwrap_or_else(|| panic!("no form for {action}: {}", page.text()));
    assert!(!form.contains("<select") && !form.contains("<textarea"), "{form}");
    let names: BTreeSet<String> = inputs(form).iter().map(|tag| attribute(tag, "name").to_owned()).collect();
    names.into_iter().collect()
}

#[tokio::test]
async fn registering_and_recovery_ask_for_nothing_else() {
    let portal = Portal::start().await;
    portal.person("ada", Status::Active, Role::Member).await;
    let stranger = portal.browser();
    let register = asked_by(&stranger.get("/register").await, "register");
    assert_eq!(register, ["confirm_password", "email", "password", "username"]);
    assert_eq!(asked_by(&stranger.get("/reset-password").await, "ask_reset"), ["email"]);
    let sign_in = asked_by(&stranger.get("/login").await, "sign_in");
    assert_eq!(sign_in, ["next", "password", "shared", "username"]);
    let bound = must_change(&portal, "ada").await;
    // The username stands there for password managers, and nobody reads it.
    let change = asked_by(&bound.get("/change-password").await, "change_password");
    assert_eq!(change, ["confirm_password", "new_password", "username"]);
}
