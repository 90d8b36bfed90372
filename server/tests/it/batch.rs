//! Decisions about several accounts, and undoing them.

use std::time::Duration;

use axum::http::StatusCode;

use crate::support::decisions::people_fields;
use crate::support::{Browser, TestPortal};
use app::api::action_result::ActionResult;
use backend::admin::decisions::recent_decisions;
use backend::email::worker;
use backend::entity::outbox::{EmailKind, EmailState};
use backend::entity::user;
use domain::decision::{BatchReport, DecisionResult, FilteredQueue, NextPart, QueueFilter, UndoTarget};
use domain::errors::{ErrorCode, FormErrors};
use domain::status::{AdminAction, Role, Status, UserId};
use domain::time::{Timestamp, utc_time};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

async fn start() -> (TestPortal, Browser) {
    let portal = TestPortal::with(&[("UNDO_WINDOW", "60s")]).await;
    portal.backend.clock.tick();
    let admin = portal.create_admin("grace").await;
    (portal, admin)
}

/// Returns the fields of a form about several people, with the decision and other fields.
fn form(people: &[user::Model], decision: &str, others: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut fields = people_fields(people);
    fields.push(("decision".to_owned(), decision.to_owned()));
    fields.extend(others.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    fields
}

/// Sends a form as a script does, and returns the report.
async fn decide_many(admin: &Browser, fields: &[(String, String)]) -> BatchReport {
    let result = admin.fetch_all("/do/decide_many", fields).await.action_result();
    let ActionResult::Batch(report) = result else { panic!("results: {result:?}") };
    *report
}

#[tokio::test]
async fn each_account_of_a_batch_gets_its_own_result() {
    let (portal, admin) = start().await;
    let zoe = portal.create_admin("zoe").await;
    let people = portal.insert_pending(4, "example.org", "192.0.2.7").await;
    let bob = portal.create_user("bob", Status::Active, Role::Member).await;
    portal.advance_time(Duration::from_mins(1));
    zoe.decide("approve", &people[1], &[]).await;
    zoe.decide("reject", &people[2], &[]).await;
    let mut fields = form(&[people.clone(), vec![bob.clone()]].concat(), "approve", &[]);
    fields.push(("people[]".to_owned(), format!("99999:{}", fields[0].1.split_once(':').expect("a mark").1)));
    // The same account twice is decided about once.
    fields.push(fields[0].clone());
    let report = decide_many(&admin, &fields).await;
    let results: Vec<_> = report.accounts().collect();
    let of = |id: UserId| results.iter().find(|(other, _)| *other == id).expect("a result").1;
    assert_eq!(results.len(), 6);
    assert_eq!((of(people[0].id), of(people[3].id)), (DecisionResult::Done, DecisionResult::Done));
    assert_eq!((of(people[1].id), of(people[2].id)), (DecisionResult::Already, DecisionResult::Changed));
    assert_eq!(of(bob.id), DecisionResult::Changed);
    assert_eq!(of(UserId(99999)), DecisionResult::Refused(ErrorCode::UserNotFound));
    let now = portal.backend.now();
    let messages: Vec<_> =
        report.people.iter().map(|person| person.message(report.action, report.undo, now)).collect();
    assert!(messages.contains(&"zoe rejected p002.example.org just now.".to_owned()), "{messages:?}");
    assert!(messages.contains(&"zoe approved p001.example.org just now.".to_owned()), "{messages:?}");
    let batch: Vec<_> = portal.decisions().await.into_iter().filter(|row| row.batch.is_some()).collect();
    assert_eq!(batch.iter().map(|row| row.user_id).collect::<Vec<_>>(), [people[0].id, people[3].id]);
    assert!(batch.iter().all(|row| row.batch.as_deref() == Some(report.batch.as_str())));
    let recent = recent_decisions(&portal.backend, bob.id).await.expect("the recent decisions");
    let listed = recent.iter().find(|decision| decision.target == UndoTarget::Batch(report.batch.clone()));
    assert_eq!(listed.map(|decision| decision.undo_until), batch.iter().map(|row| row.undo_until).min());
}

#[tokio::test]
async fn without_scripts_the_page_shows_the_results_with_names() {
    let (portal, admin) = start().await;
    let zoe = portal.create_admin("zoe").await;
    let people = portal.insert_pending(3, "example.org", "192.0.2.7").await;
    portal.advance_time(Duration::from_mins(1));
    zoe.decide("approve", &people[2], &[]).await;
    portal.advance_time(Duration::from_mins(2));
    let fields = form(&people, "reject", &[("from", "/admin?waiting=1-1")]);
    let response = admin.post_all("/do/decide_many", &fields).await;
    assert_eq!(response.location(), Some("/admin?waiting=1-1"));
    let page = admin.get("/admin?waiting=1-1").await;
    page.assert_contains("Rejected 2 of 3 people");
    page.assert_contains("p002.example.org");
    page.assert_contains("zoe approved p002.example.org 2 minutes ago.");
    page.assert_contains("Undo all");
    page.assert_contains("You rejected 2 people just now.");
    admin.get("/admin").await.assert_not_contains("Rejected 2 of 3 people");
}

#[tokio::test]
async fn only_the_people_of_this_action_may_occur_several_times() {
    let (portal, admin) = start().await;
    let people = portal.insert_pending(2, "example.org", "192.0.2.7").await;
    let list = people_fields(&people);
    let id = people[0].id.to_string();
    let other = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    for (path, fields) in [
        ("/do/decide", [list.clone(), vec![other("id", &id), other("decision", "approve")]].concat()),
        ("/do/undo_decision", list.clone()),
        (
            "/do/decide_many",
            [list.clone(), vec![other("decision", "approve"), other("decision", "reject")]].concat(),
        ),
        (
            "/do/decide_many",
            [list.clone(), vec![other("people", "1"), other("decision", "approve")]].concat(),
        ),
        ("/do/decide_many", vec![other("people[0]", &list[0].1), other("decision", "approve")]),
        ("/do/decide_many", vec![other("note[]", "x"), other("note[]", "y")]),
    ] {
        let response = admin.post_all(path, &fields).await;
        assert_eq!(response.status, StatusCode::BAD_REQUEST, "{path} {fields:?}");
    }
    assert!(portal.decisions().await.is_empty());
    let report = decide_many(&admin, &form(&people, "approve", &[])).await;
    assert_eq!(report.count(DecisionResult::Done), 2);
}

#[tokio::test]
async fn a_form_about_no_one_too_many_or_nothing_is_refused() {
    let (portal, admin) = start().await;
    let people = portal.insert_pending(51, "example.org", "192.0.2.7").await;
    let page_fields = [("domain", "example.org"), ("up_to", "99999"), ("shown_at", "x")];
    for (fields, code) in [
        (form(&[], "approve", &[]), ErrorCode::NoneSelected),
        (form(&people, "approve", &[]), ErrorCode::TooManySelected(50)),
        (form(&people[..1], "make-admin", &[]), ErrorCode::FormMalformed),
        (form(&people[..1], "", &[]), ErrorCode::FormMalformed),
        (form(&[], "approve", &[("people[]", "7")]), ErrorCode::FormMalformed),
        (form(&[], "approve", &page_fields), ErrorCode::FormMalformed),
        (form(&[], "approve", &[("domain", "example.org")]), ErrorCode::FormMalformed),
    ] {
        let result = admin.fetch_all("/do/decide_many", &fields).await.action_result();
        assert_eq!(result, ActionResult::Refused(FormErrors::of(code)), "{code:?}");
    }
    assert!(portal.decisions().await.is_empty());
}

#[tokio::test]
async fn emails_of_more_than_ten_decisions_are_sent_after_confirmations() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let people = portal.insert_pending(21, "example.org", "192.0.2.7").await;
    decide_many(&admin, &form(&people[..10], "approve", &[])).await;
    decide_many(&admin, &form(&people[10..], "approve", &[])).await;
    let rows = portal.outbox().await;
    let priorities: Vec<i32> = rows.iter().map(|row| row.priority).collect();
    let confirmation = EmailKind::ConfirmEmail.priority();
    assert!(priorities[..10].iter().all(|priority| *priority == EmailKind::Approved.priority()));
    let bulk = confirmation + 1..EmailKind::PendingRegistrations.priority();
    assert!(priorities[10..].iter().all(|priority| bulk.contains(priority)), "{priorities:?}");
}

