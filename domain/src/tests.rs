//! Unit tests and property tests of the domain.

use proptest::prelude::*;

use crate::email_address::{EmailAddress, InvalidEmailAddress};
use crate::errors::error_reference;
use crate::errors::{ErrorCode, Field};
use crate::password::{NewPassword, NormalizedPassword, Password};
use crate::return_to::ReturnTo;
use crate::status::transitions::{AccountState, Change, REJECTION_RETENTION};
use crate::status::{AdminAction, PublicStatus, Role, Status, UserId};
use crate::time::{Timestamp, ago, period_in_words, rfc3339, utc_text};
use crate::username::{InvalidUsername, Username, key_of};
use crate::validation::{Registration, check_field};
use std::time::Duration;

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

fn normalized(text: &str) -> NormalizedPassword {
    NormalizedPassword::from_nfkc(text.to_owned())
}

fn account(status: Status, role: Role) -> AccountState {
    AccountState { id: UserId(7), status, role, confirmed: true, status_since: NOW, deletion_due: false }
}

#[test]
fn usernames_with_single_marks_between_letters_are_accepted() {
    for name in ["ada", "Ada.Lovelace", "a-b_c.d", "x86", " ada "] {
        assert!(Username::parse(name).is_ok(), "{name}");
    }
}

#[test]
fn invisible_characters_make_no_other_username_or_email_address() {
    for c in ['\u{2060}', '\u{200b}', '\u{feff}', '\u{ad}', '\u{200e}', '\u{202a}', '\u{2069}', '\u{fe0f}'] {
        let name = Username::parse(&format!("{c}ada.{c}lovelace{c} "));
        assert_eq!(name.map(|name| name.as_str().to_owned()), Ok("ada.lovelace".to_owned()), "{c:?}");
        assert_eq!(key_of(&format!(" {c}Ada.{c}Lovelace")), "ada.lovelace", "{c:?}");
        let email = EmailAddress::parse(&format!("a{c}da@example.{c}com{c}"));
        assert_eq!(email.map(|email| email.as_str().to_owned()), Ok("ada@example.com".to_owned()), "{c:?}");
        assert_eq!(Username::parse(&format!("ad{c}min")), Err(InvalidUsername::Reserved), "{c:?}");
        assert_eq!(Username::parse(&c.to_string()), Err(InvalidUsername::Empty), "{c:?}");
    }
}

#[test]
fn usernames_of_other_formats_are_refused() {
    for name in [
        "",
        "ab",
        "a..b",
        ".ada",
        "ada-",
        "a._b",
        "ada lovelace",
        "ädä",
        "ada\0",
        "admin",
        "ROOT",
        "a@b.c",
        "ad.min",
        "sup-port",
        "admin1",
        "No_Reply",
    ] {
        assert!(Username::parse(name).is_err(), "{name}");
    }
    assert!(Username::parse(&"a".repeat(33)).is_err());
}

#[test]
fn valid_email_addresses_are_accepted() {
    for address in ["ada@example.com", "a.b+c@sub.example.org", "o'neil@example.com", "ada@exämple.de"] {
        assert!(EmailAddress::parse(address).is_ok(), "{address}");
    }
}

#[test]
fn invalid_email_addresses_are_refused() {
    let long = format!("{}@example.com", "a".repeat(65));
    for address in [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@localhost",
        "a..b@example.com",
        "mıke@example.com",
        "a@b..c",
        "a b@example.com",
        "ada@example.com\nBcc: x@y.z",
        "ada\0@example.com",
        "\"a\"@example.com",
        "a@1.2.3.4",
        &long,
    ] {
        assert!(EmailAddress::parse(address).is_err(), "{address}");
    }
}

#[test]
fn an_email_address_that_is_too_long_is_not_called_malformed() {
    let domain = ["a".repeat(63), "b".repeat(63), "c".repeat(57), "org".to_owned()].join(".");
    let longest = format!("{}@{domain}", "d".repeat(64));
    assert_eq!(longest.len(), 254);
    assert!(EmailAddress::parse(&longest).is_ok());
    let longer = EmailAddress::parse(&longest.replace(".org", "e.org"));
    assert_eq!(longer, Err(InvalidEmailAddress::TooLong));
    assert_eq!(longer.err().map(ErrorCode::from), Some(ErrorCode::TextTooLong(254)));
}

