//! Tests of the answers, questions, reasons and notes in the data export, and of their deletion with the account.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};

use crate::support::{Browser, TestPortal};
use backend::entity::{decision, question, registration, user};
use backend::jobs::cleanup::purge;
use domain::status::transitions::REJECTION_RETENTION;
use domain::status::{AdminAction, Role, Status, UserId};
use domain::time::{Timestamp, rfc3339};

/// Writes everything that a registration can have: an answer, a question with its answer, and a decision with reason and note.
async fn write_texts(portal: &TestPortal, id: UserId) {
    let (db, now) = (portal.backend.db.pool(), portal.backend.now());
    registration::Entity::update_many()
        .col_expr(registration::Column::Question, Expr::value("Which department?"))
        .col_expr(registration::Column::Answer, Expr::value("<b>Physics</b>"))
        .filter(registration::Column::UserId.eq(id))
        .exec(db)
        .await
        .expect("changes");
    let question = question::ActiveModel {
        id: ActiveValue::NotSet,
        user_id: ActiveValue::Set(id),
        asked_by: ActiveValue::Set(Some(UserId(1))),
        asked_at: ActiveValue::Set(now),
        question: ActiveValue::Set(Some("Who is your supervisor?".to_owned())),
        answer: ActiveValue::Set(Some("Grace".to_owned())),
        answered_at: ActiveValue::Set(Some(now)),
        withdrawn_at: ActiveValue::Set(None),
    };
    question::Entity::insert(question).exec(db).await.expect("inserts");
    let decision = decision::ActiveModel {
        id: ActiveValue::NotSet,
        user_id: ActiveValue::Set(id),
        action: ActiveValue::Set(AdminAction::Reject.into()),
        decided_by: ActiveValue::Set(UserId(1)),
        decided_at: ActiveValue::Set(now),
        status_before: ActiveValue::Set(Status::Pending),
        status_since_before: ActiveValue::Set(now),
        status_by_before: ActiveValue::Set(None),
        role_before: ActiveValue::Set(Role::Member),
        deletion_due_before: ActiveValue::Set(None),
        credential_version_after: ActiveValue::Set(1),
        reason: ActiveValue::Set(Some("Not a member".to_owned())),
        note: ActiveValue::Set(Some("Asked three times".to_owned())),
        email_id: ActiveValue::Set(None),
        undo_until: ActiveValue::Set(Timestamp::NEVER),
        batch: ActiveValue::Set(None),
        undone_at: ActiveValue::Set(Some(now)),
        undone_by: ActiveValue::Set(Some(UserId(1))),
        blocked_before: ActiveValue::Set(None),
    };
    decision::Entity::insert(decision).exec(db).await.expect("inserts");
}

async fn export(browser: &Browser) -> Value {
    serde_json::from_str(&browser.get("/profile/data.json").await.body).expect("JSON")
}

#[tokio::test]
async fn the_data_export_has_the_answers_questions_reasons_and_notes_of_the_account_only() {
    let portal = TestPortal::start().await;
    let ada = portal.create_user("ada", Status::Active, Role::Member).await.id;
    portal.create_user("bob", Status::Active, Role::Member).await;
    write_texts(&portal, ada).await;
    let now = rfc3339(portal.backend.now());
    let data = export(&portal.signed_in("ada").await).await;
    assert_eq!(data["registration"]["question"], "Which department?");
    assert_eq!(data["registration"]["answer"], "<b>Physics</b>");
    assert_eq!(data["registration"]["at"], now);
    assert!(data["registration"]["address"].is_string(), "{data}");
    let question = json!({
        "at": now, "question": "Who is your supervisor?", "answer": "Grace", "answered": now, "withdrawn": null,
    });
    assert_eq!(data["questions"], json!([question]));
    let decision = json!({
        "at": now, "what": "Declined", "reason": "Not a member", "note": "Asked three times", "undone": now,
    });
    assert_eq!(data["decisions"], json!([decision]));
    let others = export(&portal.signed_in("bob").await).await;
    assert_eq!((&others["questions"], &others["decisions"]), (&json!([]), &json!([])));
    assert_eq!(others["registration"]["answer"], Value::Null);
}

#[tokio::test]
async fn the_data_export_of_an_account_without_a_registration_has_none() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    registration::Entity::delete_many().exec(portal.backend.db.pool()).await.expect("deletes");
    let data = export(&admin).await;
    assert_eq!(data["registration"], Value::Null);
}

#[tokio::test]
async fn answers_questions_reasons_and_notes_are_deleted_with_the_account() {
    let portal = TestPortal::start().await;
    let ada = portal.create_user("ada", Status::Rejected, Role::Member).await.id;
    let bob = portal.create_user("bob", Status::Pending, Role::Member).await.id;
    for id in [ada, bob] {
        write_texts(&portal, id).await;
    }
    portal.advance_time(REJECTION_RETENTION + std::time::Duration::from_secs(1));
    purge(&portal.backend).await.expect("purges");
    assert!(user::Entity::find_by_id(ada).one(portal.backend.db.pool()).await.expect("reads").is_none());
    let db = portal.backend.db.pool();
    let registrations = registration::Entity::find().filter(registration::Column::UserId.eq(ada)).count(db);
    let questions = question::Entity::find().filter(question::Column::UserId.eq(ada)).count(db);
    let decisions = decision::Entity::find().filter(decision::Column::UserId.eq(ada)).count(db);
    let (registrations, questions, decisions) = tokio::join!(registrations, questions, decisions);
    assert_eq!(
        (registrations.expect("counts"), questions.expect("counts"), decisions.expect("counts")),
        (0, 0, 0)
    );
    assert_eq!(question::Entity::find().count(db).await.expect("counts"), 1, "bob's stays");
}