#[tokio::test]
async fn no_account_is_begun_after_seven_seconds() {
    let (portal, admin) = start().await;
    let people = portal.insert_pending(50, "example.org", "192.0.2.7").await;
    let fields = form(&people, "approve", &[]);
    let (report, ()) = tokio::join!(decide_many(&admin, &fields), async {
        while portal.decisions().await.is_empty() {}
        portal.advance_time(Duration::from_secs(8));
    });
    let results: Vec<_> = report.accounts().map(|(_, result)| result).collect();
    let done = results.iter().take_while(|result| **result == DecisionResult::Done).count();
    assert!((1..50).contains(&done), "{done}");
    assert!(results.iter().skip(done).all(|result| *result == DecisionResult::NotBegun), "{results:?}");
    assert_eq!(portal.decisions().await.len(), done);
}

/// Returns the fields of the form about everyone with a domain, as the page has shown them.
fn queue_form(
    decision: &str,
    up_to: UserId,
    shown_at: Timestamp,
    others: &[(&str, &str)],
) -> Vec<(String, String)> {
    let (up_to, shown_at) = (up_to.to_string(), shown_at.0.to_string());
    let queue = [("domain", "spam.example.org"), ("up_to", up_to.as_str()), ("shown_at", shown_at.as_str())];
    form(&[], decision, &[&queue, others].concat())
}