#[test]
fn password_length_is_counted_in_characters() {
    let parse = |text: &str| NewPassword::parse(normalized(text), 12);
    assert!(parse("elf zeichen").is_err());
    assert!(parse("zwölf zeiche").is_ok());
    assert!(parse(&"ü".repeat(128)).is_ok());
    assert!(parse(&"ü".repeat(129)).is_err());
    assert!(parse("zwölf\0zeichen").is_err());
}

#[test]
fn the_debug_output_of_a_password_is_redacted() {
    let password = Password::from("correct horse".to_owned());
    assert_eq!(format!("{password:?}"), "Password(…)");
    assert_eq!(format!("{:?}", normalized("correct horse")), "NormalizedPassword(…)");
}

#[test]
fn a_refused_registration_names_every_wrong_field() {
    let errors = Registration::parse("a", "b", normalized("c"), &normalized(""), 12);
    let fields: Vec<Field> =
        errors.err().map(|r| r.fields.iter().map(|f| f.field).collect()).unwrap_or_default();
    assert_eq!(fields, [Field::Username, Field::Email, Field::Password]);
}

#[test]
fn different_passwords_are_an_error_of_the_confirmation_field() {
    assert_eq!(
        check_field(Field::ConfirmPassword, "a", "b", 12, str::to_owned),
        Some(ErrorCode::PasswordsDiffer)
    );
    assert_eq!(check_field(Field::ConfirmPassword, "a", "a", 12, str::to_owned), None);
}

#[test]
fn return_to_accepts_only_pages_of_this_portal() {
    for good in ["/", "/profile", "/admin?after=ada", "/admin/approve/7"] {
        assert!(ReturnTo::parse(good).is_some(), "{good}");
    }
    for bad in [
        "",
        "profile",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/a\nb",
        "/logout",
        "/logout?x",
        "/Logout",
        "/LOGOUT/",
        "/Auto-Login/x",
        "/getAToken",
        "/confirm/abc",
        "/auto-login/x",
        "/./logout",
        "/x/../logout",
        "/%6cogout",
        "/do/sign_out",
        "/a\\b",
        "javascript:x",
        "/profile//evil.example",
        "/ //evil.example",
        "/session",
        "/readyz",
    ] {
        assert!(ReturnTo::parse(bad).is_none(), "{bad}");
    }
}

#[test]
fn periods_are_shown_in_words() {
    assert_eq!(period_in_words(Duration::from_secs(61)), "2 minutes");
    assert_eq!(ago(NOW, NOW.before(Duration::from_secs(200))), "3 minutes ago");
}

#[test]
fn timestamps_are_formatted_as_dates() {
    assert_eq!(utc_text(Timestamp(0)), "1 Jan 1970, 00:00 UTC");
    assert_eq!(rfc3339(Timestamp(1_709_210_096_000_000)), "2024-02-29T12:34:56Z");
    assert_eq!(utc_text(Timestamp(1_795_514_220_000_000)), "24 Nov 2026, 09:57 UTC");
    assert_eq!(rfc3339(Timestamp(-1_000_000)), "1969-12-31T23:59:59Z");
}

#[test]
fn an_error_reference_has_eight_base32_digits() {
    assert_eq!(error_reference(0), "0000-0000");
    assert_eq!(error_reference((1 << 40) - 1), "ZZZZ-ZZZZ");
}

#[test]
fn pending_held_and_deactivated_accounts_can_be_approved() {
    for status in [Status::Pending, Status::Held, Status::Deactivated] {
        let change = account(status, Role::Member).decide(AdminAction::Approve, UserId(1), false, NOW);
        assert_eq!(change, Ok(Change { status: Status::Active, role: Role::Member }));
    }
}

#[test]
fn approval_of_an_unconfirmed_email_address_follows_the_setting() {
    let unconfirmed = AccountState { confirmed: false, ..account(Status::Pending, Role::Member) };
    assert!(unconfirmed.decide(AdminAction::Approve, UserId(1), false, NOW).is_ok());
    assert_eq!(
        unconfirmed.decide(AdminAction::Approve, UserId(1), true, NOW),
        Err(ErrorCode::EmailUnconfirmed)
    );
}

