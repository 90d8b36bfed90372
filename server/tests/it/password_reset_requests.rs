//! Tests of requests for temporary passwords: their emails, and the number of emails.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};

use crate::password_reset::{request_reset, secret_in};
use crate::support::{Browser, PASSWORD, TestPortal};
use backend::accounts::password_reset::request::request_password_reset;
use backend::email::transport::Transport;
use backend::email::worker;
use backend::entity::{password_reset_request, user, user_token};
use domain::email_address::EmailAddress;
use domain::status::{Role, Status};

async fn count_reset_emails(portal: &TestPortal) -> usize {
    portal.deliver_emails().await.iter().filter(|email| email.subject.contains("temporary password")).count()
}

#[tokio::test]
async fn a_request_changes_nothing_for_the_owner() {
    let portal = TestPortal::start().await;
    let before = portal.create_user("ada", Status::Active, Role::Member).await;
    let signed_in = portal.signed_in("ada").await;
    let before = user::Model { last_sign_in_at: portal.user("ada").await.last_sign_in_at, ..before };
    for _ in 0..100 {
        request_reset(&portal, "ada").await;
    }
    assert_eq!(count_reset_emails(&portal).await, 1, "asked at once, answered once");
    assert_eq!(portal.user("ada").await, before);
    assert!(signed_in.is_signed_in().await);
    portal.signed_in("ada").await;
}

#[tokio::test]
async fn at_most_three_emails_are_sent_an_hour_and_a_valid_password_always_exists() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    let mut in_this_hour = 0;
    for minute in 0..360 {
        let before = count_reset_emails(&portal).await;
        request_reset(&portal, "ada").await;
        let now = count_reset_emails(&portal).await;
        in_this_hour += now - before;
        if minute % 60 == 59 {
            assert_eq!(in_this_hour, 3, "in the hour before minute {minute}");
            in_this_hour = 0;
        }
        portal.advance_time(Duration::from_mins(1));
        let valid = user_token::Entity::find()
            .filter(user_token::Column::Purpose.eq("temporary_password"))
            .filter(user_token::Column::UsedAt.is_null())
            .filter(user_token::Column::ExpiresAt.gt(portal.backend.now()))
            .count(portal.backend.db.pool())
            .await
            .expect("counts");
        assert!(valid > 0, "at minute {minute}");
    }
    let newest = secret_in(&portal.email_to("ada").await);
    let response = portal.browser().sign_in("ada", &newest).await;
    assert_eq!(response.location(), Some("/change-password"));
}

#[tokio::test]
async fn accounts_that_cannot_reset_are_told_why_and_no_one_else_gets_an_email() {
    let portal = TestPortal::start().await;
    for (name, status) in [
        ("waiting", Status::Pending),
        ("heldone", Status::Held),
        ("refused", Status::Rejected),
        ("shutout", Status::Deactivated),
    ] {
        portal.create_user(name, status, Role::Member).await;
    }
    portal.create_user("nopass1", Status::Active, Role::Member).await;
    remove_password(&portal, "nopass1").await;
    portal.register("unconfirmed").await;
    let before = portal.deliver_emails().await.len();
    for name in ["waiting", "heldone", "refused", "shutout", "nopass1", "unconfirmed", "nobody"] {
        request_reset(&portal, name).await;
    }
    let emails = portal.deliver_emails().await;
    let sent: Vec<(&str, &str)> =
        emails[before..].iter().map(|email| (email.to.as_str(), email.subject.as_str())).collect();
    let subject = "Your password request at Vestibule";
    let expected = [
        ("waiting@example.org", subject),
        ("heldone@example.org", subject),
        ("shutout@example.org", subject),
        ("nopass1@example.org", subject),
    ];
    assert_eq!(sent, expected);
    assert!(emails[before + 2].text.contains("has been deactivated"));
    assert!(emails[before + 3].text.contains("Sign in with Microsoft instead."));
    let left = password_reset_request::Entity::find().count(portal.backend.db.pool()).await.expect("counts");
    assert_eq!(left, 0, "what was worked out is forgotten");
}

async fn remove_password(portal: &TestPortal, name: &str) {
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(Option::<String>::None))
        .filter(user::Column::UsernameKey.eq(name))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
}

