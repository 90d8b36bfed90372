//! User enumeration: responses do not reveal which accounts exist.
//!
//! # Guarantees
//!
//! - Registration, password reset and sign-in give the same response for every kind of account, known or not.
//! - They hash and write the same for every kind of account.

use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, Response, TestPortal};
use backend::entity::{
    audit, email_job, outbox, password_reset_request, registration, user, user_session, user_token,
};
use domain::status::{Role, Status};

/// The usernames of accounts that a visitor must not be able to tell apart. No account is called "unknown".
const CASES: [&str; 9] =
    ["unknown", "active1", "waiting", "unconfirmed", "shadow1", "heldone", "declined", "shutout", "nopass1"];

/// Starts a portal with all of these accounts, and with its own hashing threads, so that hashes can be counted.
async fn portal_with_accounts() -> TestPortal {
    let portal = TestPortal::with_own_hasher(&[]).await;
    for (name, status) in [
        ("active1", Status::Active),
        ("waiting", Status::Pending),
        ("heldone", Status::Held),
        ("declined", Status::Rejected),
        ("shutout", Status::Deactivated),
        ("nopass1", Status::Active),
    ] {
        portal.create_user(name, status, Role::Member).await;
    }
    // Two, so that the next user ids have two digits: the sealed cookie is one character longer for each digit.
    for name in ["unconfirmed", "anybody"] {
        portal.register(name).await;
    }
    portal.browser().register("shadow1", "active1@example.org", PASSWORD).await;
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(Option::<String>::None))
        .filter(user::Column::UsernameKey.eq("nopass1"))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    portal.deliver_emails().await;
    portal
}

/// Everything about a response and the work behind it, except random values.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Trace {
    status: StatusCode,
    headers: Vec<(String, String)>,
    cookies: Vec<(String, usize)>,
    body: String,
    page: String,
    hashes: u64,
    rows: [i64; 8],
}

/// Returns the number of rows of each table, whose difference shows the writes of a request.
async fn rows(portal: &TestPortal) -> [i64; 8] {
    let db = portal.backend.db.pool();
    let counts = [
        user::Entity::find().count(db).await.expect("counts"),
        audit::Entity::find().count(db).await.expect("counts"),
        email_job::Entity::find().count(db).await.expect("counts"),
        outbox::Entity::find().count(db).await.expect("counts"),
        password_reset_request::Entity::find().count(db).await.expect("counts"),
        user_token::Entity::find().count(db).await.expect("counts"),
        user_session::Entity::find().count(db).await.expect("counts"),
        registration::Entity::find().count(db).await.expect("counts"),
    ];
    counts.map(|count| i64::try_from(count).expect("small"))
}

/// Sends a form from a new browser and opens the page that it leads to. Leaves `typed_values` out of the trace.
async fn send_form(
    portal: &TestPortal,
    action: &str,
    fields: &[(&str, &str)],
    typed_values: &[&str],
    script: bool,
) -> Trace {
    send_form_from(portal, &portal.browser(), action, fields, typed_values, script).await
}

/// Sends a form from `browser` and opens the page that it leads to.
async fn send_form_from(
    portal: &TestPortal,
    browser: &Browser,
    action: &str,
    fields: &[(&str, &str)],
    typed_values: &[&str],
    script: bool,
) -> Trace {
    let (before, hashes) = (rows(portal).await, portal.backend.hasher.done());
    let response: Response =
        if script { browser.fetch(action, fields).await } else { browser.post(action, fields).await };
    let hashes = portal.backend.hasher.done() - hashes;
    let after = rows(portal).await;
    let page = match response.location() {
        Some(to) => browser.get(to).await.without_nonce(),
        None => String::new(),
    };
    let without =
        |text: &str| typed_values.iter().fold(text.to_owned(), |text, typed| text.replace(typed, "…"));
    Trace {
        status: response.status,
        headers: response
            .headers
            .iter()
            .filter(|(name, _)| {
                !matches!(name.as_str(), "set-cookie" | "x-request-id" | "content-security-policy")
            })
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        cookies: response
            .cookies()
            .iter()
            .map(|cookie| (cookie.split('=').next().unwrap_or_default().to_owned(), cookie.len()))
            .collect(),
        body: without(&response.body),
        page: without(&page),
        hashes,
        rows: std::array::from_fn(|index| after[index] - before[index]),
    }
}

/// Returns a name of the same length for each case, because typed text is kept in a cookie.
fn padded(name: &str) -> String {
    format!("{name:x<12}")
}

#[tokio::test]
async fn sign_in_with_a_wrong_password_reveals_no_account() {
    for script in [false, true] {
        let portal = portal_with_accounts().await;
        let mut expected = None;
        for case in CASES {
            // Names of equal length: spaces around a name are ignored.
            let name = format!("{case: <12}");
            let fields = [("username", name.as_str()), ("password", OTHER_PASSWORD)];
            let found = send_form(&portal, "/do/sign_in", &fields, &[&name, case], script).await;
            assert_eq!(found.hashes, 1, "{case}: one hash whatever the case");
            assert_eq!(found.rows, [0; 8], "{case}: nothing is written");
            assert_eq!(&found, expected.get_or_insert_with(|| found.clone()), "{case}");
        }
    }
}

#[tokio::test]
async fn sign_in_by_email_address_with_a_wrong_password_reveals_no_account() {
    let portal = portal_with_accounts().await;
    let mut expected = None;
    for case in CASES {
        let address = format!("{: <24}", format!("{case}@example.org"));
        let fields = [("username", address.as_str()), ("password", OTHER_PASSWORD)];
        let found =
            send_form(&portal, "/do/sign_in", &fields, &[&address, address.trim(), case], false).await;
        assert_eq!((found.hashes, found.rows), (1, [0; 8]), "{case}");
        assert_eq!(&found, expected.get_or_insert_with(|| found.clone()), "{case}");
    }
}

