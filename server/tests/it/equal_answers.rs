//! Nobody learns who has an account: registration, reset and sign-in answer and work the same for every case.

use app::backend::entity::{audit, mail_job, outbox, reset_request, user, user_session, user_token};
use app::domain::status::{Role, Status};
use axum::http::StatusCode;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, Portal, Reply};

/// Everybody whose case must not be told from another's, by name; "unknown" is nobody.
const CASES: [&str; 9] =
    ["unknown", "active1", "waiting", "unconfirmed", "shadow1", "heldone", "declined", "shutout", "nopass1"];

/// A portal of a case's own, with hash threads of its own to be counted, and all of them in it.
async fn portal() -> Portal {
    let portal = Portal::with_own_hasher(&[]).await;
    for (name, status) in [
        ("active1", Status::Active),
        ("waiting", Status::Pending),
        ("heldone", Status::Held),
        ("declined", Status::Rejected),
        ("shutout", Status::Deactivated),
        ("nopass1", Status::Active),
    ] {
        portal.person(name, status, Role::Member).await;
    }
    // Two, so that whoever comes next has a number of two digits: the sealed cookie is longer by one for each digit.
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
    portal.mails().await;
    portal
}

/// Everything about an answer and the work behind it, but for random values.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Trace {
    status: StatusCode,
    headers: Vec<(String, String)>,
    cookies: Vec<(String, usize)>,
    body: String,
    page: String,
    hashes: u64,
    rows: [u64; 7],
}

/// How many rows there are: what a request writes shows as a difference.
async fn rows(portal: &Portal) -> [u64; 7] {
    let db = portal.backend.db.pool();
    [
        user::Entity::find().count(db).await.expect("counts"),
        audit::Entity::find().count(db).await.expect("counts"),
        mail_job::Entity::find().count(db).await.expect("counts"),
        outbox::Entity::find().count(db).await.expect("counts"),
        reset_request::Entity::find().count(db).await.expect("counts"),
        user_token::Entity::find().count(db).await.expect("counts"),
        user_session::Entity::find().count(db).await.expect("counts"),
    ]
}

/// Sends a form from a fresh browser and looks at the page it leads to. `own` is what was typed, and is left out.
async fn trace(portal: &Portal, action: &str, fields: &[(&str, &str)], own: &[&str], script: bool) -> Trace {
    trace_in(portal, &portal.browser(), action, fields, own, script).await
}

/// Sends a form from `browser` and looks at the page it leads to.
async fn trace_in(
    portal: &Portal,
    browser: &Browser,
    action: &str,
    fields: &[(&str, &str)],
    own: &[&str],
    script: bool,
) -> Trace {
    let (before, hashes) = (rows(portal).await, portal.backend.hasher.done());
    let reply: Reply =
        if script { browser.script(action, fields).await } else { browser.post(action, fields).await };
    let hashes = portal.backend.hasher.done() - hashes;
    let after = rows(portal).await;
    let page = match reply.location() {
        Some(to) => browser.get(to).await.without_nonce(),
        None => String::new(),
    };
    let without = |text: &str| own.iter().fold(text.to_owned(), |text, typed| text.replace(typed, "…"));
    Trace {
        status: reply.status,
        headers: reply
            .headers
            .iter()
            .filter(|(name, _)| {
                !matches!(name.as_str(), "set-cookie" | "x-request-id" | "content-security-policy")
            })
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        cookies: reply
            .cookies()
            .iter()
            .map(|cookie| (cookie.split('=').next().unwrap_or_default().to_owned(), cookie.len()))
            .collect(),
        body: without(&reply.body),
        page: without(&page),
        hashes,
        rows: std::array::from_fn(|index| after[index] - before[index]),
    }
}

/// A name of the same length for each case, since what was typed is kept in a cookie.
fn padded(name: &str) -> String {
    format!("{name:x<12}")
}

#[tokio::test]
async fn signing_in_with_a_wrong_password() {
    for script in [false, true] {
        let portal = portal().await;
        let mut expected = None;
        for case in CASES {
            // Of equal length: spaces around a name count for nothing.
            let name = format!("{case: <12}");
            let fields = [("username", name.as_str()), ("password", OTHER_PASSWORD)];
            let found = trace(&portal, "/do/sign_in", &fields, &[&name, case], script).await;
            assert_eq!(found.hashes, 1, "{case}: one hash whatever the case");
            assert_eq!(found.rows, [0; 7], "{case}: nothing is written");
            assert_eq!(&found, expected.get_or_insert_with(|| found.clone()), "{case}");
        }
    }
}