#[tokio::test]
async fn everyone_of_a_domain_is_decided_about_in_parts_of_fifty_and_no_one_else() {
    let (portal, admin) = start().await;
    let zoe = portal.create_admin("zoe").await;
    portal.insert_pending(2, "notspam.example.org", "192.0.2.8").await;
    portal.insert_pending(2, "sub.spam.example.org", "192.0.2.8").await;
    let people = portal.insert_pending(120, "spam.example.org", "192.0.2.7").await;
    let shown_at = portal.backend.now();
    portal.advance_time(Duration::from_secs(1));
    // Someone else has decided about one, and moved it back to pending: the page has not shown that.
    zoe.decide("reject", &people[5], &[]).await;
    zoe.apply_action("reconsider", people[5].id).await;
    let up_to = people[109].id;
    let mut fields = queue_form("reject", up_to, shown_at, &[("silent", "no"), ("reason", "Spam")]);
    let mut parts = Vec::new();
    loop {
        let report = decide_many(&admin, &fields).await;
        parts.push((
            report.count(DecisionResult::Done),
            report.next.as_ref().map_or(0, |next| next.remaining),
        ));
        let Some(next) = report.next else { break };
        let (after, batch) = (next.after.to_string(), report.batch);
        // The next part has no texts: it continues the decision.
        fields = queue_form("reject", up_to, shown_at, &[("after", &after), ("batch", &batch)]);
    }
    assert_eq!(parts, [(50, 59), (50, 9), (9, 0)]);
    let mine: Vec<_> = portal.decisions().await.into_iter().filter(|row| row.batch.is_some()).collect();
    assert_eq!(mine.len(), 109);
    assert!(mine.iter().all(|row| row.batch == mine[0].batch && row.reason.as_deref() == Some("Spam")));
    assert!(mine.iter().all(|row| row.email_id.is_some()));
    assert!(mine.iter().all(|row| people[..110].iter().any(|person| person.id == row.user_id)));
    assert_eq!(portal.user(&people[5].username).await.status, Status::Pending);
    assert_eq!(portal.user(&people[110].username).await.status, Status::Pending);
}

