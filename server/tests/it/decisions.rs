//! Decisions of administrators: reasons, notes, questions, and the mark of the account in a form.

use std::time::Duration;

use mail_parser::MessageParser;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::support::decisions::mark_of;
use crate::support::{PASSWORD, TestPortal};
use app::api::action_result::ActionResult;
use backend::entity::outbox::EmailKind;
use backend::entity::{user, user_token};
use domain::decision::ChangeKind;
use domain::errors::{ErrorCode, Field, FormErrors};
use domain::flash_message::FlashMessage;
use domain::status::{AdminAction, Role, Status};

const MARKUP: &str = "</textarea><script>alert(1)</script>&amp;\n\"quoted\"";

#[tokio::test]
async fn a_decision_stores_what_was_before() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.advance_time(Duration::from_mins(1));
    admin.decide("reject", &ada, &[("silent", "yes"), ("note", "Seen before")]).await;
    let [row] = &portal.decisions().await[..] else { panic!("one decision") };
    let grace = portal.user("grace").await;
    assert_eq!((row.user_id, row.decided_by, row.decided_at), (ada.id, grace.id, portal.backend.now()));
    assert_eq!(row.action.known(), Some(AdminAction::Reject));
    assert_eq!((row.status_before, row.role_before), (Status::Pending, Role::Member));
    assert_eq!((row.status_since_before, row.status_by_before), (ada.status_since, None));
    assert_eq!(row.credential_version_after, portal.user("ada").await.credential_version);
    assert_eq!((row.reason.as_deref(), row.note.as_deref()), (None, Some("Seen before")));
    let log = portal.audit_log().await;
    let detail = log.last().and_then(|row| row.detail.clone());
    assert_eq!(detail, Some(format!("decision={}", row.id)));
}

#[tokio::test]
async fn a_rejection_is_told_with_its_reason_only_if_the_administrator_chooses_so() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let [ada, bob, carl] = [
        portal.create_user("ada", Status::Pending, Role::Member).await,
        portal.create_user("bob", Status::Pending, Role::Member).await,
        portal.create_user("carl", Status::Pending, Role::Member).await,
    ];
    portal.deliver_emails().await;
    let texts = [("reason", "Ask your team lead."), ("note", "internal note")];
    admin.decide("reject", &ada, &[texts[0], texts[1], ("silent", "no")]).await;
    admin.get("/admin").await.assert_contains("ada: Rejected. They'll get an email.");
    admin.decide("reject", &bob, &[texts[0], texts[1], ("silent", "yes")]).await;
    admin.decide("reject", &carl, &texts).await;
    let email = portal.email_to("ada").await;
    assert_eq!(email.subject, "Your request to join Vestibule was declined");
    assert!(email.text.contains("Ask your team lead.") && !email.text.contains("internal"), "{}", email.text);
    for silent in [&bob, &carl] {
        let emails = portal.emails_about(silent.id).await;
        assert!(
            emails.iter().all(|row| row.kind.known() != Some(EmailKind::Rejected)),
            "{}",
            silent.username
        );
    }
    let notes: Vec<_> = portal.decisions().await.into_iter().map(|row| (row.reason, row.note)).collect();
    let told = (Some("Ask your team lead.".to_owned()), Some("internal note".to_owned()));
    let silent = (None, Some("Ask your team lead.\ninternal note".to_owned()));
    assert_eq!(notes, [told, silent.clone(), silent]);
}

#[tokio::test]
async fn the_page_of_a_rejection_is_silent_by_default_if_the_email_address_may_be_anyones() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let confirmed = portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.register("bob").await;
    let unconfirmed = portal.user("bob").await;
    for (user, value) in [(confirmed, "no"), (unconfirmed, "yes")] {
        let page = admin.get(&format!("/admin/reject/{}", user.id)).await.body;
        let checked =
            page.split("<input").find(|input| input.contains("type=\"radio\"") && input.contains("checked"));
        let checked = checked.and_then(|input| input.split('>').next()).expect("one is checked");
        assert!(checked.contains(&format!("value=\"{value}\"")), "{checked}");
    }
}

