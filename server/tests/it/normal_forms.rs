//! Tests of passwords in the normal forms of Unicode. Keyboards write one character in different ways, and it stays the same
//! password.

use crate::asvs::temporary_password;
use crate::support::{OTHER_PASSWORD, TestPortal};
use app::api::action_result::ActionResult;
use backend::accounts::first_admin::renew_setup_link;
use domain::errors::{ErrorCode, Field, FormErrors};
use domain::status::{Role, Status};

/// A password as one system writes it.
const COMPOSED: &str = "gr\u{fc}ner Br\u{fc}ckenstein \u{212b}";
/// The same password as other systems write it.
const OTHER_FORMS: [&str; 3] = [
    "gru\u{308}ner Bru\u{308}ckenstein A\u{30a}",
    "gr\u{fc}ner\u{a0}Br\u{fc}ckenstein \u{c5}",
    "gr\u{fc}ner Br\u{fc}cken\u{fb06}ein \u{c5}",
];

/// Returns a portal with the active user `ada`, whose password is [`COMPOSED`].
async fn portal_with_ada() -> TestPortal {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let ada = portal.signed_in("ada").await;
    let fields = [
        ("current_password", crate::support::PASSWORD),
        ("new_password", COMPOSED),
        ("confirm_password", COMPOSED),
    ];
    assert_eq!(ada.post("/do/change_password", &fields).await.location(), Some("/profile"));
    portal
}

#[tokio::test]
async fn a_password_in_another_normal_form_signs_in() {
    let portal = portal_with_ada().await;
    for password in [COMPOSED].into_iter().chain(OTHER_FORMS) {
        assert_eq!(
            portal.browser().sign_in("ada", password).await.location(),
            Some("/profile"),
            "{password:?}"
        );
    }
    let other = portal.browser().sign_in("ada", "gruner Bruckenstein A").await;
    assert_eq!(other.location(), Some("/login"), "another letter is another password");
}

#[tokio::test]
async fn the_confirmation_may_be_in_another_normal_form() {
    let portal = TestPortal::start().await;
    for (number, other) in OTHER_FORMS.into_iter().enumerate() {
        let (name, email) = (format!("person{number}"), format!("person{number}@example.org"));
        let fields = [
            ("username", name.as_str()),
            ("email", email.as_str()),
            ("password", COMPOSED),
            ("confirm_password", other),
        ];
        let response = portal.browser().post("/do/register", &fields).await;
        assert_eq!(response.location(), Some("/login"), "{other:?}");
    }
    let link = renew_setup_link(&portal.backend).await.expect("works").expect("a link");
    let fields = [
        ("token", link.rsplit('/').next().unwrap_or_default()),
        ("username", "grace"),
        ("email", "grace@example.org"),
        ("password", COMPOSED),
        ("confirm_password", OTHER_FORMS[0]),
    ];
    assert_eq!(portal.browser().post("/do/set_up", &fields).await.location(), Some("/admin"));
    assert_eq!(portal.browser().sign_in("grace", OTHER_FORMS[0]).await.location(), Some("/profile"));
}

#[tokio::test]
async fn the_current_password_may_be_in_another_normal_form() {
    let portal = portal_with_ada().await;
    let ada = portal.browser();
    ada.sign_in("ada", COMPOSED).await;
    let fields = [
        ("current_password", OTHER_FORMS[0]),
        ("new_password", OTHER_FORMS[1]),
        ("confirm_password", COMPOSED),
    ];
    let unchanged = FormErrors::of_field(Field::NewPassword, ErrorCode::PasswordUnchanged);
    assert_eq!(
        ada.fetch("/do/change_password", &fields).await.action_result(),
        ActionResult::Refused(unchanged)
    );
    let fields = [("email", "adele@example.org"), ("current_password", OTHER_FORMS[0])];
    assert_eq!(ada.post("/do/ask_address_change", &fields).await.location(), Some("/profile"));
    let token = portal.email_to("adele").await.link();
    let token = token.rsplit('/').next().unwrap_or_default();
    let fields = [("token", token), ("password", OTHER_FORMS[2])];
    assert_eq!(portal.browser().post("/do/change_address", &fields).await.location(), Some("/login"));
    ada.sign_in("ada", COMPOSED).await;
    let fields = [
        ("current_password", OTHER_FORMS[0]),
        ("new_password", OTHER_PASSWORD),
        ("confirm_password", OTHER_PASSWORD),
    ];
    assert_eq!(ada.post("/do/change_password", &fields).await.location(), Some("/profile"));
}

#[tokio::test]
async fn the_length_is_counted_in_the_normal_form() {
    let portal = TestPortal::start().await;
    let longest: String =
        (0..127_u8).map(|n| char::from(b'!' + u8::try_from(u32::from(n) * 37 % 90).unwrap())).collect();
    for (name, password, error) in [
        ("short", "vqzkxjwhtra\u{308}".to_owned(), Some(ErrorCode::PasswordTooShort(12))),
        ("ligature", "vqzkx\u{fb01}wtrpm".to_owned(), None),
        ("longest", format!("{longest}a\u{308}"), None),
        ("longer", format!("{longest}\u{fb01}"), Some(ErrorCode::PasswordTooLong)),
    ] {
        let (name, email) = (format!("ada-{name}"), format!("{name}@example.org"));
        let fields = [
            ("username", name.as_str()),
            ("email", email.as_str()),
            ("password", password.as_str()),
            ("confirm_password", password.as_str()),
        ];
        let result = portal.browser().fetch("/do/register", &fields).await.action_result();
        let expected = error.map_or(ActionResult::Goto("/login".to_owned()), |code| {
            ActionResult::Refused(FormErrors::of_field(Field::Password, code))
        });
        assert_eq!(result, expected, "{name}");
    }
    let admin = portal.create_admin("grace").await;
    admin.apply_action("approve", portal.user("ada-longest").await.id).await;
    for password in [format!("{longest}\u{e4}"), format!("{longest}a\u{308}")] {
        let response = portal.browser().sign_in("ada-longest", &password).await;
        assert_eq!(response.location(), Some("/profile"), "{} characters as typed", password.chars().count());
    }
}

#[tokio::test]
async fn a_temporary_password_may_be_typed_in_full_width_letters() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let browser = portal.browser();
    browser.post("/do/ask_reset", &[("email", "ada@example.org")]).await;
    let temporary = temporary_password(&portal.email_to("ada").await);
    let wide = |c: char| char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c);
    let typed: String = temporary.chars().map(wide).collect();
    assert_eq!(browser.sign_in("ada", &typed).await.location(), Some("/change-password"), "{typed}");
}
