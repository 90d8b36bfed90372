//! Tests of the preview of the email that a decision sends.

use axum::http::StatusCode;
use sea_orm::EntityTrait;

use crate::support::{Response, TestPortal};
use backend::entity::decision;
use domain::status::{Role, Status};

#[tokio::test]
async fn the_preview_shows_the_email_as_it_is_sent_and_changes_nothing() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await.id;
    portal.deliver_emails().await;
    let (user, log, outbox) = (portal.user("ada").await, portal.audit_log().await, portal.outbox().await);
    let fields =
        [("silent", "no"), ("reason", "You are not\r\na member."), ("note", "A note for colleagues")];
    let page = admin.post(&format!("/admin/reject/{ada}/preview"), &fields).await;
    assert_eq!(page.status, StatusCode::OK);
    page.assert_contains("Reject ada?");
    page.assert_contains("This email has not been sent.");
    page.assert_contains("ada@example.org");
    assert_eq!(portal.user("ada").await, user);
    assert_eq!((portal.audit_log().await, portal.outbox().await), (log, outbox));
    assert!(decision::Entity::find().all(portal.backend.db.pool()).await.expect("reads").is_empty());
    // The form has the texts that were typed.
    for text in ["You are not\na member.</textarea>", "A note for colleagues</textarea>"] {
        assert!(page.body.replace("<!>", "").contains(text), "{text}: {}", page.body);
    }
    let id = ada.to_string();
    let fields = [("id", id.as_str()), ("decision", "reject"), fields[0], fields[1], fields[2]];
    admin.post("/do/decide", &fields).await;
    let email = portal.email_to("ada").await;
    page.assert_contains(&email.subject);
    assert_eq!(preview_text(&page).trim(), email.text.trim());
    assert!(!email.text.contains("colleagues"), "a note is not told");
}

/// Returns the text part of the email in the preview.
fn preview_text(page: &Response) -> String {
    let text = page.body.split("<pre").nth(1).and_then(|rest| rest.split_once('>')).expect("a text").1;
    let text = text.split("</pre>").next().unwrap_or_default().replace("<!>", "");
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

#[tokio::test]
async fn the_preview_of_a_silent_rejection_says_that_no_email_is_sent() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await.id;
    let fields = [("silent", "yes"), ("note", "Spam")];
    let page = admin.post(&format!("/admin/reject/{ada}/preview"), &fields).await;
    page.assert_contains("No email will be sent.");
    assert!(!page.body.contains("<pre"), "{}", page.body);
}

#[tokio::test]
async fn the_preview_of_a_question_shows_it_with_a_link_that_leads_nowhere() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await.id;
    let page = admin.post(&format!("/admin/ask/{ada}/preview"), &[("question", "Which department?")]).await;
    assert!(preview_text(&page).contains("Which department?"), "{}", page.body);
    assert_eq!(portal.user("ada").await.status, Status::Pending);
}

#[tokio::test]
async fn a_text_that_is_too_long_is_shown_with_its_error_instead_of_the_preview() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await.id;
    let long = "\u{1f600}".repeat(501);
    let page = admin.post(&format!("/admin/reject/{ada}/preview"), &[("reason", &long)]).await;
    page.assert_contains("Use 500 characters or fewer.");
    page.assert_contains(&long);
    assert!(!page.body.contains("<pre"), "{}", page.body);
}

#[tokio::test]
async fn the_preview_is_for_administrators_and_a_link_to_it_leads_to_the_decision() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await.id;
    portal.create_user("bob", Status::Active, Role::Member).await;
    let path = format!("/admin/reject/{ada}/preview");
    let response = portal.browser().post(&path, &[("reason", "no")]).await;
    assert!(
        response.location().is_some_and(|to| to.starts_with("/login?next=")),
        "{:?}",
        response.location()
    );
    assert_eq!(
        portal.signed_in("bob").await.post(&path, &[("reason", "no")]).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(admin.get(&path).await.location(), Some(format!("/admin/reject/{ada}").as_str()));
    assert_eq!(admin.post("/admin/reject/999999/preview", &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(admin.post("/admin/nonsense/1/preview", &[]).await.status, StatusCode::NOT_FOUND);
}
