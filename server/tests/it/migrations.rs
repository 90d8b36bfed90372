//! Tests of the migrations.

use sea_orm::ConnectionTrait;

use crate::registration::join_all;
use crate::support::{TestPortal, stack};
use backend::infra::database::Database;
use migration::{Migrator, MigratorTrait};

#[tokio::test]
async fn every_migration_can_be_reverted_and_applied_again() {
    let portal = TestPortal::start().await;
    portal.migrate_down_and_up().await;
    portal.register("ada").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_replicas_can_migrate_concurrently() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = stack::new_database_url(folder.path()).await;
    let starts = (0..10).map(|_| {
        let url = url.clone();
        async move {
            let db = Database::connect(&url).await.map_err(|e| e.to_string())?;
            server::startup::migrate(&db).await.map_err(|e| e.to_string())
        }
    });
    let results = join_all(starts).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}

#[tokio::test]
async fn a_database_with_an_unknown_migration_is_refused_in_one_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = stack::new_database_url(folder.path()).await;
    let db = Database::connect(&url).await.expect("connects");
    server::startup::migrate(&db).await.expect("migrates");
    let unknown =
        "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m20261124_000001_create_users', 0)";
    db.pool().execute_unprepared(unknown).await.expect("inserts");
    let refused = server::startup::migrate(&db).await.expect_err("is refused").to_string();
    assert!(refused.contains("does not know migration m20261124_000001_create_users"), "{refused}");
    assert!(refused.contains("restore a backup"), "{refused}");
    assert_eq!(refused.lines().count(), 1);
    let found = server::startup::pending_migrations(db.pool()).await.expect_err("is refused").to_string();
    assert_eq!(found, refused);
}

#[tokio::test]
async fn counting_the_pending_migrations_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = stack::new_database_url(folder.path()).await;
    let db = Database::connect(&url).await.expect("connects");
    let count = server::startup::pending_migrations(db.pool()).await.expect("counts");
    assert_eq!(count, Migrator::migrations().len());
    let created = db.pool().execute_unprepared("SELECT version FROM seaql_migrations").await;
    assert!(created.is_err(), "the table was created");
    server::startup::migrate(&db).await.expect("migrates");
    assert_eq!(server::startup::pending_migrations(db.pool()).await.expect("counts"), 0);
}

#[tokio::test]
async fn user_ids_are_never_reused() {
    use sea_orm::EntityTrait;
    let portal = TestPortal::start().await;
    portal.register("ada").await;
    let first = portal.user("ada").await.id;
    backend::entity::user::Entity::delete_by_id(first).exec(portal.backend.db.pool()).await.expect("deletes");
    portal.register("ada").await;
    assert!(portal.user("ada").await.id > first);
}
