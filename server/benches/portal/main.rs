//! The benchmark of the release. `script/bench` runs it, and docs/contribute/benchmarks.md explains its results. With `admin`, it
//! measures the budgets of the admin pages instead.
//!
//! It starts the portal's release program and, for comparison, itself as a small server ([`baseline`]), sends requests to both
//! over 127.0.0.1, and prints a table.
//!
//! # Guarantees
//! - Figures that are compared are measured in turns in the same run.
//! - It ends the processes that it started, even if it is stopped by a signal.
//! - It takes at most [`TIME_LIMIT`], and with `admin` at most [`admin::TIME_LIMIT`].

// The type of a view is as deep as its page. Release builds do not erase these types and exceed the default limit of 128.
#![recursion_limit = "512"]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

mod admin;
mod baseline;
mod client;
mod compare;
mod measure;
mod page;
mod process;
mod report;
mod rows;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use crate::report::Report;
use crate::world::World;

/// The time limit of the benchmark, and of the comparison with another release. Each takes about three minutes.
const TIME_LIMIT: Duration = Duration::from_mins(6);

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (mut check, mut benchmark) = (false, Benchmark::Portal);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // `cargo bench` passes this argument.
            "--bench" => {}
            "--check" => check = true,
            "admin" => benchmark = Benchmark::Admin,
            "--against" => {
                benchmark = Benchmark::Against(arguments.next().context("--against needs a program")?.into());
            }
            "baseline" => {
                let bytes = arguments.next().context("baseline needs a number of bytes")?;
                runtime.block_on(baseline::serve(bytes.parse()?))?;
                return Ok(ExitCode::SUCCESS);
            }
            other => bail!("{other:?} is not known; script/bench runs this program"),
        }
    }
    let report = runtime.block_on(run_until_stopped(&benchmark))?;
    report.print();
    Ok(if check && !report.holds() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The benchmarks.
#[derive(Debug)]
enum Benchmark {
    /// The portal as members use it.
    Portal,
    /// The admin pages.
    Admin,
    /// The comparison with another release.
    Against(PathBuf),
}

/// Runs a benchmark, unless a signal stops it. Then the processes end, because their owner is dropped.
async fn run_until_stopped(benchmark: &Benchmark) -> anyhow::Result<Report> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let limit = if matches!(benchmark, Benchmark::Admin) { admin::TIME_LIMIT } else { TIME_LIMIT };
    tokio::select! {
        report = timeout(limit, Box::pin(run_benchmark(benchmark))) => report.context("it took too long")?,
        _ = terminate.recv() => bail!("told to stop"),
        _ = interrupt.recv() => bail!("told to stop"),
    }
}

async fn run_benchmark(benchmark: &Benchmark) -> anyhow::Result<Report> {
    match benchmark {
        Benchmark::Against(program) => compare::compare(program).await,
        Benchmark::Admin => admin::measure().await,
        Benchmark::Portal => rows::measure(&World::prepare().await?).await,
    }
}
