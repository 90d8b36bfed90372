//! Tests of emails whose reason has gone before they were sent: they are dropped in the transaction of the event.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::support::smtp::smtp_server;
use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, TestPortal};
use backend::admin::commands::grant_admin;
use backend::email::worker;
use backend::entity::outbox;
use backend::entity::outbox::{EmailKind, EmailState};
use domain::status::{Role, Status};

/// Turns all jobs and requests into emails, without sending them.
async fn write_emails(portal: &TestPortal) {
    while worker::write(&portal.backend).await.expect("emails are written").is_zero() {}
}

/// Returns the states of the emails of this kind, the oldest first. The content of a dropped one has been erased.
async fn states(portal: &TestPortal, kind: EmailKind) -> Vec<EmailState> {
    let rows = portal.outbox().await.into_iter().filter(|row| row.kind.known() == Some(kind));
    let state = |row: outbox::Model| {
        let state = row.state.known().expect("a known state");
        assert!(state != EmailState::Dropped || row.sealed.is_none());
        state
    };
    rows.map(state).collect()
}

async fn request_change(browser: &Browser, email: &str) {
    let fields = [("email", email), ("current_password", PASSWORD)];
    browser.post("/do/ask_address_change", &fields).await;
}

/// Requests a change of email address, and returns the link in the email to the new one.
async fn link_to_new_address(portal: &TestPortal, browser: &Browser, email: &str) -> String {
    request_change(browser, email).await;
    let emails = portal.deliver_emails().await;
    emails.iter().rfind(|received| received.to == email).expect("mail").link()
}

/// Starts a portal where grace is an administrator and ada has this status. All earlier emails have been sent.
async fn with_ada(status: Status) -> (TestPortal, Browser) {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.create_user("ada", status, Role::Member).await;
    portal.deliver_emails().await;
    (portal, admin)
}

/// Returns ada's browser, after she has asked for a temporary password and for a change of email address.
async fn with_unsent_links(portal: &TestPortal) -> Browser {
    let browser = portal.signed_in("ada").await;
    request_change(&browser, "new@example.org").await;
    portal.browser().post("/do/ask_reset", &[("email", "ada@example.org")]).await;
    write_emails(portal).await;
    assert_links(portal, EmailState::Pending).await;
    browser
}

async fn assert_links(portal: &TestPortal, state: EmailState) {
    for kind in [EmailKind::TemporaryPassword, EmailKind::ConfirmNewEmail] {
        assert_eq!(states(portal, kind).await, [state], "{kind:?}");
    }
}

#[tokio::test]
async fn an_approval_email_is_dropped_when_the_account_is_deactivated() {
    for failed in [false, true] {
        let (portal, admin) = with_ada(Status::Pending).await;
        let ada = portal.user("ada").await.id;
        admin.apply_action("approve", ada).await;
        if failed {
            portal.run_worker(&smtp_server("550 5.1.1 no such mailbox").await).await;
        }
        admin.apply_action("deactivate", ada).await;
        assert_eq!(states(&portal, EmailKind::Approved).await, [EmailState::Dropped]);
        let sent = portal.sent_emails().len();
        assert_eq!(portal.deliver_emails().await.len(), sent);
    }
}

#[tokio::test]
async fn a_reactivation_email_is_dropped_when_the_account_is_deactivated_again() {
    let (portal, admin) = with_ada(Status::Deactivated).await;
    let ada = portal.user("ada").await.id;
    admin.apply_action("reactivate", ada).await;
    admin.apply_action("deactivate", ada).await;
    assert_eq!(states(&portal, EmailKind::Reactivated).await, [EmailState::Dropped]);
    admin.apply_action("reactivate", ada).await;
    let to_ada = portal.email_to("ada").await;
    assert_eq!(to_ada.subject, "Your account at Vestibule is active again");
}

