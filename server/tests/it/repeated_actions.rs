//! Actions of administrators that are sent twice are applied once and answered as done twice.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::support::{PASSWORD, TestPortal};
use app::api::action_result::ActionResult;
use backend::audit::Action;
use backend::entity::outbox;
use backend::entity::outbox::{EmailKind, EmailState};
use domain::errors::ErrorCode;
use domain::flash_message::FlashMessage;
use domain::status::{AdminAction, Role, Status};

#[tokio::test]
async fn an_admin_action_that_is_sent_twice_is_done_twice_and_applied_once() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    let id = ada.id.to_string();
    for action in [
        AdminAction::Reject,
        AdminAction::Reconsider,
        AdminAction::Approve,
        AdminAction::MakeAdmin,
        AdminAction::RemoveAdmin,
        AdminAction::Deactivate,
        AdminAction::Reactivate,
    ] {
        let fields = [("id", id.as_str()), ("decision", action.slug()), ("from", "/admin")];
        let (second, first, again) = admin.press_twice("/do/decide", &fields).await;
        assert_eq!((first.location(), again.location()), (Some("/admin"), Some("/admin")), "{action:?}");
        let message = FlashMessage::ActionApplied(action).message();
        second.get("/admin").await.assert_contains(&message);
        let fields = [("id", id.as_str()), ("decision", action.slug()), ("stay", "yes")];
        let result = admin.fetch("/do/decide", &fields).await.action_result();
        assert!(matches!(result, ActionResult::Done { .. }), "{action:?}: {result:?}");
        let log = portal.audit_log().await;
        let applied = log.iter().filter(|row| row.action.known() == Some(Action::Admin(action)));
        assert_eq!(applied.count(), 1, "{action:?}");
    }
    // The deactivation has dropped the email about the approval.
    let waiting =
        portal.outbox().await.into_iter().filter(|row| row.state.known() == Some(EmailState::Pending));
    let kinds: Vec<_> =
        waiting.filter(|row| row.user_id == Some(ada.id)).filter_map(|row| row.kind.known()).collect();
    assert_eq!(kinds, [EmailKind::Reactivated]);
}

#[tokio::test]
async fn an_action_that_another_administrator_has_applied_is_done_until_something_else_is() {
    let portal = TestPortal::start().await;
    let (grace, zoe) = (portal.create_admin("grace").await, portal.create_admin("zoe").await);
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    grace.apply_action("approve", ada.id).await;
    portal.advance_time(Duration::from_mins(2));
    zoe.apply_action("approve", ada.id).await;
    zoe.get("/admin").await.assert_contains("grace approved ada 2 minutes ago.");
    grace.apply_action("reject", ada.id).await;
    let refused = "You approved ada 2 minutes ago. Nothing else has changed.";
    grace.get("/admin").await.assert_contains(refused);
    zoe.apply_action("deactivate", ada.id).await;
    zoe.apply_action("reactivate", ada.id).await;
    grace.apply_action("approve", ada.id).await;
    grace.get("/admin").await.assert_contains("zoe reactivated ada just now.");
    grace.apply_action("deactivate", ada.id).await;
    zoe.get("/admin").await;
    zoe.apply_action("deactivate", ada.id).await;
    zoe.get("/admin").await.assert_contains("grace deactivated ada just now.");
    assert_eq!(portal.user("ada").await.credential_version, 4, "each action was applied once");
}

#[tokio::test]
async fn the_same_action_is_applied_again_once_the_first_one_is_no_longer_in_effect() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Deactivated, Role::Member).await;
    admin.apply_action("reactivate", ada.id).await;
    portal.advance_time(Duration::from_secs(1));
    let browser = portal.signed_in("ada").await;
    browser.post("/do/delete_account", &[("current_password", PASSWORD)]).await;
    assert_eq!(portal.user("ada").await.status, Status::Deactivated);
    admin.apply_action("reactivate", ada.id).await;
    let user = portal.user("ada").await;
    assert_eq!((user.status, user.deletion_due_at), (Status::Active, None));
}

#[tokio::test]
async fn a_failed_email_that_is_sent_again_or_dismissed_twice_is_done_twice() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    admin.apply_action("approve", ada.id).await;
    for (action, message) in
        [("/do/resend_mail", FlashMessage::EmailQueued), ("/do/dismiss_mail", FlashMessage::EmailDismissed)]
    {
        outbox::Entity::update_many()
            .col_expr(outbox::Column::State, Expr::value(EmailState::Failed))
            .filter(outbox::Column::Recipient.eq("ada@example.org"))
            .exec(portal.backend.db.pool())
            .await
            .expect("fails");
        let failed = portal.outbox().await.into_iter().rfind(|row| row.recipient == "ada@example.org");
        let id = failed.expect("an email").id.to_string();
        let (second, ..) = admin.press_twice(action, &[("id", &id)]).await;
        second.get("/admin/mail").await.assert_contains(&message.message());
        let other = if action == "/do/resend_mail" { "/do/dismiss_mail" } else { "/do/resend_mail" };
        admin.post(other, &[("id", &id)]).await;
        admin.get("/admin/mail").await.assert_contains(&ErrorCode::EmailNotFound.message());
    }
}
