//! The metrics for Prometheus.
//!
//! # Guarantees
//!
//! - Metrics are served only at METRICS_ADDR.
//! - Labels are routes, methods, statuses, tasks and outcomes, and never contain personal data.
//! - Metrics of the database are read at each request, and left out if the database does not answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use backend::Backend;
use backend::admin::metrics::{AdminMetrics, read_metrics};
use backend::infra::counters::SignInOutcome;
use backend::jobs::supervisor::Task;

/// The route, method and status of a request.
type RequestLabels = [(&'static str, String); 3];
/// A single label: the route of a request, the outcome of a sign-in, or a task.
type SingleLabel = [(&'static str, String); 1];

/// The upper bounds of the buckets for the time of a request, in seconds. A page takes well under a millisecond, and a
/// sign-in takes tens of milliseconds.
const REQUEST_SECONDS_BUCKETS: [f64; 10] = [0.000_5, 0.001, 0.002_5, 0.01, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// The request metrics, which the middleware records.
#[derive(Debug)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    /// By route only: the time hardly depends on the outcome.
    seconds: Family<SingleLabel, Histogram>,
}

impl Default for Metrics {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(REQUEST_SECONDS_BUCKETS);
        Self { requests: Family::default(), seconds: Family::new_with_constructor(histogram) }
    }
}

impl Metrics {
    /// Records a request and its response. Methods that the portal does not serve are `other`, because a client may send
    /// any name.
    pub fn record_request(&self, route: &str, method: &Method, status: StatusCode, took: Duration) {
        let method = match method.as_str() {
            known @ ("GET" | "HEAD" | "POST") => known,
            _ => "other",
        };
        let labels = [
            ("route", route.to_owned()),
            ("method", method.to_owned()),
            ("status", status.as_str().to_owned()),
        ];
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&[("route", route.to_owned())]).observe(took.as_secs_f64());
    }
}

/// Collects the metrics of the backend and of its database.
#[derive(Debug)]
struct BackendCollector {
    backend: Backend,
    admin_metrics: Option<AdminMetrics>,
}

impl Collector for BackendCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let hasher = &self.backend.hasher;
        let waiting = ConstGauge::new(to_i64(hasher.waiting()));
        let help = "Passwords being hashed or waiting to be hashed";
        waiting.encode(encoder.encode_descriptor(
            "vestibule_hash_queue",
            help,
            None,
            waiting.metric_type(),
        )?)?;
        for (name, help, value) in [
            ("vestibule_hashes", "Passwords hashed or verified", hasher.done()),
            (
                "vestibule_hashes_refused",
                "Passwords rejected because the hashing queue was full",
                hasher.refused(),
            ),
        ] {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        self.encode_sign_ins(&mut encoder)?;
        self.encode_restarts(&mut encoder)?;
        let Some(admin_metrics) = &self.admin_metrics else { return Ok(()) };
        for (name, help, value) in [
            ("vestibule_outbox_waiting", "Emails waiting to be sent", admin_metrics.pending_emails),
            ("vestibule_outbox_failed", "Failed emails", admin_metrics.failed_emails),
            (
                "vestibule_jobs_failed",
                "Failed email jobs and failed requests for temporary passwords",
                admin_metrics.failed_jobs,
            ),
            (
                "vestibule_outbox_oldest_seconds",
                "Age of the oldest email waiting to be sent, in seconds",
                admin_metrics.oldest_pending_email_seconds,
            ),
            ("vestibule_sessions", "Sessions that have not expired", admin_metrics.sessions),
            ("vestibule_users_pending", "Pending registrations", admin_metrics.pending_registrations),
        ] {
            let gauge = ConstGauge::new(to_i64(value));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

impl BackendCollector {
    fn encode_sign_ins(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let family: Family<SingleLabel, Counter> = Family::default();
        for outcome in SignInOutcome::ALL {
            let counter = family.get_or_create_owned(&[("outcome", outcome.as_str().to_owned())]);
            counter.inc_by(self.backend.counters.sign_ins(outcome));
        }
        let help = "Sign-in attempts by outcome";
        family.encode(encoder.encode_descriptor("vestibule_sign_ins", help, None, family.metric_type())?)
    }
}

impl BackendCollector {
    fn encode_restarts(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let family: Family<SingleLabel, Counter> = Family::default();
        for task in Task::ALL {
            let counter = family.get_or_create_owned(&[("task", task.as_str().to_owned())]);
            counter.inc_by(self.backend.tasks.restarts(task));
        }
        let help = "Restarts of background tasks after a panic";
        family.encode(encoder.encode_descriptor(
            "vestibule_task_restarts",
            help,
            None,
            family.metric_type(),
        )?)
    }
}

fn to_i64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Returns the router that is served at METRICS_ADDR.
pub fn router(backend: &Backend, metrics: &Arc<Metrics>) -> Router {
    Router::new().route("/metrics", get(export_metrics)).with_state((backend.clone(), Arc::clone(metrics)))
}

/// Returns all metrics as text.
async fn export_metrics(State((backend, metrics)): State<(Backend, Arc<Metrics>)>) -> Response {
    let admin_metrics = match read_metrics(&backend).await {
        Ok(admin_metrics) => Some(admin_metrics),
        Err(failure) => {
            tracing::warn!(cause = %failure, "database metrics unavailable");
            None
        }
    };
    let mut registry = Registry::default();
    registry.register(
        "vestibule_requests",
        "HTTP requests by route, method and status",
        metrics.requests.clone(),
    );
    registry.register(
        "vestibule_request_seconds",
        "Duration of HTTP requests by route, in seconds",
        metrics.seconds.clone(),
    );
    registry.register_collector(Box::new(BackendCollector { backend, admin_metrics }));
    let mut text = String::new();
    if encode(&mut text, &registry).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], text).into_response()
}
