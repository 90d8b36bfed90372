//! The last active administrator remains.

use crate::registration::join_all;
use crate::support::TestPortal;
use domain::status::{Role, Status, UserId};

#[tokio::test]
async fn administrators_cannot_act_on_their_own_account() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    portal.create_user("eve", Status::Active, Role::Admin).await;
    let grace = portal.user("grace").await;
    for action in ["deactivate", "remove-admin"] {
        admin.apply_action(action, grace.id).await;
        admin.get("/admin").await.assert_contains("You cannot do this to your own account.");
    }
    assert_eq!(portal.count_active_admins().await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_concurrent_pairs_of_actions_leave_one_administrator_of_each_pair() {
    let portal = TestPortal::start().await;
    let mut pairs = Vec::new();
    for number in 0..50 {
        let mut pair = Vec::new();
        for side in ["a", "b"] {
            let name = format!("pair{number}{side}");
            let browser = portal.create_admin(&name).await;
            pair.push((browser, portal.user(&name).await.id));
        }
        pairs.push(pair);
    }
    let actions = pairs.into_iter().enumerate().flat_map(|(number, mut pair)| {
        let (second, first) = (pair.pop().expect("two"), pair.pop().expect("two"));
        let action = if number % 2 == 0 { "remove-admin" } else { "deactivate" };
        let (first_id, second_id) = (first.1, second.1);
        [(first.0, action, second_id), (second.0, action, first_id)]
    });
    join_all(actions.map(|(browser, action, id)| async move { browser.apply_action(action, id).await }))
        .await;
    assert_eq!(portal.count_active_admins().await, 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_two_administrators_cannot_remove_each_other() {
    let portal = TestPortal::start().await;
    for round in 0..20 {
        let (one, two) = (format!("one{round}"), format!("two{round}"));
        let (first, second) = (portal.create_admin(&one).await, portal.create_admin(&two).await);
        let (first_id, second_id) = (portal.user(&one).await.id, portal.user(&two).await.id);
        remove_other_admins(&portal, &[first_id, second_id]).await;
        let both = [(first, second_id, "deactivate"), (second, first_id, "remove-admin")];
        join_all(
            both.into_iter()
                .map(|(browser, id, action)| async move { browser.apply_action(action, id).await }),
        )
        .await;
        assert_eq!(portal.count_active_admins().await, 1, "round {round}");
    }
}

/// Makes all other users members, directly in the database.
async fn remove_other_admins(portal: &TestPortal, ids: &[UserId]) {
    use backend::entity::user;
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
    user::Entity::update_many()
        .col_expr(user::Column::Role, Expr::value(Role::Member))
        .filter(user::Column::Id.is_not_in(ids.to_vec()))
        .exec(portal.backend.db.pool())
        .await
        .expect("the rows change");
}

#[tokio::test]
async fn an_administrator_who_cannot_sign_in_does_not_count() {
    use backend::entity::user;
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    let eve = portal.create_user("eve", Status::Active, Role::Admin).await;
    // The password of grace is removed while she is signed in, so that eve is the last administrator who can sign in.
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(Option::<String>::None))
        .filter(user::Column::UsernameKey.eq("grace"))
        .exec(portal.backend.db.pool())
        .await
        .expect("the row changes");
    admin.apply_action("deactivate", eve.id).await;
    admin.get("/admin").await.assert_contains("the portal would have no administrator left");
    assert_eq!(portal.user("eve").await.status, Status::Active);
}
