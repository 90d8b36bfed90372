//! The mail outbox.

use std::time::Duration;

use app::backend::entity::outbox;
use app::backend::mail::outbox::{lease_next, open};
use app::backend::mail::transport::Transport;
use app::backend::purge::purge;
use app::domain::status::{Role, Status};
use axum::http::StatusCode;
use lettre::{AsyncSmtpTransport, Tokio1Executor};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use crate::support::{Browser, PASSWORD, Portal};

#[tokio::test]
async fn more_notices_than_a_statement_can_list_stop_nothing() {
    use sea_orm::ConnectionTrait;
    let portal = Portal::with(&[("ADMIN_EMAIL", "desk@example.org")]).await;
    let ada = portal.person("ada", Status::Pending, Role::Member).await;
    let jobs = format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 33000) \
         INSERT INTO mail_jobs (kind, user_id, email, created_at, due_at) SELECT 'notice', {}, '', 0, 0 FROM numbers",
        ada.id
    );
    portal.backend.db.pool().execute_unprepared(&jobs).await.expect("is written");
    // Those of a quarter of an hour are gathered.
    for _ in 0..2 {
        portal.mails().await;
        portal.later(Duration::from_mins(16));
    }
    assert!(portal.jobs().await.is_empty());
    let told = portal.outbox().await.into_iter().filter(|row| row.kind == "notice").count();
    assert!(told >= 1);
}

#[tokio::test]
async fn a_mail_is_sealed_in_the_database_and_wiped_once_it_is_sent() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    let ada = portal.person("ada", Status::Pending, Role::Member).await;
    portal.mails().await;
    admin.decide("approve", ada.id).await;
    let row = portal.outbox().await.pop().expect("a mail");
    assert_eq!((row.kind.as_str(), row.status.as_str()), ("approved", "waiting"));
    let sealed = row.sealed.expect("content");
    assert!(!sealed.contains("auto-login"));
    let token = portal.mail_to("ada").await.link();
    assert!(!sealed.contains(token.trim_start_matches("/auto-login/")));
    let row = portal.outbox().await.pop().expect("a mail");
    assert_eq!((row.status.as_str(), row.sealed), ("sent", None));
}

#[tokio::test]
async fn killed_between_send_and_mark_the_mail_comes_again_with_the_same_link() {
    let portal = Portal::start().await;
    portal.register("ada").await;
    let transport = Transport::File(portal.mail_folder());
    while app::backend::mail::jobs::work_next(&portal.backend).await.expect("works") {}
    // As the worker does, up to the moment at which it is killed.
    let leased = lease_next(&portal.backend).await.expect("works").expect("a mail");
    let message = open(&portal.backend, &leased).expect("opens");
    let rendered = app::backend::mail::templates::render(&message, &portal.backend.settings);
    transport.send(&portal.backend.settings, &leased, rendered).await;
    // Another worker keeps its hands off while the lease lasts.
    portal.work(&transport).await;
    assert_eq!(portal.sent().len(), 1);
    portal.later(Duration::from_mins(2));
    portal.work(&transport).await;
    let sent = portal.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].link(), sent[1].link());
    let id = |mail: &crate::support::Mail| {
        let content = std::fs::read_to_string(&mail.file).expect("reads");
        content.lines().find(|line| line.starts_with("Message-ID")).expect("an id").to_owned()
    };
    assert_eq!(id(&sent[0]), id(&sent[1]));
}

#[tokio::test]
async fn files_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let portal = Portal::start().await;
    portal.register("ada").await;
    let mail = portal.mail_to("ada").await;
    let mode = std::fs::metadata(&mail.file).expect("is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let content = std::fs::read_to_string(&mail.file).expect("reads");
    assert!(content.contains("Auto-Submitted: auto-generated"));
    assert!(content.contains("X-Auto-Response-Suppress: All"));
}

#[tokio::test]
async fn what_would_arrive_dead_is_dropped() {
    let portal = Portal::start().await;
    portal.register("ada").await;
    while app::backend::mail::jobs::work_next(&portal.backend).await.expect("works") {}
    portal.later(Duration::from_hours(73));
    assert!(portal.mails().await.is_empty());
    let row = portal.outbox().await.pop().expect("a row");
    assert_eq!((row.status.as_str(), row.sealed), ("dropped", None));
}

#[tokio::test]
async fn no_more_leave_than_the_rate_allows() {
    let portal = Portal::with(&[("MAIL_RATE", "2/1m")]).await;
    for name in ["one", "two", "three", "four", "five"] {
        portal.register(name).await;
    }
    assert_eq!(portal.mails().await.len(), 2);
    portal.later(Duration::from_mins(1));
    assert_eq!(portal.mails().await.len(), 4);
    portal.later(Duration::from_mins(1));
    assert_eq!(portal.mails().await.len(), 5);
}