#[tokio::test]
async fn the_total_of_a_batch_in_parts_includes_those_that_earlier_parts_refused() {
    let (portal, admin) = start().await;
    let people = portal.insert_pending(60, "spam.example.org", "192.0.2.7").await;
    let unconfirmed: Vec<_> = people[..3].iter().map(|person| person.id).collect();
    user::Entity::update_many()
        .col_expr(user::Column::EmailConfirmedAt, Expr::value(Option::<Timestamp>::None))
        .filter(user::Column::Id.is_in(unconfirmed))
        .exec(portal.backend.db.pool())
        .await
        .expect("are unconfirmed");
    let (up_to, shown_at) = (people[59].id, portal.backend.now());
    portal.advance_time(Duration::from_secs(1));
    let first = decide_many(&admin, &queue_form("approve", up_to, shown_at, &[])).await;
    assert_eq!((first.count(DecisionResult::Done), first.not_done()), (47, 3));
    let (after, batch) = (first.next.expect("ten are left").after.to_string(), first.batch);
    let next = [("after", after.as_str()), ("batch", batch.as_str())];
    let page = async |fields: &[(&str, &str)]| {
        let form = queue_form("approve", up_to, shown_at, &[&next, fields].concat());
        let response = admin.post_all("/do/decide_many", &form).await;
        admin.get(response.location().expect("a page")).await
    };
    page(&[("not_done", "3")]).await.assert_contains("Approved 57 of 60 people");
    let until = portal.decisions().await.iter().map(|row| row.undo_until).min().expect("decisions");
    // The number is only shown.
    for (wrong, total) in [("-1", "57"), ("4294967295", "4294967352"), ("4294967296", "57")] {
        let last = page(&[("not_done", wrong)]).await;
        last.assert_contains(&format!("Approved 57 of {total} people"));
        // This part has decided about no one, but the parts before it can still be undone.
        last.assert_contains("Undo all");
        last.assert_contains(&format!("You can undo this until {}.", utc_time(until)));
    }
}

#[tokio::test]
async fn a_batch_that_someone_has_undone_is_not_continued() {
    let (portal, admin) = start().await;
    let people = portal.insert_pending(60, "spam.example.org", "192.0.2.7").await;
    let (up_to, shown_at) = (people[59].id, portal.backend.now());
    portal.advance_time(Duration::from_secs(1));
    let first = decide_many(&admin, &queue_form("reject", up_to, shown_at, &[])).await;
    let undo = [("batch".to_owned(), first.batch.clone())];
    admin.post_all("/do/undo_decision", &undo).await;
    let (after, batch) = (first.next.expect("ten are left").after.to_string(), first.batch);
    let fields = queue_form("reject", up_to, shown_at, &[("after", &after), ("batch", &batch)]);
    let result = admin.fetch_all("/do/decide_many", &fields).await.action_result();
    assert_eq!(result, ActionResult::Refused(FormErrors::of(ErrorCode::BatchUndone)));
    assert!(portal.user(&people[59].username).await.status == Status::Pending);
}

#[tokio::test]
async fn people_with_unconfirmed_email_addresses_are_approved_only_on_request() {
    let (portal, admin) = start().await;
    let people = portal.insert_pending(2, "example.org", "192.0.2.7").await;
    portal.register("ada").await;
    let ada = portal.user("ada").await;
    let all = [people, vec![ada.clone()]].concat();
    let report = decide_many(&admin, &form(&all, "approve", &[])).await;
    assert_eq!(report.count(DecisionResult::Done), 2);
    assert_eq!(report.count(DecisionResult::Refused(ErrorCode::EmailUnconfirmed)), 1);
    assert_eq!(portal.user("ada").await.status, Status::Pending);
    let report = decide_many(&admin, &form(&[ada], "approve", &[("unconfirmed", "yes")])).await;
    assert_eq!(report.count(DecisionResult::Done), 1);
}

#[tokio::test]
async fn when_every_decision_fails_the_page_says_so_once() {
    let (portal, admin) = start().await;
    let people = portal.insert_pending(50, "example.org", "192.0.2.7").await;
    let rename = async |from: &str, to: &str| {
        let statement = format!("ALTER TABLE {from} RENAME TO {to}");
        portal.backend.db.pool().execute_unprepared(&statement).await.expect("is renamed");
    };
    rename("decisions", "elsewhere").await;
    let response = admin.post_all("/do/decide_many", &form(&people, "reject", &[])).await;
    rename("elsewhere", "decisions").await;
    let page = admin.get(response.location().expect("a page")).await;
    page.assert_contains("Rejected 0 of 50 people");
    page.assert_contains("Something went wrong on our side.");
}