#[test]
fn a_user_with_an_unconfirmed_email_address_cannot_become_an_administrator() {
    let unconfirmed = AccountState { confirmed: false, ..account(Status::Active, Role::Member) };
    assert_eq!(
        unconfirmed.decide(AdminAction::MakeAdmin, UserId(1), false, NOW),
        Err(ErrorCode::EmailUnconfirmed)
    );
}

#[test]
fn an_administrator_cannot_deactivate_or_demote_their_own_account() {
    let me = account(Status::Active, Role::Admin);
    for action in [AdminAction::Deactivate, AdminAction::RemoveAdmin] {
        assert_eq!(me.decide(action, me.id, false, NOW), Err(ErrorCode::OwnAccount));
    }
}

#[test]
fn a_rejected_registration_can_be_moved_back_to_pending_for_thirty_days() {
    let rejected = account(Status::Rejected, Role::Member);
    assert!(
        rejected.decide(AdminAction::Reconsider, UserId(1), false, NOW.after(REJECTION_RETENTION)).is_ok()
    );
    let late = NOW.after(REJECTION_RETENTION).after(Duration::from_secs(1));
    assert_eq!(
        rejected.decide(AdminAction::Reconsider, UserId(1), false, late),
        Err(ErrorCode::WrongStatus(PublicStatus::Rejected))
    );
}

#[test]
fn a_shadow_account_does_not_exist_for_administrators() {
    for action in AdminAction::ALL {
        let refused = account(Status::Shadow, Role::Member).decide(action, UserId(1), false, NOW);
        assert_eq!(refused, Err(ErrorCode::UserNotFound));
    }
}

fn any_account() -> impl Strategy<Value = AccountState> {
    (0..6usize, any::<bool>(), any::<bool>(), 0..3i32).prop_map(|(status, admin, confirmed, id)| {
        AccountState {
            id: UserId(id),
            status: Status::ALL.get(status).copied().unwrap_or(Status::Pending),
            role: if admin { Role::Admin } else { Role::Member },
            confirmed,
            status_since: NOW,
            deletion_due: false,
        }
    })
}

proptest! {
    #[test]
    fn a_parsed_value_parses_again_to_the_same_value(text in "\\PC{0,40}") {
        if let Ok(name) = Username::parse(&text) {
            prop_assert_eq!(Username::parse(name.as_str()), Ok(name.clone()));
            prop_assert_eq!(name.key(), name.as_str().to_lowercase());
        }
        if let Ok(address) = EmailAddress::parse(&text) {
            prop_assert_eq!(EmailAddress::parse(address.as_str()), Ok(address.clone()));
            prop_assert!(address.local_part().is_ascii());
        }
    }

    #[test]
    fn return_to_never_leaves_the_portal(text in "[/\\\\.a-z%:@?#\\x00-\\x20]{0,20}") {
        if let Some(next) = ReturnTo::parse(&text) {
            prop_assert!(next.as_str().starts_with('/'));
            prop_assert!(!next.as_str().starts_with("//") && !next.as_str().starts_with("/\\"));
            prop_assert!(!next.as_str().chars().any(char::is_control));
        }
    }

    #[test]
    fn allowed_actions_never_remove_the_actors_own_access(account in any_account(), actor in 0..3i32) {
        for action in account.allowed_actions(UserId(actor), false, NOW) {
            prop_assert!(account.decide(action, UserId(actor), false, NOW).is_ok());
            let removes_access = matches!(action, AdminAction::Deactivate | AdminAction::RemoveAdmin);
            prop_assert!(!(removes_access && account.id == UserId(actor)));
        }
    }

    #[test]
    fn only_deactivation_and_demotion_can_lose_an_admin(account in any_account(), which in 0..8usize) {
        let action = AdminAction::ALL.get(which).copied().unwrap_or(AdminAction::Approve);
        if let Ok(change) = account.decide(action, UserId(99), false, NOW) {
            let removes_access = matches!(action, AdminAction::Deactivate | AdminAction::RemoveAdmin);
            prop_assert!(!account.loses_admin(change) || removes_access);
        }
    }
}
