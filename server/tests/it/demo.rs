//! Tests of the demo: invented people for development.

use std::collections::BTreeSet;
use std::net::IpAddr;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::support::TestPortal;
use backend::entity::outbox::EmailState;
use backend::entity::{decision, question, registration, saved_reason, user, user_session};
use backend::jobs::cleanup::purge;
use domain::status::{AdminAction, Role, Status};
use domain::time::Timestamp;
use domain::username::Username;
use server::cli::demo::{self, ADMINISTRATOR, MEMBER, PASSWORD, PEOPLE};

/// Starts a portal with the demo.
async fn start_demo() -> TestPortal {
    let portal = TestPortal::start().await;
    demo::fill(&portal.backend).await.expect("the database is filled");
    portal
}

/// Returns all accounts, the oldest first.
async fn accounts(portal: &TestPortal) -> Vec<user::Model> {
    let db = portal.backend.db.pool();
    user::Entity::find().order_by_asc(user::Column::Id).all(db).await.expect("reads")
}

async fn decisions(portal: &TestPortal) -> Vec<decision::Model> {
    decision::Entity::find().all(portal.backend.db.pool()).await.expect("reads")
}

async fn questions(portal: &TestPortal) -> Vec<question::Model> {
    question::Entity::find().all(portal.backend.db.pool()).await.expect("reads")
}

async fn registrations(portal: &TestPortal) -> Vec<registration::Model> {
    registration::Entity::find().all(portal.backend.db.pool()).await.expect("reads")
}

#[tokio::test]
async fn the_demo_has_accounts_in_every_state() {
    let portal = start_demo().await;
    let accounts = accounts(&portal).await;
    assert_eq!(accounts.len(), PEOPLE);
    let count =
        |is_counted: &dyn Fn(&user::Model) -> bool| accounts.iter().filter(|row| is_counted(row)).count();
    for status in Status::ALL {
        assert!(count(&|row| row.status == status) >= 4, "{status:?}");
    }
    for confirmed in [true, false] {
        for status in [Status::Pending, Status::Held, Status::Active, Status::Rejected] {
            let found = count(&|row| row.status == status && row.email_confirmed_at.is_some() == confirmed);
            assert!(found >= 2, "{status:?}, confirmed: {confirmed}");
        }
    }
    assert!(count(&|row| row.role == Role::Admin && row.status == Status::Active) >= 2);
    assert!(count(&|row| row.deletion_due_at.is_some()) >= 2);
    assert!(count(&|row| row.registration_disputed_at.is_some()) >= 2);
    assert!(count(&|row| row.last_sign_in_at > Timestamp::NEVER) >= 100);
    let now = portal.backend.now();
    assert!(accounts.iter().all(|row| row.created_at < now && row.status_since <= now));
}

#[tokio::test]
async fn the_demo_has_decisions_of_every_kind_that_can_no_longer_be_undone() {
    let portal = start_demo().await;
    let decisions = decisions(&portal).await;
    let count = |is_counted: &dyn Fn(&decision::Model) -> bool| {
        decisions.iter().filter(|row| is_counted(row)).count()
    };
    for action in AdminAction::ALL {
        if action.is_undoable() || action == AdminAction::MakeAdmin {
            assert!(count(&|row| row.action.known() == Some(action)) >= 3, "{action:?}");
        }
    }
    assert!(count(&|row| row.reason.is_some()) >= 5, "told reasons");
    assert!(count(&|row| row.note.is_some()) >= 5, "notes");
    assert!(count(&|row| row.batch.is_some()) >= 10, "a batch");
    assert!(count(&|row| row.undone_at.is_some()) >= 2, "undone decisions");
    // Pages would change from second to second.
    let now = portal.backend.now();
    assert_eq!(count(&|row| row.undo_until >= now), 0);
}

#[tokio::test]
async fn the_demo_has_answers_questions_sessions_and_failed_emails() {
    let portal = start_demo().await;
    let (db, now) = (portal.backend.db.pool(), portal.backend.now());
    let questions = questions(&portal).await;
    assert!(questions.iter().filter(|row| row.answer.is_some()).count() >= 8);
    assert!(questions.iter().filter(|row| row.answer.is_none()).count() >= 8);
    let registrations = registrations(&portal).await;
    assert_eq!(registrations.len(), PEOPLE);
    assert!(registrations.iter().filter(|row| row.answer.is_some() && row.question.is_some()).count() >= 250);
    assert!(registrations.iter().any(|row| row.assigned_to.is_some()));
    assert!(!saved_reason::Entity::find().all(db).await.expect("reads").is_empty());
    let sessions = user_session::Entity::find().all(db).await.expect("reads");
    assert!(sessions.iter().filter(|row| row.expires_at > now).count() >= 20);
    let emails = portal.outbox().await;
    assert!(emails.iter().filter(|row| row.state.known() == Some(EmailState::Failed)).count() >= 5);
    let log = portal.audit_log().await;
    assert!(log.len() >= 1_000, "{} rows of the audit log", log.len());
    assert!(log.is_sorted_by_key(|row| row.at));
}

