//! Migrations.

use app::backend::database::Database;

use crate::registering::join;
use crate::support::{Portal, stack};

#[tokio::test]
async fn every_migration_can_be_undone_and_done_again() {
    let portal = Portal::start().await;
    portal.migrate_down_and_up().await;
    portal.register("ada").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_replicas_can_start_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = stack::fresh_url(folder.path()).await;
    let starts = (0..10).map(|_| {
        let url = url.clone();
        async move {
            let db = Database::connect(&url).await.map_err(|e| e.to_string())?;
            server::start::migrate(&db).await.map_err(|e| e.to_string())
        }
    });
    let results = join(starts).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}

#[tokio::test]
async fn numbers_of_people_are_never_used_twice() {
    use sea_orm::EntityTrait;
    let portal = Portal::start().await;
    portal.register("ada").await;
    let first = portal.user("ada").await.id;
    app::backend::entity::user::Entity::delete_by_id(first)
        .exec(portal.backend.db.pool())
        .await
        .expect("deletes");
    portal.register("ada").await;
    assert!(portal.user("ada").await.id > first);
}