#[tokio::test]
async fn a_confirmation_email_is_dropped_when_the_registration_is_rejected() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.register("ada").await;
    write_emails(&portal).await;
    admin.apply_action("reject", portal.user("ada").await.id).await;
    assert_eq!(states(&portal, EmailKind::ConfirmEmail).await, [EmailState::Dropped]);
    let subjects: Vec<String> =
        portal.deliver_emails().await.into_iter().map(|email| email.subject).collect();
    assert!(subjects.is_empty(), "no email to ada, and no notification about her: {subjects:?}");
}

#[tokio::test]
async fn all_links_that_wait_are_dropped_with_the_event_that_revokes_them() {
    for event in ["deactivation", "role", "deletion", "password", "email address"] {
        let (portal, admin) = with_ada(Status::Active).await;
        if event == "email address" {
            let browser = portal.signed_in("ada").await;
            let link = link_to_new_address(&portal, &browser, "countess@example.org").await;
            portal.browser().post("/do/ask_reset", &[("email", "ada@example.org")]).await;
            write_emails(&portal).await;
            let token = link.trim_start_matches("/confirm-address/");
            browser.post("/do/change_address", &[("token", token)]).await;
            assert_eq!(states(&portal, EmailKind::TemporaryPassword).await, [EmailState::Dropped]);
            assert_eq!(states(&portal, EmailKind::EmailChanged).await, [EmailState::Pending]);
            continue;
        }
        let browser = with_unsent_links(&portal).await;
        let ada = portal.user("ada").await.id;
        match event {
            "deactivation" => drop(admin.apply_action("deactivate", ada).await),
            "role" => drop(admin.apply_action("make-admin", ada).await),
            "deletion" => drop(browser.post("/do/delete_account", &[("current_password", PASSWORD)]).await),
            _ => {
                let fields = [
                    ("current_password", PASSWORD),
                    ("new_password", OTHER_PASSWORD),
                    ("confirm_password", OTHER_PASSWORD),
                ];
                browser.post("/do/change_password", &fields).await;
                assert_eq!(states(&portal, EmailKind::PasswordChanged).await, [EmailState::Pending]);
            }
        }
        assert_links(&portal, EmailState::Dropped).await;
    }
}

#[tokio::test]
async fn an_approval_email_that_waits_gets_a_new_link_when_the_role_changes() {
    for by_command in [false, true] {
        let (portal, admin) = with_ada(Status::Pending).await;
        let ada = portal.user("ada").await.id;
        admin.apply_action("approve", ada).await;
        if by_command {
            grant_admin(&portal.backend, "ada").await.expect("grants");
        } else {
            admin.apply_action("make-admin", ada).await;
        }
        assert_eq!(states(&portal, EmailKind::Approved).await, [EmailState::Dropped, EmailState::Pending]);
        let link = portal.email_to("ada").await.link();
        let browser = portal.browser();
        browser.post("/do/use_sign_in_link", &[("token", link.trim_start_matches("/auto-login/"))]).await;
        assert!(browser.is_signed_in().await);
    }
}

#[tokio::test]
async fn an_approval_email_is_not_sent_after_a_sign_in_with_the_password() {
    let (portal, admin) = with_ada(Status::Pending).await;
    admin.apply_action("approve", portal.user("ada").await.id).await;
    portal.advance_time(Duration::from_secs(1));
    portal.signed_in("ada").await;
    let sent = portal.sent_emails().len();
    assert_eq!(portal.deliver_emails().await.len(), sent);
    assert_eq!(states(&portal, EmailKind::Approved).await, [EmailState::Dropped]);
}

#[tokio::test]
async fn another_request_drops_the_email_to_the_earlier_new_address() {
    let (portal, _) = with_ada(Status::Active).await;
    let browser = portal.signed_in("ada").await;
    request_change(&browser, "typo@example.org").await;
    write_emails(&portal).await;
    request_change(&browser, "countess@example.org").await;
    assert_eq!(states(&portal, EmailKind::ConfirmNewEmail).await, [EmailState::Dropped]);
    write_emails(&portal).await;
    request_change(&browser, "countess@example.org").await;
    let before_the_job = [EmailState::Dropped, EmailState::Pending];
    assert_eq!(states(&portal, EmailKind::ConfirmNewEmail).await, before_the_job);
    write_emails(&portal).await;
    let after_the_job = [EmailState::Dropped, EmailState::Dropped, EmailState::Pending];
    assert_eq!(states(&portal, EmailKind::ConfirmNewEmail).await, after_the_job);
}