#[tokio::test]
async fn the_people_of_the_demo_are_invented() {
    let portal = start_demo().await;
    let is_example = |email: &str| {
        let domain = email.rsplit_once('@').map(|(_, domain)| domain);
        domain.is_some_and(|domain| domain == "example.org" || domain.ends_with(".example.org"))
    };
    for row in accounts(&portal).await {
        assert!(is_example(&row.email), "{}", row.email);
        assert_eq!(row.email, row.email_canonical);
        let name = Username::parse(&row.username).expect("anyone could register it");
        assert_eq!((name.as_str(), name.key()), (row.username.as_str(), row.username_key));
    }
    assert!(portal.outbox().await.iter().all(|row| is_example(&row.recipient)));
    let is_documentation = |text: &str| {
        text.parse::<IpAddr>().is_ok()
            && ["192.0.2.", "198.51.100.", "2001:db8:"].iter().any(|net| text.starts_with(net))
    };
    let log = portal.audit_log().await.into_iter().filter_map(|row| row.client_ip);
    let registered = registrations(&portal).await.into_iter().filter_map(|row| row.client_ip);
    let addresses: BTreeSet<String> = log.chain(registered).filter(|text| text != "local").collect();
    assert!(addresses.len() > 50);
    assert!(addresses.iter().all(|text| is_documentation(text)), "{addresses:?}");
}

#[tokio::test]
async fn the_demo_has_the_same_people_each_time() {
    let (one, other) = (start_demo().await, start_demo().await);
    let described = async |portal: &TestPortal| {
        let now = portal.backend.now();
        let accounts = accounts(portal).await.into_iter().map(|row| {
            (
                row.id,
                row.username,
                row.email,
                row.status,
                row.role,
                now.since(row.created_at),
                now.since(row.status_since),
            )
        });
        let accounts: Vec<_> = accounts.collect();
        let decisions = decisions(portal).await.into_iter();
        let decisions: Vec<_> = decisions
            .map(|row| (row.user_id, row.decided_by, row.reason, row.note, now.since(row.decided_at)))
            .collect();
        let answers: Vec<_> =
            registrations(portal).await.into_iter().map(|row| (row.answer, row.client_ip)).collect();
        (accounts, decisions, answers)
    };
    assert_eq!(described(&one).await, described(&other).await);
}

#[tokio::test]
async fn the_printed_password_signs_in_and_the_portal_can_be_used() {
    let portal = start_demo().await;
    let instructions = demo::instructions(&portal.backend);
    for part in [ADMINISTRATOR, PASSWORD, "http://portal.test/login"] {
        assert!(instructions.contains(part), "{instructions}");
    }
    let admin = portal.browser();
    assert_eq!(admin.sign_in(ADMINISTRATOR, PASSWORD).await.location(), Some("/profile"));
    admin.get("/admin").await.assert_contains("Pending registrations");
    let member = portal.browser();
    assert_eq!(member.sign_in(MEMBER, PASSWORD).await.location(), Some("/profile"));
    member.get("/profile").await.assert_contains("Signed in with a password");
    portal.register("newcomer").await;
    let newest = portal.user("newcomer").await;
    assert!(usize::try_from(newest.id.0).is_ok_and(|id| id > PEOPLE), "{}", newest.id);
    assert_eq!(admin.apply_action("approve", newest.id).await.location(), Some("/admin"));
}

#[tokio::test]
async fn the_cleanup_deletes_nobody_of_a_new_demo() {
    let portal = start_demo().await;
    let before = (registrations(&portal).await, portal.outbox().await.len());
    assert_eq!(purge(&portal.backend).await.expect("cleans up"), 0);
    assert_eq!((registrations(&portal).await, portal.outbox().await.len()), before);
}

#[tokio::test]
async fn the_failed_emails_of_the_demo_can_be_sent_again() {
    let portal = start_demo().await;
    let admin = portal.browser();
    admin.sign_in(ADMINISTRATOR, PASSWORD).await;
    let count =
        async |state| portal.outbox().await.iter().filter(|row| row.state.known() == Some(state)).count();
    let failed = count(EmailState::Failed).await;
    admin.post("/do/resend_all_mails", &[]).await;
    assert_eq!((count(EmailState::Failed).await, count(EmailState::Pending).await), (0, failed));
}

#[tokio::test]
async fn the_demo_refuses_production_in_one_sentence() {
    let production =
        [("LEPTOS_ENV", "PROD"), ("PUBLIC_URL", "https://portal.test"), ("MAIL_TRANSPORT", "file")];
    let portal = TestPortal::with(&production).await;
    let refused = demo::fill(&portal.backend).await.expect_err("is refused").to_string();
    assert!(refused.starts_with("The demo is only for development"), "{refused}");
    assert_eq!(refused.lines().count(), 1);
    assert!(accounts(&portal).await.is_empty());
}

#[tokio::test]
async fn the_demo_changes_nothing_in_a_database_with_accounts() {
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    let refused = demo::fill(&portal.backend).await.expect_err("is refused").to_string();
    assert!(refused.starts_with("The database already has accounts."), "{refused}");
    let others = user::Entity::find().filter(user::Column::UsernameKey.ne("ada"));
    assert!(others.all(portal.backend.db.pool()).await.expect("reads").is_empty());
}
