//! What happens in the portal, in figures for Prometheus.
//!
//! Guarantees: served on an address of its own (METRICS_ADDR) and nowhere else; labels are routes, statuses and outcomes,
//! never anything of a person; what stands in the database is counted when somebody asks, and left out where the database
//! does not answer.

use std::sync::Arc;
use std::time::Duration;

use app::backend::Backend;
use app::backend::counts::SignInOutcome;
use app::backend::queries::figures::{Figures, read_figures};
use app::backend::tasks::Task;
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

/// Route, method and status of a request.
type RequestLabels = [(&'static str, String); 3];
/// The route alone: what takes its time does so whatever comes of it.
type RouteLabels = [(&'static str, String); 1];

/// Bounds of the buckets for the time of a request, in seconds: a page takes well under a millisecond, a sign-in tens.
const SECONDS: [f64; 10] = [0.000_5, 0.001, 0.002_5, 0.01, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// What the middleware counts.
#[derive(Debug)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram>,
}

impl Default for Metrics {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        Self { requests: Family::default(), seconds: Family::new_with_constructor(histogram) }
    }
}

impl Metrics {
    /// Counts an answered request. Only methods that we serve have a name of their own: a client may invent any.
    pub fn count(&self, route: &str, method: &Method, status: StatusCode, took: Duration) {
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

/// What the backend counts, and what its database holds.
#[derive(Debug)]
struct Backends {
    backend: Backend,
    figures: Option<Figures>,
}

impl Collector for Backends {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let hasher = &self.backend.hasher;
        let waiting = ConstGauge::new(signed(hasher.waiting()));
        let help = "Passwords that are being hashed or wait for it";
        waiting.encode(encoder.encode_descriptor(
            "vestibule_hash_queue",
            help,
            None,
            waiting.metric_type(),
        )?)?;
        for (name, help, value) in [
            ("vestibule_hashes", "Passwords hashed or verified", hasher.done()),
            ("vestibule_hashes_refused", "Passwords refused because the queue was full", hasher.refused()),
        ] {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        self.encode_sign_ins(&mut encoder)?;
        self.encode_restarts(&mut encoder)?;
        let Some(figures) = &self.figures else { return Ok(()) };
        for (name, help, value) in [
            ("vestibule_outbox_waiting", "Mails that wait to be sent", figures.mails_waiting),
            ("vestibule_outbox_given_up", "Mails that were given up", figures.mails_given_up),
            ("vestibule_jobs_failed", "Jobs that could not be turned into emails", figures.jobs_failed),
            (
                "vestibule_outbox_oldest_seconds",
                "Age of the oldest mail that waits",
                figures.oldest_mail_seconds,
            ),
            ("vestibule_sessions", "Sessions that have time left", figures.sessions),
            ("vestibule_users_waiting", "People who wait for a decision", figures.people_waiting),
        ] {
            let gauge = ConstGauge::new(signed(value));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

impl Backends {
    fn encode_sign_ins(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let family: Family<RouteLabels, Counter> = Family::default();
        for outcome in SignInOutcome::ALL {
            let counter = family.get_or_create_owned(&[("outcome", outcome.as_str().to_owned())]);
            counter.inc_by(self.backend.counts.sign_ins(outcome));
        }
        let help = "Sign-ins by outcome";
        family.encode(encoder.encode_descriptor("vestibule_sign_ins", help, None, family.metric_type())?)
    }
}

impl Backends {
    fn encode_restarts(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let family: Family<RouteLabels, Counter> = Family::default();
        for task in Task::ALL {
            let counter = family.get_or_create_owned(&[("task", task.as_str().to_owned())]);
            counter.inc_by(self.backend.tasks.restarts(task));
        }
        let help = "Background tasks that were started again after a panic";
        family.encode(encoder.encode_descriptor(
            "vestibule_task_restarts",
            help,
            None,
            family.metric_type(),
        )?)
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// All that answers on METRICS_ADDR.
pub fn router(backend: &Backend, metrics: &Arc<Metrics>) -> Router {
    Router::new().route("/metrics", get(show)).with_state((backend.clone(), Arc::clone(metrics)))
}

async fn show(State((backend, metrics)): State<(Backend, Arc<Metrics>)>) -> Response {
    let figures = match read_figures(&backend).await {
        Ok(figures) => Some(figures),
        Err(failure) => {
            tracing::warn!(cause = %failure, "metrics leave out what stands in the database");
            None
        }
    };
    let mut registry = Registry::default();
    registry.register("vestibule_requests", "Requests answered", metrics.requests.clone());
    registry.register("vestibule_request_seconds", "Time to an answer", metrics.seconds.clone());
    registry.register_collector(Box::new(Backends { backend, figures }));
    let mut text = String::new();
    if encode(&mut text, &registry).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], text).into_response()
}