#[tokio::test]
async fn confirming_drops_other_links_to_the_email_address_also_of_other_accounts() {
    let portal = TestPortal::start().await;
    let ada = portal.register("ada").await;
    let link = portal.email_to("ada").await.link();
    ada.sign_in("ada", PASSWORD).await;
    ada.post("/do/ask_confirmation", &[]).await;
    portal.browser().register("eve", "ada@example.org", PASSWORD).await;
    write_emails(&portal).await;
    ada.post("/do/confirm_address", &[("token", link.trim_start_matches("/confirm/"))]).await;
    assert!(portal.user("ada").await.email_confirmed_at.is_some());
    let ours = [EmailState::Sent, EmailState::Dropped, EmailState::Pending];
    assert_eq!(states(&portal, EmailKind::ConfirmEmail).await, ours);
    portal.deliver_emails().await;
    let all = [EmailState::Sent, EmailState::Dropped, EmailState::Dropped];
    assert_eq!(states(&portal, EmailKind::ConfirmEmail).await, all);
}

#[tokio::test]
async fn this_was_not_me_drops_other_links_and_confirming_keeps_the_notification() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.register("ada").await;
    let link = portal.email_to("ada").await.link();
    // The password of a pending account allows another request for some minutes.
    ada.sign_in("ada", PASSWORD).await;
    admin.apply_action("approve", portal.user("ada").await.id).await;
    let approval = portal.email_to("ada").await.link();
    ada.post("/do/ask_confirmation", &[]).await;
    write_emails(&portal).await;
    portal.browser().post("/do/disown_address", &[("token", link.trim_start_matches("/confirm/"))]).await;
    assert_eq!(states(&portal, EmailKind::ConfirmEmail).await, [EmailState::Sent, EmailState::Dropped]);
    write_emails(&portal).await;
    assert_eq!(states(&portal, EmailKind::RegistrationDisputed).await, [EmailState::Pending]);
    let fields = [("token", approval.trim_start_matches("/auto-login/")), ("password", PASSWORD)];
    portal.browser().post("/do/use_sign_in_link", &fields).await;
    assert!(portal.user("ada").await.email_confirmed_at.is_some());
    assert_eq!(states(&portal, EmailKind::RegistrationDisputed).await, [EmailState::Pending]);
}

#[tokio::test]
async fn using_a_temporary_password_drops_the_others() {
    let (portal, _) = with_ada(Status::Active).await;
    let ask = async || {
        portal.browser().post("/do/ask_reset", &[("email", "ada@example.org")]).await;
        write_emails(&portal).await;
    };
    ask().await;
    let text = portal.email_to("ada").await.text;
    let password =
        text.lines().find(|line| line.matches('-').count() >= 4).expect("a password").trim().to_owned();
    ask().await;
    portal.browser().sign_in("ada", &password).await;
    assert_eq!(states(&portal, EmailKind::TemporaryPassword).await, [EmailState::Sent, EmailState::Dropped]);
}