#[tokio::test]
async fn what_has_changed_since_the_page_was_opened_is_shown_instead_of_decided() {
    let portal = TestPortal::start().await;
    let (grace, zoe) = (portal.create_admin("grace").await, portal.create_admin("zoe").await);
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.advance_time(Duration::from_mins(1));
    grace.decide("reject", &ada, &[]).await;
    grace.apply_action("reconsider", ada.id).await;
    portal.advance_time(Duration::from_mins(2));
    // The account is pending again, and the decision would be possible.
    let message = "grace moved ada back to pending 2 minutes ago. Nothing else has changed.";
    let to_page = zoe.decide("approve", &ada, &[]).await;
    assert_eq!(to_page.location(), Some(format!("/admin/approve/{}", ada.id).as_str()));
    let page = zoe.get(to_page.location().expect("a page")).await;
    page.assert_contains(message);
    page.assert_contains("Approve ada?");
    let (id, mark) = (ada.id.to_string(), mark_of(&ada).to_string());
    let fields = [("id", id.as_str()), ("mark", &mark), ("decision", "approve"), ("stay", "yes")];
    let ActionResult::Stale(errors, row) = zoe.fetch("/do/decide", &fields).await.action_result() else {
        panic!("stale")
    };
    assert_eq!(errors, FormErrors::of(ErrorCode::AccountChanged));
    let change = row.last_change.expect("a change");
    assert_eq!(change.kind, ChangeKind::Decided(AdminAction::Reconsider));
    assert_eq!(change.message("ada", portal.backend.now()), "grace moved ada back to pending 2 minutes ago.");
    assert_eq!(portal.user("ada").await.status, Status::Pending);
    assert_eq!(portal.decisions().await.len(), 2);
    let shown = portal.user("ada").await;
    zoe.decide("approve", &shown, &[]).await;
    assert_eq!(portal.user("ada").await.status, Status::Active, "the page as it is now can decide");
}

#[tokio::test]
async fn a_mark_changes_with_the_role_but_not_with_password_and_confirmation() {
    let portal = TestPortal::start().await;
    let (grace, zoe) = (portal.create_admin("grace").await, portal.create_admin("zoe").await);
    let ada = portal.create_user("ada", Status::Active, Role::Member).await;
    user::Entity::update_many()
        .col_expr(user::Column::CredentialVersion, Expr::value(7))
        .col_expr(user::Column::EmailConfirmedAt, Expr::value(portal.backend.now()))
        .filter(user::Column::Id.eq(ada.id))
        .exec(portal.backend.db.pool())
        .await
        .expect("changes");
    grace.decide("make-admin", &ada, &[]).await;
    assert_eq!(portal.user("ada").await.role, Role::Admin, "a new password does not matter");
    let to_page = zoe.decide("deactivate", &ada, &[]).await;
    let page = zoe.get(to_page.location().expect("a page")).await;
    page.assert_contains("grace made ada an administrator just now. Nothing else has changed.");
    assert_eq!(portal.user("ada").await.status, Status::Active);
}

#[tokio::test]
async fn a_mark_that_is_none_is_refused() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    let id = ada.id.to_string();
    for mark in ["1", "x-member", "1-owner", "1-member-2"] {
        let fields = [("id", id.as_str()), ("mark", mark), ("decision", "approve"), ("stay", "yes")];
        let result = admin.fetch("/do/decide", &fields).await.action_result();
        assert_eq!(result, ActionResult::Refused(FormErrors::of(ErrorCode::FormMalformed)), "{mark}");
    }
}

