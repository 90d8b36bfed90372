//! Tests of the Prometheus metrics.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use tower::ServiceExt;

use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, TestPortal};
use domain::status::{Role, Status};
use server::assets::Assets;
use server::http::router::router_with_metrics;
use server::metrics;
use server::metrics::Metrics;

async fn read(portal: &TestPortal, metrics: &Arc<Metrics>) -> String {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let response = metrics::router(&portal.backend, metrics).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let text = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(text.to_vec()).unwrap()
}

#[tokio::test]
async fn requests_sign_ins_hashes_emails_and_sessions_are_counted_without_personal_data() {
    let portal = TestPortal::with_own_hasher(&[]).await;
    portal.create_user("ada", Status::Active, Role::Member).await;
    portal.create_user("waiting", Status::Pending, Role::Member).await;
    let metrics = Arc::<Metrics>::default();
    let router = router_with_metrics(&portal.backend, &Assets::unbuilt(&portal.email_folder()), &metrics);
    let browser = Browser::new(router);
    browser.sign_in("ada", OTHER_PASSWORD).await;
    browser.sign_in("waiting", PASSWORD).await;
    browser.sign_in("ada", PASSWORD).await;
    browser.get("/profile").await;
    browser.get("/auto-login/SECRET-SECRET-SECRET-SECRET-SECRET-SECRET-S").await;
    browser.get("/nowhere/SECRET").await;
    let text = read(&portal, &metrics).await;
    for line in [
        "vestibule_requests_total{route=\"/profile\",method=\"GET\",status=\"200\"} 1",
        "vestibule_requests_total{route=\"/do/sign_in\",method=\"POST\",status=\"302\"} 3",
        "vestibule_requests_total{route=\"/auto-login/{token}\",method=\"GET\",status=\"404\"} 1",
        "vestibule_request_seconds_count{route=\"/profile\"} 1",
        "vestibule_sign_ins_total{outcome=\"entered\"} 1",
        "vestibule_sign_ins_total{outcome=\"incorrect\"} 1",
        "vestibule_sign_ins_total{outcome=\"not_active\"} 1",
        "vestibule_sign_ins_total{outcome=\"too_many\"} 0",
        "vestibule_hash_queue 0",
        "vestibule_task_restarts_total{task=\"send_emails\"} 0",
        "vestibule_hashes_total 5",
        "vestibule_sessions 1",
        "vestibule_users_pending 1",
        "vestibule_outbox_failed 0",
        "vestibule_jobs_failed 0",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line:?} in\n{text}");
    }
    portal.deliver_emails().await;
    for secret in ["ada", "SECRET", "waiting@"] {
        assert!(!text.contains(secret), "{secret} in\n{text}");
    }
}

#[tokio::test]
async fn metrics_are_not_served_by_the_public_router() {
    let portal = TestPortal::start().await;
    let admin = portal.create_admin("grace").await;
    for browser in [portal.browser(), admin] {
        assert_eq!(browser.get("/metrics").await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn the_reference_page_lists_every_metric_with_its_type() {
    let portal = TestPortal::start().await;
    let metrics = Arc::<Metrics>::default();
    // The output contains no metric without a value.
    metrics.record_request("/login", &Method::GET, StatusCode::OK, Duration::from_millis(1));
    let text = read(&portal, &metrics).await;
    let exported: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| {
            let (name, kind) = line.split_once(' ').expect("a name and a type");
            let suffix = if kind == "counter" { "_total" } else { "" };
            format!("| `{name}{suffix}` | {kind} |")
        })
        .collect();
    let page = include_str!("../../../docs/reference/metrics.md");
    let listed: BTreeSet<String> = page
        .lines()
        .filter(|line| line.starts_with("| `vestibule_"))
        .map(|line| line.split_inclusive('|').take(3).collect())
        .collect();
    assert_eq!(listed, exported, "docs/reference/metrics.md");
}