#[tokio::test]
async fn the_first_notice_leaves_at_once_and_the_next_are_gathered() {
    let portal = Portal::start().await;
    portal.admin("grace").await;
    portal.register("ada").await;
    let notices = |mails: Vec<crate::support::Mail>| -> Vec<String> {
        mails.into_iter().filter(|mail| mail.to == "grace@example.org").map(|mail| mail.subject).collect()
    };
    assert_eq!(notices(portal.mails().await), ["ada asks to join Vestibule"]);
    portal.register("bob").await;
    portal.register("eve").await;
    assert_eq!(notices(portal.mails().await).len(), 1);
    portal.later(Duration::from_mins(15));
    assert_eq!(
        notices(portal.mails().await).last().map(String::as_str),
        Some("2 people ask to join Vestibule")
    );
    assert!(portal.jobs().await.is_empty());
}

#[tokio::test]
async fn notices_go_to_admin_email_where_it_is_set() {
    let portal = Portal::with(&[("ADMIN_EMAIL", "desk@example.org, second@example.org")]).await;
    portal.admin("grace").await;
    portal.register("ada.lovelace").await;
    let mails = portal.mails().await;
    let to: Vec<&str> =
        mails.iter().filter(|mail| mail.subject.contains("asks")).map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, ["desk@example.org", "second@example.org"]);
    let notice = mails.iter().find(|mail| mail.to == "desk@example.org").expect("a notice");
    assert!(notice.text.contains("ada.\u{2060}lovelace"), "no program makes a link of a name");
    assert!(notice.text.contains("(address not confirmed yet)"));
}

/// A mail server on loopback that answers every recipient with `answer`, and counts.
async fn mail_server(answer: &'static str) -> Transport {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(talk(socket, answer));
        }
    });
    let url = format!("smtp://127.0.0.1:{port}");
    Transport::Smtp(AsyncSmtpTransport::<Tokio1Executor>::from_url(&url).expect("an address").build())
}