#[tokio::test]
async fn the_same_decision_of_two_administrators_is_made_once() {
    let portal = TestPortal::with(&[("UNDO_WINDOW", "60s")]).await;
    let (grace, zoe) = (portal.create_admin("grace").await, portal.create_admin("zoe").await);
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.deliver_emails().await;
    portal.advance_time(Duration::from_secs(1));
    grace.decide("approve", &ada, &[]).await;
    let (id, mark) = (ada.id.to_string(), mark_of(&ada).to_string());
    let fields = [("id", id.as_str()), ("mark", &mark), ("decision", "approve"), ("stay", "yes")];
    let result = zoe.fetch("/do/decide", &fields).await.action_result();
    let ActionResult::Done { message, user } = result else { panic!("good news: {result:?}") };
    assert_eq!(message, FlashMessage::AlreadyDecided(AdminAction::Approve));
    let change = user.and_then(|user| user.last_change).expect("a change");
    assert_eq!(change.message("ada", portal.backend.now()), "grace approved ada just now.");
    // The same administrator, who pressed the button twice, gets the first answer again.
    let result = grace.fetch("/do/decide", &fields).await.action_result();
    assert!(
        matches!(result, ActionResult::Done { message: FlashMessage::Decided { email: true, .. }, .. }),
        "{result:?}"
    );
    assert_eq!(portal.decisions().await.len(), 1);
    assert_eq!(portal.decision_log(ada.id).await, ["user.approve"]);
    let approvals = portal.emails_about(ada.id).await;
    assert_eq!(approvals.iter().filter(|row| row.kind.known() == Some(EmailKind::Approved)).count(), 1);
}

#[tokio::test]
async fn a_question_puts_the_registration_on_hold_and_sends_its_link() {
    let portal = TestPortal::start().await;
    let (grace, zoe) = (portal.create_admin("grace").await, portal.create_admin("zoe").await);
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    portal.advance_time(Duration::from_mins(1));
    grace.get(&format!("/admin/ask/{}", ada.id)).await.assert_contains("Ask ada a question");
    let question = [("question", "Which team\r\nare you in?")];
    grace.decide("ask", &ada, &question).await;
    grace.get("/admin").await.assert_contains("ada: On hold until they answer. They'll get an email.");
    let held = portal.user("ada").await;
    assert_eq!((held.status, held.status_since), (Status::Held, portal.backend.now()));
    let [row] = &portal.questions().await[..] else { panic!("one question") };
    assert_eq!(row.question.as_deref(), Some("Which team\nare you in?"));
    assert_eq!((row.user_id, row.asked_at), (ada.id, portal.backend.now()));
    let email = portal.email_to("ada").await;
    assert_eq!(email.subject, "A question about your request to join Vestibule");
    assert!(email.text.contains("Which team\n\nare you in?"), "{}", email.text);
    assert!(email.link().starts_with("/answer/"), "{}", email.link());
    let tokens = user_token::Entity::find()
        .filter(user_token::Column::Purpose.eq("answer"))
        .all(portal.backend.db.pool())
        .await
        .expect("reads");
    let expires: Vec<_> = tokens.iter().map(|token| token.expires_at).collect();
    assert_eq!(expires, [portal.backend.now().after(Duration::from_hours(72))]);
    // The same question is good news, another one is not asked.
    grace.decide("ask", &ada, &question).await;
    zoe.decide("ask", &ada, &question).await;
    zoe.get("/admin").await.assert_contains("grace asked ada a question just now.");
    let to_page = zoe.decide("ask", &ada, &[("question", "Who sent you?")]).await;
    let page = zoe.get(to_page.location().expect("a page")).await;
    page.assert_contains("grace asked ada a question just now. Nothing else has changed.");
    assert_eq!((portal.questions().await.len(), portal.decisions().await.len()), (1, 1));
}

#[tokio::test]
async fn only_a_pending_registration_can_be_asked_and_one_on_hold_can_be_decided() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let question = [("question", "Which team?")];
    for (name, status) in [
        ("ada", Status::Active),
        ("bob", Status::Rejected),
        ("carl", Status::Deactivated),
        ("dora", Status::Held),
    ] {
        let user = portal.create_user(name, status, Role::Member).await;
        admin.decide("ask", &user, &question).await;
        assert_eq!(portal.user(name).await.status, status, "{name}");
    }
    assert!(portal.questions().await.is_empty());
    for (name, action, status) in [("eve", "approve", Status::Active), ("fay", "reject", Status::Rejected)] {
        let user = portal.create_user(name, Status::Pending, Role::Member).await;
        admin.decide("ask", &user, &question).await;
        admin.decide(action, &portal.user(name).await, &[]).await;
        assert_eq!(portal.user(name).await.status, status, "{name}");
        let emails = portal.emails_about(user.id).await;
        let asked =
            emails.iter().find(|row| row.kind.known() == Some(EmailKind::Question)).expect("an email");
        assert_eq!(asked.state.as_str(), "dropped", "{name}: the question no longer needs an answer");
    }
}