#[tokio::test]
async fn undoing_a_change_of_email_address_drops_the_emails_of_the_thief() {
    let (portal, _) = with_ada(Status::Active).await;
    let thief = portal.signed_in("ada").await;
    let link = link_to_new_address(&portal, &thief, "thief@example.org").await;
    thief.post("/do/change_address", &[("token", link.trim_start_matches("/confirm-address/"))]).await;
    let undo = portal.email_to("ada").await.link();
    request_change(&thief, "thief2@example.org").await;
    portal.browser().post("/do/ask_reset", &[("email", "thief@example.org")]).await;
    write_emails(&portal).await;
    let owner = portal.browser();
    owner.post("/do/undo_address_change", &[("token", undo.trim_start_matches("/undo/"))]).await;
    assert_eq!(portal.user("ada").await.email, "ada@example.org");
    assert_eq!(states(&portal, EmailKind::TemporaryPassword).await, [EmailState::Dropped]);
    let changes = [EmailState::Sent, EmailState::Dropped];
    assert_eq!(states(&portal, EmailKind::ConfirmNewEmail).await, changes);
}

#[tokio::test]
async fn a_change_of_email_address_drops_the_emails_to_the_old_one() {
    let (portal, _) = with_ada(Status::Active).await;
    let browser = portal.signed_in("ada").await;
    let link = link_to_new_address(&portal, &browser, "countess@example.org").await;
    portal.browser().register("eve", "ada@example.org", PASSWORD).await;
    write_emails(&portal).await;
    assert_eq!(states(&portal, EmailKind::AlreadyRegistered).await, [EmailState::Pending]);
    browser.post("/do/change_address", &[("token", link.trim_start_matches("/confirm-address/"))]).await;
    assert_eq!(portal.user("ada").await.email, "countess@example.org");
    assert_eq!(states(&portal, EmailKind::AlreadyRegistered).await, [EmailState::Dropped]);
}

#[tokio::test]
async fn undoing_a_change_of_email_address_drops_the_email_that_reports_it() {
    let (portal, _) = with_ada(Status::Active).await;
    let thief = portal.signed_in("ada").await;
    let link = link_to_new_address(&portal, &thief, "thief@example.org").await;
    thief.post("/do/change_address", &[("token", link.trim_start_matches("/confirm-address/"))]).await;
    let undo = portal.email_to("ada").await.link();
    // The server accepted the email, but the portal did not hear of it and is going to send it again.
    outbox::Entity::update_many()
        .col_expr(outbox::Column::State, Expr::value(EmailState::Pending))
        .filter(outbox::Column::Kind.eq(EmailKind::EmailChanged))
        .exec(portal.backend.db.pool())
        .await
        .expect("is pending again");
    let owner = portal.browser();
    owner.post("/do/undo_address_change", &[("token", undo.trim_start_matches("/undo/"))]).await;
    assert_eq!(portal.user("ada").await.email, "ada@example.org");
    assert_eq!(states(&portal, EmailKind::EmailChanged).await, [EmailState::Dropped]);
}

#[tokio::test]
async fn the_reason_for_no_temporary_password_is_not_sent_once_it_is_wrong() {
    let (portal, admin) = with_ada(Status::Pending).await;
    portal.browser().post("/do/ask_reset", &[("email", "ada@example.org")]).await;
    write_emails(&portal).await;
    admin.apply_action("approve", portal.user("ada").await.id).await;
    assert_eq!(states(&portal, EmailKind::NoTemporaryPassword).await, [EmailState::Dropped]);
}

#[tokio::test]
async fn warnings_about_changes_are_sent_whatever_happens_next() {
    let (portal, admin) = with_ada(Status::Active).await;
    let browser = portal.signed_in("ada").await;
    let fields = [
        ("current_password", PASSWORD),
        ("new_password", OTHER_PASSWORD),
        ("confirm_password", OTHER_PASSWORD),
    ];
    browser.post("/do/change_password", &fields).await;
    browser.post("/do/delete_account", &[("current_password", OTHER_PASSWORD)]).await;
    assert_eq!(states(&portal, EmailKind::AccountDeletion).await, [EmailState::Pending]);
    admin.apply_action("deactivate", portal.user("ada").await.id).await;
    assert_eq!(states(&portal, EmailKind::PasswordChanged).await, [EmailState::Pending]);
    assert_eq!(states(&portal, EmailKind::AccountDeletion).await, [EmailState::Dropped], "it is cancelled");
}
