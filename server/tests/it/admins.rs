//! Never without an active administrator.

use app::domain::status::{Role, Status};

use crate::registering::join;
use crate::support::Portal;

#[tokio::test]
async fn nobody_acts_on_themself() {
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    portal.person("eve", Status::Active, Role::Admin).await;
    let grace = portal.user("grace").await;
    for decision in ["deactivate", "remove-admin"] {
        admin.decide(decision, grace.id).await;
        admin.get("/admin").await.says("You can't do that to your own account.");
    }
    assert_eq!(portal.active_admins().await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_pairs_at_once_leave_one_of_each_pair() {
    let portal = Portal::start().await;
    let mut pairs = Vec::new();
    for number in 0..50 {
        let mut pair = Vec::new();
        for side in ["a", "b"] {
            let name = format!("pair{number}{side}");
            let browser = portal.admin(&name).await;
            pair.push((browser, portal.user(&name).await.id));
        }
        pairs.push(pair);
    }
    let decisions = pairs.into_iter().enumerate().flat_map(|(number, mut pair)| {
        let (second, first) = (pair.pop().expect("two"), pair.pop().expect("two"));
        let decision = if number % 2 == 0 { "remove-admin" } else { "deactivate" };
        let (first_id, second_id) = (first.1, second.1);
        [(first.0, decision, second_id), (second.0, decision, first_id)]
    });
    join(decisions.map(|(browser, decision, id)| async move { browser.decide(decision, id).await })).await;
    assert_eq!(portal.active_admins().await, 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_two_never_end_each_other() {
    let portal = Portal::start().await;
    for round in 0..20 {
        let (one, two) = (format!("one{round}"), format!("two{round}"));
        let (first, second) = (portal.admin(&one).await, portal.admin(&two).await);
        let (first_id, second_id) = (portal.user(&one).await.id, portal.user(&two).await.id);
        retire_all_but(&portal, &[first_id, second_id]).await;
        let both = [(first, second_id, "deactivate"), (second, first_id, "remove-admin")];
        join(
            both.into_iter().map(|(browser, id, decision)| async move { browser.decide(decision, id).await }),
        )
        .await;
        assert_eq!(portal.active_admins().await, 1, "round {round}");
    }
}

/// Makes everybody else a member, behind the portal's back.
async fn retire_all_but(portal: &Portal, ids: &[i32]) {
    use app::backend::entity::user;
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
    user::Entity::update_many()
        .col_expr(user::Column::Role, Expr::value("member"))
        .filter(user::Column::Id.is_not_in(ids.to_vec()))
        .exec(portal.backend.db.pool())
        .await
        .expect("the rows change");
}

#[tokio::test]
async fn an_administrator_who_cannot_sign_in_does_not_count() {
    use app::backend::entity::user;
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
    let portal = Portal::start().await;
    let admin = portal.admin("grace").await;
    let eve = portal.person("eve", Status::Active, Role::Admin).await;
    // grace's password goes while she is signed in: eve is the last who can come back.
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(Option::<String>::None))
        .filter(user::Column::UsernameKey.eq("grace"))
        .exec(portal.backend.db.pool())
        .await
        .expect("the row changes");
    admin.decide("deactivate", eve.id).await;
    admin.get("/admin").await.says("that would leave nobody to administer the portal");
    assert_eq!(portal.user("eve").await.status, "active");
}
