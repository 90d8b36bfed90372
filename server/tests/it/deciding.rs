//! Administrators decide.

use app::domain::answer::Outcome;
use app::domain::problem::{Problem, Refusal};
use app::domain::status::{PublicStatus, Role, Status};
use axum::http::{Method, StatusCode};

use crate::support::{PASSWORD, Portal};

#[tokio::test]
async fn approval_lets_somebody_in_and_mails_them() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    let ada = portal.person("ada", Status::Pending, Role::Member).await;
    let reply = admin.decide("approve", ada.id).await;
    assert_eq!(reply.location(), Some("/admin"));
    admin.get("/admin").await.says("Approved. The mail that says so is on its way.");
    assert_eq!(portal.mail_to("ada").await.subject, "Your account at Vestibule is approved");
    assert!(portal.signed_in("ada").await.is_signed_in().await);
    let audit = portal.audit().await;
    let row = audit.iter().find(|row| row.action == "user.approve").expect("it is written down");
    assert_eq!((row.actor_name.as_str(), row.subject_name.as_str()), ("grace", "ada"));
}

#[tokio::test]
async fn rejection_mails_nothing_and_can_be_taken_back() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    let ada = portal.person("ada", Status::Pending, Role::Member).await;
    let before = portal.mails().await.len();
    admin.decide("reject", ada.id).await;
    assert_eq!(portal.user("ada").await.status, "rejected");
    assert_eq!(portal.mails().await.len(), before);
    let browser = portal.browser();
    browser.sign_in("ada", PASSWORD).await;
    browser.get("/login").await.says("Your request to join was declined.");
    admin.decide("reconsider", ada.id).await;
    assert_eq!(portal.user("ada").await.status, "pending");
}

#[tokio::test]
async fn a_rejection_is_not_taken_back_when_another_account_has_the_address() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    let ada = portal.person("ada", Status::Rejected, Role::Member).await;
    portal.browser().register("ada2", "ada@example.org", PASSWORD).await;
    let link = portal.mail_to("ada").await.link();
    let token = link.rsplit('/').next().expect("a token").to_owned();
    portal.browser().post("/do/confirm_address", &[("token", &token), ("password", PASSWORD)]).await;
    assert!(portal.user("ada2").await.email_confirmed_at.is_some());
    admin.decide("reconsider", ada.id).await;
    admin.get("/admin").await.says("Another account has confirmed this address");
    assert_eq!(portal.user("ada").await.status, "rejected");
}

#[tokio::test]
async fn deactivation_counts_from_the_very_next_request_and_reactivation_mails() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    let ada = portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    admin.decide("deactivate", ada.id).await;
    assert!(!browser.is_signed_in().await);
    browser.get("/login").await;
    let again = portal.browser();
    again.sign_in("ada", PASSWORD).await;
    again.get("/login").await.says("This account has been deactivated.");
    // The original had no other way back than approving.
    admin.decide("approve", ada.id).await;
    assert_eq!(portal.user("ada").await.status, "active");
    assert_eq!(portal.mail_to("ada").await.subject, "Your account at Vestibule is active again");
    assert!(!browser.is_signed_in().await, "the old session does not come back");
}

#[tokio::test]
async fn a_changed_role_ends_the_persons_sessions() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    let ada = portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    admin.decide("make-admin", ada.id).await;
    assert!(!browser.is_signed_in().await);
    let desk = portal.signed_in("ada").await;
    assert_eq!(desk.get("/admin").await.status, StatusCode::OK);
    admin.decide("remove-admin", ada.id).await;
    assert!(!desk.is_signed_in().await);
    assert_eq!(portal.signed_in("ada").await.get("/admin").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_unconfirmed_address_can_be_approved_but_not_made_administrator() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    portal.register("ada").await;
    let ada = portal.user("ada").await;
    admin.get("/admin").await.says("Approve unconfirmed address");
    admin.decide("approve", ada.id).await;
    assert_eq!(portal.user("ada").await.status, "active");
    admin.decide("make-admin", ada.id).await;
    admin.get("/admin").await.says("the address has to be confirmed first");
    assert_eq!(portal.user("ada").await.role, "member");
}

#[tokio::test]
async fn approval_waits_for_the_address_where_the_operator_says_so() {
    let portal = Portal::with(&[("REQUIRE_CONFIRMED_ADDRESS", "true")]).await;
    let admin = portal.admin("grace").await;
    portal.register("ada").await;
    let ada = portal.user("ada").await;
    admin.get(&format!("/admin/approve/{}", ada.id)).await.says("The address has to be confirmed first.");
    admin.decide("approve", ada.id).await;
    admin.get("/admin").await.says("the address has to be confirmed first");
    assert_eq!(portal.user("ada").await.status, "pending");
}

#[tokio::test]
async fn an_action_on_another_state_says_which_and_by_whom() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    let ada = portal.person("ada", Status::Pending, Role::Member).await;
    admin.decide("approve", ada.id).await;
    admin.get(&format!("/admin/approve/{}", ada.id)).await.says("This account was approved by grace on ");
    admin.decide("approve", ada.id).await;
    admin.get("/admin").await.says("Nothing was changed: this account is active.");
    let id = ada.id.to_string();
    let reply = admin.script("/do/decide", &[("id", &id), ("decision", "reject"), ("stay", "yes")]).await;
    let Outcome::Stale(refusal, person) = reply.outcome() else { panic!("stale: {}", reply.body) };
    assert_eq!(refusal, Refusal::of(Problem::OtherState(PublicStatus::Active)));
    assert_eq!((person.status, person.decided_by.as_deref()), (PublicStatus::Active, Some("grace")));
}