#[tokio::test]
async fn a_wave_from_one_domain_is_rejected_silently_and_undone_without_scripts() {
    let (portal, admin) = start().await;
    let people = portal.insert_pending(60, "spam.example.org", "192.0.2.7").await;
    portal.deliver_emails().await;
    let emails = portal.outbox().await.len();
    let (up_to, shown_at) = (people[59].id, portal.backend.now());
    portal.advance_time(Duration::from_secs(1));
    let others = [("silent", "yes"), ("from", "/admin?domain=spam.example.org")];
    let mut fields = queue_form("reject", up_to, shown_at, &others);
    for (done, remaining) in [(50, 10), (60, 0)] {
        let response = admin.post_all("/do/decide_many", &fields).await;
        assert_eq!(response.location(), Some("/admin?domain=spam.example.org"));
        let page = admin.get("/admin?domain=spam.example.org").await;
        page.assert_contains(&format!("Rejected {done} of {done} people"));
        if remaining > 0 {
            page.assert_contains(&format!("{remaining} people are left."));
            page.assert_contains("Continue with");
            fields = next_form(&page.body, "/do/decide_many");
        }
    }
    assert_eq!(portal.decisions().await.len(), 60);
    assert_eq!(portal.outbox().await.len(), emails, "no email");
    let page = admin.get("/admin").await;
    page.assert_contains("You rejected 60 people just now.");
    let mut fields = next_form(&page.body, "/do/undo_decision");
    for (done, remaining) in [(50, 10), (60, 0)] {
        admin.post_all("/do/undo_decision", &fields).await;
        let page = admin.get("/admin").await;
        page.assert_contains(&format!("Undone for {done} of {done} people"));
        if remaining > 0 {
            fields = next_form(&page.body, "/do/undo_decision");
        }
    }
    assert!(portal.decisions().await.iter().all(|row| row.undone_at.is_some()));
    for person in [&people[0], &people[59]] {
        let restored = portal.user(&person.username).await;
        assert_eq!((restored.status, restored.status_since), (Status::Pending, person.status_since));
    }
}

/// Returns the fields of the first form of a page that posts to `action`.
fn next_form(body: &str, action: &str) -> Vec<(String, String)> {
    let start = format!("action=\"{action}\"");
    let form = body.split("<form").find(|form| form.contains(&start)).expect("a form");
    let form = form.split("</form>").next().expect("its end");
    let attribute = |tag: &str, name: &str| {
        let rest = tag.split(&format!(" {name}=\"")).nth(1)?;
        rest.split('"').next().map(ToOwned::to_owned)
    };
    let inputs = form.split("<input").skip(1).filter_map(|rest| rest.split('>').next());
    inputs
        .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())))
        .collect()
}

#[tokio::test]
async fn a_batch_is_undone_with_a_result_for_each() {
    let (portal, admin) = start().await;
    let people = portal.insert_pending(3, "example.org", "192.0.2.7").await;
    portal.advance_time(Duration::from_secs(1));
    let report = decide_many(&admin, &form(&people, "approve", &[])).await;
    let first = portal.decisions().await[0].id;
    admin.undo(first).await;
    admin.apply_action("deactivate", people[1].id).await;
    let result = admin.fetch("/do/undo_decision", &[("batch", &report.batch), ("stay", "yes")]).await;
    let ActionResult::Batch(undone) = result.action_result() else { panic!("results: {}", result.body) };
    let results: Vec<_> = undone.accounts().collect();
    assert!(results.contains(&(people[0].id, DecisionResult::Already)), "{results:?}");
    let changed = DecisionResult::Refused(ErrorCode::UndoAccountChanged);
    assert!(results.contains(&(people[1].id, changed)), "{results:?}");
    assert!(results.contains(&(people[2].id, DecisionResult::Done)), "{results:?}");
    assert!(undone.undo && undone.next.is_none());
    portal.advance_time(Duration::from_secs(61));
    worker::write(&portal.backend).await.expect("writes");
    let sent = portal.deliver_emails().await;
    assert!(sent.iter().all(|email| !email.subject.contains("approved")), "no approval has left");
}