#[tokio::test]
async fn sign_in_with_a_wrong_temporary_password_reveals_no_account() {
    let portal = portal_with_accounts().await;
    let mut expected = None;
    for case in CASES {
        let name = format!("{case: <12}");
        let fields = [("username", name.as_str()), ("password", "00000-00000-00000-00000-000000")];
        let found = send_form(&portal, "/do/sign_in", &fields, &[&name, case], false).await;
        assert_eq!((found.hashes, found.rows), (1, [0; 8]), "{case}");
        assert_eq!(&found, expected.get_or_insert_with(|| found.clone()), "{case}");
    }
}

#[tokio::test]
async fn a_request_for_a_temporary_password_reveals_no_account() {
    for script in [false, true] {
        let portal = portal_with_accounts().await;
        let mut expected = None;
        for case in CASES {
            // Email addresses of equal length: typed text is kept for the sign-in page.
            let email = format!("{: <24}", format!("{case}@example.org"));
            let found =
                send_form(&portal, "/do/ask_reset", &[("email", &email)], &[&email, email.trim()], script)
                    .await;
            assert_eq!(
                (found.hashes, found.rows),
                (0, [0, 0, 0, 0, 1, 0, 0, 0]),
                "{case}: one row and no hash"
            );
            assert_eq!(&found, expected.get_or_insert_with(|| found.clone()), "{case}");
        }
    }
}

#[tokio::test]
async fn registration_reveals_no_account() {
    for script in [false, true] {
        let portal = portal_with_accounts().await;
        let mut expected = None;
        for case in CASES {
            let (name, email) = (padded(&format!("n{case}")), format!("{case}@example.org"));
            let fields = [
                ("username", name.as_str()),
                ("email", email.as_str()),
                ("password", PASSWORD),
                ("confirm_password", PASSWORD),
            ];
            let found = send_form(&portal, "/do/register", &fields, &[&name, &email], script).await;
            assert_eq!((found.hashes, found.rows), (1, [1, 1, 1, 0, 0, 0, 0, 1]), "{case}");
            assert_eq!(&found, expected.get_or_insert_with(|| found.clone()), "{case}");
        }
    }
}

#[tokio::test]
async fn the_right_password_does_not_tell_a_shadow_from_an_unconfirmed_pending_account() {
    for script in [false, true] {
        let portal = portal_with_accounts().await;
        let mut expected = None;
        for case in ["unconfirmed", "shadow1"] {
            let name = format!("{case: <12}");
            let typed_values = [name.as_str(), case];
            let browser = portal.browser();
            let fields = [("username", name.as_str()), ("password", PASSWORD)];
            let mut found =
                vec![send_form_from(&portal, &browser, "/do/sign_in", &fields, &typed_values, script).await];
            assert!(found[0].page.contains("ask_confirmation") || script, "{case}: another link is offered");
            for action in
                ["/do/ask_confirmation", "/do/sign_out", "/do/change_password", "/do/delete_account"]
            {
                found.push(send_form_from(&portal, &browser, action, &[], &typed_values, script).await);
            }
            let mut pages = Vec::new();
            for path in
                ["/", "/login", "/register", "/reset-password", "/profile", "/change-password", "/session"]
            {
                let page = browser.get(path).await;
                let cookies: Vec<usize> = page.cookies().into_iter().map(str::len).collect();
                let text =
                    typed_values.iter().fold(page.without_nonce(), |text, typed| text.replace(typed, "…"));
                pages.push((page.status, cookies, text));
            }
            let found = (found, pages);
            assert_eq!(&found, expected.get_or_insert_with(|| found.clone()), "{case}");
        }
    }
}

#[tokio::test]
async fn the_status_of_a_registration_and_its_withdrawal_do_not_tell_a_shadow_from_a_pending_account() {
    for script in [false, true] {
        let portal = portal_with_accounts().await;
        let mut expected = None;
        for email in ["unknown@example.org", "active1@example.org"] {
            let name = padded(&email[..6]);
            let typed_values = [name.as_str(), email];
            let browser = portal.browser();
            assert_eq!(browser.register(&name, email, PASSWORD).await.location(), Some("/login"));
            portal.deliver_emails().await;
            let mut pages = Vec::new();
            for path in ["/register/status", "/register/answer"] {
                let page = browser.get(path).await;
                let cookies: Vec<usize> = page.cookies().into_iter().map(str::len).collect();
                pages.push((page.status, cookies, page.without_nonce().replace(&name, "…")));
            }
            let mut found = Vec::new();
            for (action, password) in [
                ("/do/answer_question", ""),
                ("/do/withdraw_request", ""),
                ("/do/withdraw_request", OTHER_PASSWORD),
                ("/do/withdraw_request", PASSWORD),
            ] {
                let fields = [("password", password), ("answer", "An answer.")];
                found.push(send_form_from(&portal, &browser, action, &fields, &typed_values, script).await);
            }
            assert_eq!(found[3].rows[0], -1, "{email}: the account is deleted");
            assert_eq!(found.iter().map(|trace| trace.hashes).collect::<Vec<_>>(), [0, 0, 1, 1], "{email}");
            // The pending account has been sent an email, whose row is deleted with it.
            for trace in &mut found {
                trace.rows[2..6].fill(0);
            }
            let found = (pages, found);
            assert_eq!(&found, expected.get_or_insert_with(|| found.clone()), "{email}");
        }
    }
}
