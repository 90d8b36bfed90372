//! Tests of the settings of Microsoft.

use super::*;

const ID: &str = "11111111-1111-1111-1111-111111111111";
pub(super) const TENANT: &str = "22222222-2222-2222-2222-222222222222";

pub(super) fn with_microsoft<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let application = [("CLIENT_ID", ID), ("CLIENT_SECRET", "secret"), ("TENANT_ID", TENANT), PROD[2]];
    let named = |name| more.iter().any(|(other, _)| *other == name);
    application.into_iter().filter(|(name, _)| !named(*name)).chain(more.iter().copied()).collect()
}

#[test]
fn microsoft_is_off_until_all_three_settings_are_set() {
    assert!(Config::read(&Source::of(&[PROD[2]])).expect("right").settings.microsoft.is_none());
    for name in ["CLIENT_ID", "CLIENT_SECRET", "TENANT_ID"] {
        let error = Config::read(&Source::of(&with_microsoft(&[(name, "")]))).expect_err("refused");
        assert!(error.0.starts_with(name), "{name}: {}", error.0);
    }
    let settings = Config::read(&Source::of(&with_microsoft(&[]))).expect("right").settings;
    let microsoft = settings.microsoft.expect("on");
    assert_eq!(microsoft.authority.as_str(), format!("https://login.microsoftonline.com/{TENANT}"));
    assert_eq!(microsoft.tenants, [TENANT]);
    assert_eq!(microsoft.home_tenant().as_deref(), Some(TENANT));
    assert!(microsoft.new_users_active);
}

#[test]
fn the_expiry_of_the_client_secret_is_a_day() {
    let values = with_microsoft(&[("CLIENT_SECRET_EXPIRES", "2027-05-31")]);
    let microsoft = Config::read(&Source::of(&values)).expect("right").settings.microsoft.expect("on");
    let ends = microsoft.secret_expires_at.expect("is set");
    assert_eq!(domain::time::rfc3339(ends), "2027-05-31T00:00:00Z");
    let days = |days: u64| Duration::from_hours(24 * days);
    assert_eq!(microsoft.secret_warning(ends.before(days(29))), None);
    let soon = microsoft.secret_warning(ends.before(days(28))).expect("is said");
    assert!(soon.contains("expires on 31 May 2027"), "{soon}");
    let late = microsoft.secret_warning(ends.after(days(1))).expect("is said");
    assert!(late.contains("expired on 31 May 2027"), "{late}");
}

#[test]
fn microsoft_settings_that_would_admit_the_wrong_people_are_refused() {
    for (name, value) in [
        ("CLIENT_ID", "portal"),
        ("CLIENT_SECRET", ID),
        ("SCOPE", ","),
        ("TENANT_ID", "organisations"),
        ("TENANT_ID", "consumers"),
        ("SCOPE", "User.Read;Mail.Read"),
        ("CLIENT_ID", "00000000-0000-0000-0000-000000000000"),
        ("CLIENT_SECRET_EXPIRES", "31.5.2027"),
        ("CLIENT_SECRET_EXPIRES", "2027-02-30"),
        // Anyone can have a personal account.
        ("TENANT_ID", "9188040d-6c67-4c5b-b112-36a304b66dad"),
        ("TENANT_ID", "../common"),
        ("AUTHORITY", "http://login.example.com/tenant"),
        ("ENDPOINT", "http://graph.example.com/me"),
        ("REDIRECT_PATH", "/login"),
        ("REDIRECT_PATH", "/auth/../admin"),
        ("MICROSOFT_TENANTS", "example.com"),
        ("MICROSOFT_NEW_USERS", "yes"),
    ] {
        let error = Config::read(&Source::of(&with_microsoft(&[(name, value)]))).expect_err(value);
        assert!(error.0.starts_with(name), "{name}={value}: {}", error.0);
    }
    // Anyone with a Microsoft account could sign in.
    let error = Config::read(&Source::of(&with_microsoft(&[("TENANT_ID", "common")]))).expect_err("refused");
    assert!(error.0.starts_with("MICROSOFT_TENANTS"), "{}", error.0);
    let listed = with_microsoft(&[("TENANT_ID", "organizations"), ("MICROSOFT_TENANTS", TENANT)]);
    let microsoft = Config::read(&Source::of(&listed)).expect("right").settings.microsoft.expect("on");
    assert_eq!(microsoft.home_tenant(), None, "nobody is at home in a tenant without a number");
}

#[test]
fn ids_are_accepted_in_braces_and_words_in_any_case() {
    let (id, tenant) = (format!("{{{ID}}}"), format!("{{{TENANT}}}"));
    let values = [
        ("CLIENT_ID", id.as_str()),
        ("TENANT_ID", "Organizations"),
        ("MICROSOFT_TENANTS", tenant.as_str()),
        ("MICROSOFT_NEW_USERS", "Pending"),
    ];
    let settings = Config::read(&Source::of(&with_microsoft(&values))).expect("is accepted").settings;
    let microsoft = settings.microsoft.expect("on");
    assert_eq!(
        (microsoft.client_id.as_str(), microsoft.tenants.as_slice()),
        (ID, [TENANT.to_owned()].as_slice())
    );
    assert_eq!(microsoft.authority.as_str(), "https://login.microsoftonline.com/organizations");
    assert!(!microsoft.new_users_active);
    let settings =
        Config::read(&Source::of(&with_microsoft(&[("TENANT_ID", &tenant)]))).expect("right").settings;
    assert_eq!(settings.microsoft.expect("on").home_tenant().as_deref(), Some(TENANT));
}