#[tokio::test]
async fn signing_in_by_address_with_a_wrong_password() {
    let portal = portal().await;
    let mut expected = None;
    for case in CASES {
        let address = format!("{: <24}", format!("{case}@example.org"));
        let fields = [("username", address.as_str()), ("password", OTHER_PASSWORD)];
        let found = trace(&portal, "/do/sign_in", &fields, &[&address, address.trim(), case], false).await;
        assert_eq!((found.hashes, found.rows), (1, [0; 7]), "{case}");
        assert_eq!(&found, expected.get_or_insert_with(|| found.clone()), "{case}");
    }
}

#[tokio::test]
async fn signing_in_with_what_looks_like_a_temporary_password() {
    let portal = portal().await;
    let mut expected = None;
    for case in CASES {
        let name = format!("{case: <12}");
        let fields = [("username", name.as_str()), ("password", "00000-00000-00000-00000-000000")];
        let found = trace(&portal, "/do/sign_in", &fields, &[&name, case], false).await;
        assert_eq!((found.hashes, found.rows), (1, [0; 7]), "{case}");
        assert_eq!(&found, expected.get_or_insert_with(|| found.clone()), "{case}");
    }
}

#[tokio::test]
async fn asking_for_a_temporary_password() {
    for script in [false, true] {
        let portal = portal().await;
        let mut expected = None;
        for case in CASES {
            // Of equal length: what was typed is kept for the sign-in page.
            let email = format!("{: <24}", format!("{case}@example.org"));
            let found =
                trace(&portal, "/do/ask_reset", &[("email", &email)], &[&email, email.trim()], script).await;
            assert_eq!((found.hashes, found.rows), (0, [0, 0, 0, 0, 1, 0, 0]), "{case}: one row and no hash");
            assert_eq!(&found, expected.get_or_insert_with(|| found.clone()), "{case}");
        }
    }
}

#[tokio::test]
async fn registering_with_an_address() {
    for script in [false, true] {
        let portal = portal().await;
        let mut expected = None;
        for case in CASES {
            let (name, email) = (padded(&format!("n{case}")), format!("{case}@example.org"));
            let fields = [
                ("username", name.as_str()),
                ("email", email.as_str()),
                ("password", PASSWORD),
                ("confirm_password", PASSWORD),
            ];
            let found = trace(&portal, "/do/register", &fields, &[&name, &email], script).await;
            assert_eq!((found.hashes, found.rows), (1, [1, 1, 1, 0, 0, 0, 0]), "{case}");
            assert_eq!(&found, expected.get_or_insert_with(|| found.clone()), "{case}");
        }
    }
}

#[tokio::test]
async fn the_right_password_of_a_shadow_and_of_an_unconfirmed_pending_account() {
    for script in [false, true] {
        let portal = portal().await;
        let mut expected = None;
        for case in ["unconfirmed", "shadow1"] {
            let name = format!("{case: <12}");
            let own = [name.as_str(), case];
            let browser = portal.browser();
            let fields = [("username", name.as_str()), ("password", PASSWORD)];
            let mut found = vec![trace_in(&portal, &browser, "/do/sign_in", &fields, &own, script).await];
            assert!(found[0].page.contains("ask_confirmation") || script, "{case}: another link is offered");
            for action in
                ["/do/ask_confirmation", "/do/sign_out", "/do/change_password", "/do/delete_account"]
            {
                found.push(trace_in(&portal, &browser, action, &[], &own, script).await);
            }
            let mut pages = Vec::new();
            for path in
                ["/", "/login", "/register", "/reset-password", "/profile", "/change-password", "/session"]
            {
                let page = browser.get(path).await;
                let cookies: Vec<usize> = page.cookies().into_iter().map(str::len).collect();
                let text = own.iter().fold(page.without_nonce(), |text, typed| text.replace(typed, "…"));
                pages.push((page.status, cookies, text));
            }
            let found = (found, pages);
            assert_eq!(&found, expected.get_or_insert_with(|| found.clone()), "{case}");
        }
    }
}
