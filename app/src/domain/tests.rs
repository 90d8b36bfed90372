//! The domain's laws and examples.

use proptest::prelude::*;

use super::account::{Account, Change, REJECTION_KEPT};
use super::address::EmailAddress;
use super::answer::reference;
use super::check::{Registration, checked_field};
use super::next::NextPage;
use super::password::{NewPassword, Password};
use super::problem::{Field, Problem};
use super::status::{Decision, PublicStatus, Role, Status};
use super::time::{Limit, Timestamp, ago, parse_period, period_in_words, rfc3339, utc_text};
use super::username::Username;
use std::time::Duration;

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

fn account(status: Status, role: Role) -> Account {
    Account { id: 7, status, role, confirmed: true, status_since: NOW, deletion_due: false }
}

#[test]
fn usernames_with_single_marks_between_letters_are_accepted() {
    for name in ["ada", "Ada.Lovelace", "a-b_c.d", "x86", " ada "] {
        assert!(Username::parse(name).is_ok(), "{name}");
    }
}

#[test]
fn usernames_of_other_shapes_are_refused() {
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
fn addresses_that_mail_can_reach_are_accepted() {
    for address in ["ada@example.com", "a.b+c@sub.example.org", "o'neil@example.com", "ada@exämple.de"] {
        assert!(EmailAddress::parse(address).is_ok(), "{address}");
    }
}

#[test]
fn addresses_of_other_shapes_are_refused() {
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
fn password_length_is_counted_in_characters_and_nothing_is_cut() {
    let parse = |text: &str| NewPassword::parse(Password::from(text.to_owned()), 12);
    assert!(parse("elf zeichen").is_err());
    assert!(parse("zwölf zeiche").is_ok());
    assert!(parse(&"ü".repeat(128)).is_ok());
    assert!(parse(&"ü".repeat(129)).is_err());
    assert!(parse("zwölf\0zeichen").is_err());
}

#[test]
fn a_password_never_prints_itself() {
    let password = Password::from("correct horse".to_owned());
    assert_eq!(format!("{password:?}"), "Password(…)");
}

#[test]
fn a_refused_registration_names_every_wrong_field() {
    let refusal = Registration::parse("a", "b", Password::from("c".to_owned()), &Password::default(), 12);
    let fields: Vec<Field> =
        refusal.err().map(|r| r.fields.iter().map(|f| f.field).collect()).unwrap_or_default();
    assert_eq!(fields, [Field::Username, Field::Email, Field::Password]);
}

#[test]
fn differing_passwords_are_the_confirmations_problem() {
    assert_eq!(checked_field(Field::ConfirmPassword, "a", "b", 12), Some(Problem::PasswordsDiffer));
    assert_eq!(checked_field(Field::ConfirmPassword, "a", "a", 12), None);
}

#[test]
fn next_leads_only_to_pages_of_this_portal() {
    for good in ["/", "/profile", "/admin?after=ada", "/admin/approve/7"] {
        assert!(NextPage::parse(good).is_some(), "{good}");
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
        assert!(NextPage::parse(bad).is_none(), "{bad}");
    }
}

#[test]
fn periods_and_limits_read_as_settings_write_them() {
    assert_eq!(parse_period("10m"), Some(Duration::from_mins(10)));
    assert_eq!(parse_period("1d"), Some(Duration::from_hours(24)));
    for bad in ["", "m", "10", "0s", "-1s", "1.5h", "1w", "99999999999999999999d", "9é"] {
        assert_eq!(parse_period(bad), None, "{bad}");
    }
    assert_eq!(Limit::parse("100/10m"), Some(Limit { count: 100, period: Duration::from_mins(10) }));
    assert_eq!(Limit::parse("0/10m"), None);
    assert_eq!(period_in_words(Duration::from_secs(61)), "2 minutes");
    assert_eq!(ago(NOW, NOW.before(Duration::from_secs(200))), "3 minutes ago");
}

#[test]
fn instants_read_as_dates() {
    assert_eq!(utc_text(Timestamp(0)), "1 Jan 1970, 00:00 UTC");
    assert_eq!(rfc3339(Timestamp(1_709_210_096_000_000)), "2024-02-29T12:34:56Z");
    assert_eq!(utc_text(Timestamp(1_795_514_220_000_000)), "24 Nov 2026, 09:57 UTC");
    assert_eq!(rfc3339(Timestamp(-1_000_000)), "1969-12-31T23:59:59Z");
}

#[test]
fn a_reference_has_eight_digits_that_nobody_mistakes() {
    assert_eq!(reference(0), "0000-0000");
    assert_eq!(reference((1 << 40) - 1), "ZZZZ-ZZZZ");
}

#[test]
fn approval_works_for_those_who_wait_and_for_the_deactivated() {
    for status in [Status::Pending, Status::Held, Status::Deactivated] {
        let change = account(status, Role::Member).decide(Decision::Approve, 1, false, NOW);
        assert_eq!(change, Ok(Change { status: Status::Active, role: Role::Member }));
    }
}

#[test]
fn approval_of_an_unconfirmed_address_follows_the_setting() {
    let unconfirmed = Account { confirmed: false, ..account(Status::Pending, Role::Member) };
    assert!(unconfirmed.decide(Decision::Approve, 1, false, NOW).is_ok());
    assert_eq!(unconfirmed.decide(Decision::Approve, 1, true, NOW), Err(Problem::AddressUnconfirmed));
}

#[test]
fn nobody_with_an_unconfirmed_address_becomes_an_administrator() {
    let unconfirmed = Account { confirmed: false, ..account(Status::Active, Role::Member) };
    assert_eq!(unconfirmed.decide(Decision::MakeAdmin, 1, false, NOW), Err(Problem::AddressUnconfirmed));
}

#[test]
fn nobody_deactivates_or_demotes_themself() {
    let me = account(Status::Active, Role::Admin);
    for decision in [Decision::Deactivate, Decision::RemoveAdmin] {
        assert_eq!(me.decide(decision, me.id, false, NOW), Err(Problem::NotYourself));
    }
}

#[test]
fn a_rejection_can_be_taken_back_for_thirty_days() {
    let rejected = account(Status::Rejected, Role::Member);
    assert!(rejected.decide(Decision::Reconsider, 1, false, NOW.after(REJECTION_KEPT)).is_ok());
    let late = NOW.after(REJECTION_KEPT).after(Duration::from_secs(1));
    assert_eq!(
        rejected.decide(Decision::Reconsider, 1, false, late),
        Err(Problem::OtherState(PublicStatus::Rejected))
    );
}

#[test]
fn a_shadow_is_nobody_to_an_administrator() {
    for decision in Decision::ALL {
        let refused = account(Status::Shadow, Role::Member).decide(decision, 1, false, NOW);
        assert_eq!(refused, Err(Problem::NoSuchPerson));
    }
}

fn any_account() -> impl Strategy<Value = Account> {
    (0..6usize, any::<bool>(), any::<bool>(), 0..3i32).prop_map(|(status, admin, confirmed, id)| Account {
        id,
        status: Status::ALL.get(status).copied().unwrap_or(Status::Pending),
        role: if admin { Role::Admin } else { Role::Member },
        confirmed,
        status_since: NOW,
        deletion_due: false,
    })
}

proptest! {
    #[test]
    fn what_parses_parses_again_to_the_same(text in "\\PC{0,40}") {
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
    fn next_never_leaves_the_portal(text in "[/\\\\.a-z%:@?#\\x00-\\x20]{0,20}") {
        if let Some(next) = NextPage::parse(&text) {
            prop_assert!(next.as_str().starts_with('/'));
            prop_assert!(!next.as_str().starts_with("//") && !next.as_str().starts_with("/\\"));
            prop_assert!(!next.as_str().chars().any(char::is_control));
        }
    }

    #[test]
    fn what_is_offered_is_allowed_and_never_aims_at_oneself(account in any_account(), actor in 0..3i32) {
        for decision in account.offers(actor, false, NOW) {
            prop_assert!(account.decide(decision, actor, false, NOW).is_ok());
            let hurts = matches!(decision, Decision::Deactivate | Decision::RemoveAdmin);
            prop_assert!(!(hurts && account.id == actor));
        }
    }

    #[test]
    fn only_a_decision_against_an_active_admin_can_lose_one(account in any_account(), which in 0..7usize) {
        let decision = Decision::ALL.get(which).copied().unwrap_or(Decision::Approve);
        if let Ok(change) = account.decide(decision, 99, false, NOW) {
            let hurts = matches!(decision, Decision::Deactivate | Decision::RemoveAdmin);
            prop_assert!(!account.loses_admin(change) || hurts);
        }
    }
}