async fn talk(socket: tokio::net::TcpStream, answer: &str) {
    let (read, mut write) = socket.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut data = false;
    let _ = write.write_all(b"220 mail.test\r\n").await;
    while let Ok(Some(line)) = lines.next_line().await {
        let reply = match line.as_str() {
            "." if data => {
                data = false;
                "250 taken"
            }
            _ if data => continue,
            "DATA" => {
                data = true;
                "354 go on"
            }
            line if line.starts_with("RCPT") => answer,
            line if line.starts_with("QUIT") => "221 bye",
            _ => "250 mail.test",
        };
        if write.write_all(format!("{reply}\r\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_mail_server_takes_mail() {
    let portal = Portal::start().await;
    portal.register("ada").await;
    portal.work(&mail_server("250 fine").await).await;
    assert_eq!(portal.outbox().await.pop().expect("a row").status, "sent");
}

/// A portal that has given ada's mail of approval up, and its administrator.
async fn with_given_up() -> (Portal, Browser, outbox::Model) {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    let ada = portal.person("ada", Status::Pending, Role::Member).await;
    portal.mails().await;
    admin.decide("approve", ada.id).await;
    portal.work(&mail_server("550 5.1.1 no such mailbox").await).await;
    let row = portal.outbox().await.pop().expect("a row");
    assert_eq!(row.status, "given_up");
    (portal, admin, row)
}

#[tokio::test]
async fn a_refused_mail_is_given_up_shown_and_sent_again_with_a_new_link() {
    let (portal, admin, row) = with_given_up().await;
    let page = admin.get("/admin/mail").await;
    page.says("no such mailbox");
    page.says("ada@example.org");
    admin.get("/admin").await.says("1<span class=\"sr-only\"> given up");
    let id = row.id.to_string();
    assert_eq!(admin.post("/do/resend_mail", &[("id", &id)]).await.location(), Some("/admin/mail"));
    admin.get("/admin/mail").await.says("The mail will be sent again.");
    let link = portal.mail_to("ada").await.link();
    let browser = portal.browser();
    browser.post("/do/use_sign_in_link", &[("token", link.trim_start_matches("/auto-login/"))]).await;
    assert!(browser.is_signed_in().await);
    admin.post("/do/resend_mail", &[("id", &id)]).await;
    admin.get("/admin/mail").await.says("That mail is not waiting to be sent again.");
}

#[tokio::test]
async fn a_given_up_mail_that_means_nothing_any_more_is_done_with() {
    let (portal, admin, given_up) = with_given_up().await;
    admin.decide("deactivate", portal.user("ada").await.id).await;
    admin.post("/do/resend_mail", &[("id", &given_up.id.to_string())]).await;
    admin.get("/admin/mail").await.says("That mail is not waiting to be sent again.");
    let row = portal.outbox().await.into_iter().find(|row| row.id == given_up.id).expect("is there");
    assert_eq!((row.status.as_str(), row.last_error.as_str()), ("dropped", "no longer needed"));
}

#[tokio::test]
async fn what_nobody_takes_is_tried_again_ever_later_and_given_up_after_a_day() {
    let portal = Portal::start().await;
    portal.register("ada").await;
    let transport = mail_server("451 not now").await;
    let mut waits = Vec::new();
    for _ in 0..14 {
        portal.work(&transport).await;
        let row = portal.outbox().await.pop().expect("a row");
        let now = portal.backend.now().0;
        if row.status == "waiting" {
            let wait = Duration::from_micros(u64::try_from(row.due_at - now).expect("later"));
            waits.push(wait.as_secs());
            portal.later(wait);
        }
    }
    assert!((30..=46).contains(&waits[0]) && (60..=91).contains(&waits[1]), "{waits:?}");
    let row = portal.outbox().await.pop().expect("a row");
    assert_eq!((row.status.as_str(), row.attempts), ("given_up", 14));
    assert!(row.last_error.contains("not now"), "{}", row.last_error);
    assert!((20 * 3_600..31 * 3_600).contains(&waits.iter().sum::<u64>()), "{waits:?}");
}

#[tokio::test]
async fn an_unreachable_mail_server_loses_nothing() {
    let portal = Portal::start().await;
    portal.register("ada").await;
    let url = "smtp://127.0.0.1:9";
    let gone =
        Transport::Smtp(AsyncSmtpTransport::<Tokio1Executor>::from_url(url).expect("an address").build());
    portal.work(&gone).await;
    assert_eq!(portal.outbox().await.pop().expect("a row").status, "waiting");
    portal.later(Duration::from_mins(1));
    assert_eq!(portal.mail_to("ada").await.subject, "Confirm your address for Vestibule");
}

/// The kinds and addresses of failed emails on a page, and where the next one begins.
fn failed_on(page: &str) -> (usize, Option<String>) {
    let next = page.split("href=\"/admin/mail?before=").nth(1).and_then(|rest| rest.split('"').next());
    (
        page.matches("action=\"/do/resend_mail\"").count(),
        next.map(|before| format!("/admin/mail?before={before}")),
    )
}

#[tokio::test]
async fn temporary_failures_are_shown_and_one_button_sends_all_emails_again() {
    for answer in
        ["552 5.2.2 over quota", "535 5.7.8 authentication failed", "550 relay not permitted", "450 not now"]
    {
        let portal = Portal::start().await;
        let admin = portal.admin("grace").await;
        portal.register("ada").await;
        portal.work(&mail_server(answer).await).await;
        let rows = portal.outbox().await;
        assert!(rows.iter().all(|row| row.status == "waiting"), "{answer}");
        let page = admin.get("/admin/mail").await;
        page.says("2 emails have not been sent yet.");
        page.says(answer.split_once(' ').expect("words").1);
        assert!(portal.mails().await.is_empty(), "they wait for their time");
        assert_eq!(admin.post("/do/resend_all_mails", &[]).await.location(), Some("/admin/mail"));
        admin.get("/admin/mail").await.says("send these emails again.");
        assert_eq!(portal.mails().await.len(), 2);
        admin.get("/admin/mail").await.does_not_say("have not been sent yet");
    }
}

#[tokio::test]
async fn failed_emails_are_counted_paged_and_can_be_dismissed() {
    use sea_orm::ConnectionTrait;
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    let rows = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 120) \
                INSERT INTO outbox (kind, recipient, seal_context, priority, status, created_at, due_at, last_error) \
                SELECT 'reactivated', 'ada@example.org', 'x', 1, 'given_up', 0, 0, 'no such mailbox' FROM numbers";
    portal.backend.db.pool().execute_unprepared(rows).await.expect("is written");
    let (mut address, mut seen) = (Some("/admin/mail".to_owned()), Vec::new());
    while let Some(at) = address {
        let page = admin.get(&at).await;
        page.says("120<span class=\"sr-only\"> given up");
        let (count, next) = failed_on(&page.body);
        seen.push(count);
        address = next;
    }
    assert_eq!(seen, [50, 50, 20]);
    let id = portal.outbox().await[0].id.to_string();
    assert_eq!(admin.post("/do/dismiss_mail", &[("id", &id)]).await.location(), Some("/admin/mail"));
    let page = admin.get("/admin/mail").await;
    page.says("119<span class=\"sr-only\"> given up");
    assert!(portal.audit().await.iter().any(|row| row.action == "mail.dismiss"));
    admin.post("/do/dismiss_mail", &[("id", &id)]).await;
    admin.get("/admin/mail").await.says("That mail is not waiting to be sent again.");
    admin.post("/do/resend_all_mails", &[]).await;
    assert!(portal.outbox().await.iter().all(|row| row.status != "given_up"));
    for before in ["x", "-1", "99999999999999999999", "%00"] {
        assert_eq!(admin.get(&format!("/admin/mail?before={before}")).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_failed_notification_does_not_name_deleted_people() {
    for purged in [false, true] {
        let portal = Portal::with(&[("ADMIN_EMAIL", "desk@example.org")]).await;
        let admin = portal.admin("grace").await;
        portal.register("ada").await;
        portal.mails().await;
        portal.register("bob").await;
        portal.later(Duration::from_mins(16));
        portal.register("eve").await;
        portal.work(&mail_server("550 5.1.1 no such mailbox").await).await;
        let failed = portal.outbox().await.into_iter().rfind(|row| row.kind == "notice").expect("a notice");
        assert_eq!(failed.status, "given_up");
        let eve = portal.user("eve").await.id;
        admin.decide("reject", eve).await;
        portal.later(Duration::from_hours(24 * 31));
        if purged {
            // Of the two, bob alone is unconfirmed for too long at first; then both are gone.
            purge(&portal.backend).await.expect("purges");
            assert!(portal.find_user("eve").await.is_none() && portal.find_user("bob").await.is_none());
            let row = portal.outbox().await.into_iter().find(|row| row.id == failed.id).expect("a row");
            assert_eq!((row.status.as_str(), row.sealed), ("dropped", None));
        } else {
            use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
            let gone = app::backend::entity::user::Entity::delete_many()
                .filter(app::backend::entity::user::Column::UsernameKey.eq("eve"));
            gone.exec(portal.backend.db.pool()).await.expect("deletes");
            admin.sign_in("grace", PASSWORD).await;
            admin.post("/do/resend_mail", &[("id", &failed.id.to_string())]).await;
            let mails = portal.mails().await;
            let notice = mails.iter().rfind(|mail| mail.to == "desk@example.org").expect("a notice");
            assert!(notice.text.contains("bob") && !notice.text.contains("eve"), "{}", notice.text);
        }
    }
}

#[tokio::test]
async fn a_purge_removes_a_deleted_username_from_sqlites_files() {
    let portal = Portal::start().await;
    if portal.backend.db.is_postgres() {
        return;
    }
    let browser = portal.browser();
    browser.register("zanzibar-ada", "zanzibar-ada@example.org", PASSWORD).await;
    portal.mails().await;
    browser.sign_in("zanzibar-ada", PASSWORD).await;
    let contains = || {
        let files =
            std::fs::read_dir(portal.mail_folder().parent().expect("a folder")).expect("reads").flatten();
        let database = files.filter(|file| file.file_name().to_string_lossy().starts_with("portal.db"));
        let mut all = database.map(|file| std::fs::read(file.path()).expect("reads"));
        all.any(|bytes| bytes.windows(8).any(|part| part == b"zanzibar"))
    };
    assert!(contains(), "as long as the account is there");
    portal.later(Duration::from_hours(24 * 8));
    purge(&portal.backend).await.expect("purges");
    assert!(portal.find_user("zanzibar-ada").await.is_none());
    assert!(!contains(), "nor in what was freed");
}

#[tokio::test]
async fn a_change_of_address_that_is_not_wanted_any_more_is_not_sent_again() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    let ask = async |email: &str| {
        let fields = [("email", email), ("current_password", PASSWORD)];
        browser.post("/do/ask_address_change", &fields).await;
    };
    ask("typo@example.org").await;
    portal.work(&mail_server("550 5.1.1 no such mailbox").await).await;
    ask("countess@example.org").await;
    let link = portal.mail_to("countess").await.link();
    admin.post("/do/resend_all_mails", &[]).await;
    assert!(portal.mails().await.iter().all(|mail| mail.to != "typo@example.org"));
    let token = link.rsplit('/').next().expect("a token");
    assert_eq!(browser.post("/do/change_address", &[("token", token)]).await.location(), Some("/profile"));
}

#[tokio::test]
async fn a_notification_does_not_go_to_someone_who_is_no_administrator_any_more() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    portal.admin("alan").await;
    portal.mails().await;
    portal.register("ada").await;
    portal.work(&mail_server("450 not now").await).await;
    admin.decide("remove-admin", portal.user("alan").await.id).await;
    admin.post("/do/resend_all_mails", &[]).await;
    let told: Vec<String> = portal
        .mails()
        .await
        .into_iter()
        .filter(|m| m.subject.contains("asks to join"))
        .map(|m| m.to)
        .collect();
    assert_eq!(told, ["grace@example.org"]);
}