#[tokio::test]
async fn a_refused_text_of_500_characters_comes_back_without_scripts() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    let (reason, long) = ("\u{4e09}".repeat(500), "\u{4e09}".repeat(501));
    let fields = [("silent", "no"), ("reason", reason.as_str()), ("note", long.as_str())];
    let to_page = admin.decide("reject", &ada, &fields).await;
    let page = admin.get(to_page.location().expect("a page")).await;
    page.assert_contains("Use 500 characters or fewer.");
    page.assert_contains(&format!(">{reason}</textarea>"));
    let radio = page.body.split("<input").find(|input| input.contains("id=\"silent-no\"")).expect("a choice");
    assert!(radio.split('>').next().is_some_and(|radio| radio.contains("checked")), "{radio}");
    let to_page = admin.decide("ask", &ada, &[("question", &long)]).await;
    let page = admin.get(to_page.location().expect("a page")).await;
    page.assert_contains(&format!(">{reason}</textarea>"));
    let errors = admin.fetch("/do/decide", &[("id", &ada.id.to_string()), ("decision", "ask")]).await;
    let missing = FormErrors::of_field(Field::Question, ErrorCode::QuestionMissing);
    assert_eq!(errors.action_result(), ActionResult::Refused(missing));
    assert_eq!(portal.user("ada").await.status, Status::Pending);
}

#[tokio::test]
async fn markup_in_a_reason_a_note_and_a_question_stays_text() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    let bob = portal.create_user("bob", Status::Pending, Role::Member).await;
    portal.deliver_emails().await;
    let long = "a".repeat(501);
    for (action, fields) in [
        ("reject", [("reason", MARKUP), ("note", long.as_str())]),
        ("reject", [("note", MARKUP), ("reason", long.as_str())]),
        ("ask", [("question", MARKUP), ("note", long.as_str())]),
    ] {
        let to_page = admin.decide(action, &ada, &fields).await;
        let page = admin.get(to_page.location().expect("a page")).await;
        page.assert_not_contains("<script>alert(1)");
        page.assert_contains("&lt;/textarea>&lt;script>alert(1)&lt;/script>&amp;amp;\n\"quoted\"</textarea>");
    }
    admin.decide("reject", &ada, &[("silent", "no"), ("reason", MARKUP)]).await;
    admin.decide("ask", &bob, &[("question", MARKUP)]).await;
    admin.get("/admin").await.assert_not_contains("<script>alert(1)");
    for name in ["ada", "bob"] {
        let email = portal.email_to(name).await;
        assert!(
            email.text.contains("</textarea><script>alert(1)</script>&amp;\n\n\"quoted\""),
            "{}",
            email.text
        );
        let source = std::fs::read(&email.file).expect("reads");
        let html =
            MessageParser::default().parse(&source).and_then(|email| Some(email.body_html(0)?.into_owned()));
        let html = html.expect("an HTML part");
        assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"), "{html}");
    }
}