#[tokio::test]
async fn the_originals_addresses_ask_and_change_nothing() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    let ada = portal.person("ada", Status::Pending, Role::Member).await;
    let bob = portal.person("bob", Status::Active, Role::Member).await;
    let eve = portal.person("eve", Status::Active, Role::Admin).await;
    for (path, words) in [
        (format!("/admin/approve/{}", ada.id), "Approve ada?"),
        (format!("/admin/reject/{}", ada.id), "Reject ada?"),
        (format!("/admin/deactivate/{}", bob.id), "Deactivate bob?"),
        (format!("/admin/make-admin/{}", bob.id), "Make bob an administrator?"),
        (format!("/admin/remove-admin/{}", eve.id), "Remove eve as an administrator?"),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let reply = admin.ask(method.clone(), &path).await;
            assert_eq!(reply.status, StatusCode::OK, "{path}");
            if method == Method::GET {
                reply.says(words);
            }
        }
        assert_eq!(admin.ask(Method::POST, &path).await.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
    for name in ["ada", "bob", "eve"] {
        assert_eq!(portal.user(name).await.auth_epoch, 0, "{name}");
    }
}

#[tokio::test]
async fn strangers_and_members_decide_nothing() {
    let portal = Portal::start().await;
    portal.admin("grace").await;
    let ada = portal.person("ada", Status::Pending, Role::Member).await;
    portal.person("bob", Status::Active, Role::Member).await;
    let (stranger, member) = (portal.browser(), portal.signed_in("bob").await);
    for decision in ["approve", "reject", "deactivate", "make-admin", "remove-admin"] {
        assert_eq!(stranger.decide(decision, ada.id).await.location(), Some("/login?next=%2Fadmin"));
        member.decide(decision, ada.id).await;
        let id = ada.id.to_string();
        let reply =
            member.script("/do/decide", &[("id", &id), ("decision", decision), ("stay", "yes")]).await;
        assert_eq!(reply.outcome(), Outcome::Refused(Refusal::of(Problem::Forbidden)));
    }
    assert_eq!(portal.user("ada").await.status, "pending");
    let desk = member.get("/admin").await;
    assert_eq!(desk.status, StatusCode::FORBIDDEN);
    desk.says("This is not open to you");
    desk.does_not_say("ada@example.org");
    for path in ["/admin", "/admin/mail", "/admin/users/1", "/admin/approve/1"] {
        let reply = stranger.get(path).await;
        assert_eq!(reply.status, StatusCode::FOUND);
        assert!(reply.location().is_some_and(|to| to.starts_with("/login?next=%2Fadmin")), "{path}");
    }
}

#[tokio::test]
async fn the_mails_link_comes_back_to_the_card_after_signing_in() {
    let portal = Portal::start().await;
    portal.admin("grace").await;
    let ada = portal.person("ada", Status::Pending, Role::Member).await;
    let mails = portal.mails().await;
    let notice = mails.iter().find(|mail| mail.to == "grace@example.org").expect("the administrator is told");
    assert_eq!(notice.subject, "ada asks to join Vestibule");
    let link = notice.link();
    assert_eq!(link, format!("/admin/approve/{}", ada.id));
    let browser = portal.browser();
    let to_login = browser.get(&link).await;
    assert_eq!(to_login.location(), Some(format!("/login?next=%2Fadmin%2Fapprove%2F{}", ada.id).as_str()));
    let fields = [("username", "grace"), ("password", PASSWORD), ("next", link.as_str())];
    assert_eq!(browser.post("/do/sign_in", &fields).await.location(), Some(link.as_str()));
    browser.get(&link).await.says("Approve ada?");
}

#[tokio::test]
async fn the_desk_pages_through_everybody() {
    let portal = Portal::start().await;
    let admin = portal.admin("zoe").await;
    let names: Vec<String> = (0..120).map(|number| format!("p{number:03}")).collect();
    insert_people(&portal, &names).await;
    let mut seen = Vec::new();
    let mut path = "/admin".to_owned();
    for _ in 0..4 {
        let page = admin.get(&path).await.body.replace("<!>", "");
        let people = page.split("id=\"people\"").nth(1).expect("the list").to_owned();
        seen.extend(names.iter().filter(|name| people.contains(&format!(">{name}</a>"))).cloned());
        let next = people.split("href=\"/admin?after=").nth(1).and_then(|rest| rest.split('#').next());
        match next {
            Some(after) => path = format!("/admin?after={after}"),
            None => break,
        }
    }
    assert_eq!(seen, names);
}

async fn insert_people(portal: &Portal, names: &[String]) {
    use app::backend::entity::user;
    use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
    portal.register("template").await;
    let template = portal.user("template").await;
    let rows = names.iter().map(|name| user::ActiveModel {
        id: sea_orm::ActiveValue::NotSet,
        username: Set(name.clone()),
        username_key: Set(name.clone()),
        email: Set(format!("{name}@example.org")),
        email_canonical: Set(format!("{name}@example.org")),
        status: Set("active".to_owned()),
        ..template.clone().into_active_model().reset_all()
    });
    user::Entity::insert_many(rows).exec(portal.backend.db.pool()).await.expect("people are inserted");
}