#[tokio::test]
async fn the_next_part_of_a_batch_is_only_for_its_author_and_its_action() {
    let (portal, admin) = start().await;
    let zoe = portal.create_admin("zoe").await;
    let people = portal.insert_pending(60, "spam.example.org", "192.0.2.7").await;
    let shown_at = portal.backend.now();
    let report = decide_many(&admin, &queue_form("reject", people[59].id, shown_at, &[])).await;
    let after = report.next.expect("more").after.to_string();
    for (browser, action, batch) in
        [(&zoe, "reject", report.batch.as_str()), (&admin, "approve", &report.batch), (&admin, "reject", "x")]
    {
        let fields = queue_form(action, people[59].id, shown_at, &[("after", &after), ("batch", batch)]);
        let result = browser.fetch_all("/do/decide_many", &fields).await.action_result();
        assert_eq!(result, ActionResult::Refused(FormErrors::of(ErrorCode::FormMalformed)));
    }
    assert_eq!(portal.decisions().await.len(), 50);
}

#[tokio::test]
async fn of_overlapping_batches_at_once_one_decides_about_each_account() {
    let (portal, admin) = start().await;
    let zoe = portal.create_admin("zoe").await;
    let people = portal.insert_pending(75, "example.org", "192.0.2.7").await;
    portal.advance_time(Duration::from_secs(1));
    let (first, second) =
        (form(&people[..50], "approve", &[]), form(&people[25..], "reject", &[("silent", "no")]));
    let (approved, rejected) = tokio::join!(decide_many(&admin, &first), decide_many(&zoe, &second));
    let count = |report: &BatchReport| report.count(DecisionResult::Done);
    assert_eq!(count(&approved) + count(&rejected), 75);
    assert_eq!(approved.count(DecisionResult::Changed) + rejected.count(DecisionResult::Changed), 25);
    for person in &people {
        let status = portal.user(&person.username).await.status;
        let (log, kind) = match status {
            Status::Active => ("user.approve", EmailKind::Approved),
            _ => ("user.reject", EmailKind::Rejected),
        };
        assert_eq!(portal.decision_log(person.id).await, [log]);
        let waiting: Vec<_> = portal.emails_about(person.id).await.into_iter().collect();
        assert_eq!(waiting.iter().filter_map(|row| row.kind.known()).collect::<Vec<_>>(), [kind]);
        assert!(waiting.iter().all(|row| row.state.known() == Some(EmailState::Pending)));
    }
    // The same batch, sent twice at the same time.
    let people = portal.insert_pending(50, "twice.example.org", "192.0.2.7").await;
    let fields = form(&people, "approve", &[]);
    let (one, two) = tokio::join!(decide_many(&admin, &fields), decide_many(&zoe, &fields));
    let already = |report: &BatchReport| report.count(DecisionResult::Already);
    assert_eq!((count(&one) + count(&two), already(&one) + already(&two)), (50, 50));
}

#[test]
fn a_report_of_fifty_people_fits_a_cookie() {
    let mut report = BatchReport {
        batch: "a".repeat(32),
        action: AdminAction::Reactivate,
        undo: true,
        before: 1_000_000,
        not_done_before: 1_000_000,
        results: Vec::new(),
        next: Some(NextPart {
            after: i64::from(i32::MAX),
            remaining: 1_000_000,
            queue: Some(FilteredQueue {
                filter: QueueFilter::Domain("d".repeat(255)),
                up_to: UserId(i32::MAX),
                shown_at: Timestamp(1_800_000_000_000_000),
            }),
        }),
        people: Vec::new(),
    };
    let results = [
        DecisionResult::Done,
        DecisionResult::Already,
        DecisionResult::Changed,
        DecisionResult::Refused(ErrorCode::UndoAccountChanged),
        DecisionResult::NotBegun,
    ];
    for (number, result) in (0..50).zip(results.into_iter().cycle()) {
        report.add(UserId(i32::MAX - number), result);
    }
    assert_eq!(report.accounts().count(), 50);
    let json = serde_json::to_string(&report).expect("JSON");
    assert!(json.len() < 1_700, "{}", json.len());
    assert_eq!(serde_json::from_str::<BatchReport>(&json).expect("reads"), report);
}