#[tokio::test]
async fn of_two_opposite_decisions_at_once_one_wins() {
    let portal = TestPortal::with(&[("UNDO_WINDOW", "60s")]).await;
    let (grace, zoe) = (portal.create_admin("grace").await, portal.create_admin("zoe").await);
    let people = portal.insert_pending(50, "example.org", "192.0.2.7").await;
    portal.advance_time(Duration::from_secs(1));
    for (number, person) in people.iter().enumerate() {
        let (approve, reject) =
            (grace.decide("approve", person, &[]), zoe.decide("reject", person, &[("silent", "no")]));
        if number % 2 == 0 {
            tokio::join!(approve, reject)
        } else {
            tokio::join!(reject, approve)
        };
        let log = portal.decision_log(person.id).await;
        let emails: Vec<_> =
            portal.emails_about(person.id).await.iter().filter_map(|row| row.kind.known()).collect();
        let status = portal.user(&person.username).await.status;
        let consistent = match status {
            Status::Active => (log == ["user.approve"]) && emails == [EmailKind::Approved],
            Status::Rejected => (log == ["user.reject"]) && emails == [EmailKind::Rejected],
            _ => false,
        };
        assert!(consistent, "{status:?} {log:?} {emails:?}");
    }
    assert_eq!(portal.decisions().await.len(), 50);
}

#[tokio::test]
async fn the_same_rejection_with_another_text_is_refused_and_the_text_comes_back() {
    let portal = TestPortal::start().await;
    portal.backend.clock.tick();
    let (grace, zoe) = (portal.create_admin("grace").await, portal.create_admin("zoe").await);
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    zoe.decide("reject", &ada, &[("silent", "yes")]).await;
    let (id, mark) = (ada.id.to_string(), mark_of(&ada).to_string());
    let same = [("id", id.as_str()), ("mark", &mark), ("decision", "reject"), ("stay", "yes")];
    let result = grace.fetch("/do/decide", &same).await.action_result();
    assert!(matches!(result, ActionResult::Done { .. }), "nothing is lost: {result:?}");
    for text in [("reason", "Not a member"), ("note", "Called twice"), ("silent", "no")] {
        let result = grace.fetch("/do/decide", &[&same[..], &[text]].concat()).await.action_result();
        let ActionResult::Stale(errors, _) = result else { panic!("{text:?} would be lost: {result:?}") };
        assert_eq!(errors.form, Some(ErrorCode::AccountChanged), "{text:?}");
    }
    assert_eq!(portal.decisions().await.len(), 1);
    assert!(
        portal.emails_about(ada.id).await.iter().all(|row| row.kind.known() != Some(EmailKind::Rejected))
    );
}

#[tokio::test]
async fn the_same_question_is_asked_once_however_late_the_second_press_comes() {
    let portal = TestPortal::start().await;
    portal.backend.clock.tick();
    let admin = portal.create_admin("grace").await;
    let ada = portal.create_user("ada", Status::Pending, Role::Member).await;
    let (id, mark) = (ada.id.to_string(), mark_of(&ada).to_string());
    let fields = [
        ("id", id.as_str()),
        ("mark", &mark),
        ("decision", "ask"),
        ("question", "Which team?"),
        ("stay", "yes"),
    ];
    for press in 1..=2 {
        let result = admin.fetch("/do/decide", &fields).await.action_result();
        assert!(matches!(result, ActionResult::Done { .. }), "press {press}: {result:?}");
    }
    assert_eq!(portal.questions().await.len(), 1);
}

#[tokio::test]
async fn the_page_of_a_decision_shows_the_request_with_its_answers_as_quotations() {
    let portal = TestPortal::with(&[("REGISTER_QUESTION", "Why do you want to join?")]).await;
    let admin = portal.create_admin("grace").await;
    let fields = [
        ("username", "ada"),
        ("email", "ada@example.org"),
        ("password", PASSWORD),
        ("confirm_password", PASSWORD),
        ("answer", "I work here.\nexample.org \u{2013} no others pending"),
    ];
    assert_eq!(portal.browser().post("/do/register", &fields).await.location(), Some("/login"));
    let id = portal.user("ada").await.id;
    for path in ["approve", "reject", "ask", "users"] {
        let page = admin.get(&format!("/admin/{path}/{id}")).await;
        page.assert_contains("Why do you want to join?");
        page.assert_contains("The email address is not confirmed, so it may belong to someone else.");
        let quotation =
            page.body.split("<blockquote").nth(1).and_then(|rest| rest.split("</blockquote>").next());
        assert!(quotation.is_some_and(|text| text.contains("no others pending")), "{path}: {quotation:?}");
    }
}