/// Creates two active accounts with the same unconfirmed email address. Returns the administrator's browser.
async fn create_two_unconfirmed(portal: &TestPortal) -> Browser {
    let admin = portal.create_admin("grace").await;
    for name in ["ada", "ada2"] {
        portal.browser().register(name, "ada@example.org", PASSWORD).await;
        admin.apply_action("approve", portal.user(name).await.id).await;
    }
    portal.deliver_emails().await;
    admin
}

#[tokio::test]
async fn an_unconfirmed_email_address_gets_no_username_and_no_temporary_password() {
    let portal = TestPortal::start().await;
    create_two_unconfirmed(&portal).await;
    let before = portal.deliver_emails().await.len();
    for _ in 0..5 {
        request_reset(&portal, "ada").await;
        portal.deliver_emails().await;
    }
    let emails = portal.deliver_emails().await;
    assert_eq!(emails.len() - before, 3, "at most three an hour, for both accounts together");
    for email in &emails[before..] {
        assert_eq!(email.to, "ada@example.org");
        assert!(email.text.contains("ask an administrator for help"), "{}", email.text);
        assert!(!email.text.replace("ada@example.org", "").contains("ada"), "{}", email.text);
    }
    let tokens = user_token::Entity::find()
        .filter(user_token::Column::Purpose.eq("temporary_password"))
        .count(portal.backend.db.pool());
    assert_eq!(tokens.await.expect("counts"), 0);
    for name in ["ada", "ada2"] {
        assert!(portal.user(name).await.email_confirmed_at.is_none(), "{name}");
    }
}

#[tokio::test]
async fn a_flood_of_requests_leaves_one_row_for_each_email_address_and_delays_no_email() {
    let portal = TestPortal::start().await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    // From many clients, because each has a limit of its own.
    let clients = AtomicU32::new(0);
    let request = async |name: String| {
        let email = EmailAddress::parse(&format!("{name}@example.org")).expect("an address");
        let client_ip = Ipv4Addr::from_bits(0x0a00_0000 + clients.fetch_add(1, Ordering::Relaxed)).into();
        request_password_reset(&portal.backend, &email, client_ip).await.expect("is written");
    };
    let rows = async || {
        password_reset_request::Entity::find().count(portal.backend.db.pool()).await.expect("counts")
    };
    for _ in 0..5 {
        request("ada".to_owned()).await;
    }
    assert_eq!(rows().await, 1);
    for number in 0..250 {
        request(format!("nobody{number}")).await;
    }
    // Most requests are still queued when the first email is sent.
    assert!(worker::write(&portal.backend).await.expect("a batch is written").is_zero(), "more is due");
    assert_eq!(rows().await, 251 - 25, "after one batch");
    let transport = Transport::File(portal.email_folder());
    worker::send(&portal.backend, &transport, || false).await.expect("is sent");
    assert_eq!(portal.sent_emails().iter().filter(|email| email.to == "ada@example.org").count(), 1);
    portal.deliver_emails().await;
    assert_eq!(rows().await, 0);
}

#[tokio::test]
async fn a_request_that_fails_does_not_stop_the_requests_behind_it() {
    let portal = TestPortal::start().await;
    let broken = portal.create_user("broken1", Status::Active, Role::Member).await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    request_reset(&portal, "broken1").await;
    let before = count_reset_emails(&portal).await;
    // From now on, no second temporary password of this account can be stored.
    let index =
        format!("CREATE UNIQUE INDEX one_token ON user_tokens (purpose) WHERE user_id = {}", broken.id);
    portal.backend.db.pool().execute_unprepared(&index).await.expect("is created");
    request_reset(&portal, "broken1").await;
    request_reset(&portal, "ada").await;
    assert_eq!(count_reset_emails(&portal).await - before, 1);
    let row =
        async || password_reset_request::Entity::find().one(portal.backend.db.pool()).await.expect("reads");
    let request = row().await.expect("it is tried again");
    assert_eq!((request.attempts, request.failed_at), (1, None));
    for _ in 0..7 {
        portal.advance_time(Duration::from_hours(2));
        portal.deliver_emails().await;
    }
    assert!(row().await.expect("it is still there").failed_at.is_some());
    // A new request for the same email address starts again.
    request_reset(&portal, "broken1").await;
    let request = row().await.expect("it is there");
    assert_eq!((request.attempts, request.failed_at), (0, None));
}
