//! The operator's command line, without the command line: its use cases.

use app::backend::error::Stop;
use app::backend::operator;
use app::domain::problem::{Problem, Refusal};
use app::domain::status::{PublicStatus, Role, Status};

use crate::support::{Browser, Portal};

#[tokio::test]
async fn the_role_is_granted_to_active_people_with_confirmed_addresses_alone() {
    let portal = Portal::start().await;
    portal.register("unconfirmed").await;
    portal.person("waiting", Status::Pending, Role::Member).await;
    portal.person("ada", Status::Active, Role::Member).await;
    let browser = portal.signed_in("ada").await;
    let refused = |stop: Stop| match stop {
        Stop::Refused(refusal) => refusal,
        Stop::Failed(failure) => panic!("{failure}"),
    };
    for (name, problem) in [
        ("nobody", Problem::NoSuchPerson),
        ("unconfirmed", Problem::OtherState(PublicStatus::Pending)),
        ("waiting", Problem::OtherState(PublicStatus::Pending)),
    ] {
        let stop = operator::grant_admin(&portal.backend, name).await.expect_err("is refused");
        assert_eq!(refused(stop), Refusal::of(problem), "{name}");
    }
    operator::grant_admin(&portal.backend, "Ada").await.expect("is granted");
    assert!(!browser.is_signed_in().await);
    assert_eq!(operator::list_admins(&portal.backend).await.expect("lists").len(), 1);
}

#[tokio::test]
async fn a_printed_link_signs_in_once_and_is_written_down() {
    let portal = Portal::start().await;
    portal.admin("grace").await;
    let link = operator::make_user_link(&portal.backend, "grace").await.expect("a link");
    let token = link.trim_start_matches("http://portal.test/auto-login/").to_owned();
    let enter = |browser: Browser| {
        let token = token.clone();
        async move {
            browser.post("/do/use_sign_in_link", &[("token", &token)]).await;
            browser.is_signed_in().await
        }
    };
    assert!(enter(portal.browser()).await);
    assert!(!enter(portal.browser()).await);
    assert!(portal.audit().await.iter().any(|row| row.action == "operator.user_link"));
    portal.person("shut", Status::Deactivated, Role::Member).await;
    assert!(operator::make_user_link(&portal.backend, "shut").await.is_err());
}
