//! The benchmark of the release: `script/bench` runs it, docs/benchmarks.md says how to read it.
//!
//! It starts the portal's release program and, to compare it with, itself as a small program ([`baseline`]), asks both
//! over 127.0.0.1 and prints a table. Guarantees: what is compared is measured in turns in the same run; it ends the
//! processes that it started, also when it is told to stop; it takes no longer than [`MOST`].

// Views are types as deep as the page; release builds, which erase none, look further into them than the usual 128.
#![recursion_limit = "512"]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

mod baseline;
mod client;
mod measure;
mod page;
mod process;
mod report;
mod rows;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use crate::report::Report;
use crate::world::World;

/// The longest that measuring may take. It takes about three minutes.
const MOST: Duration = Duration::from_mins(5);

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
    let mut check = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // `cargo bench` says so.
            "--bench" => {}
            "--check" => check = true,
            "baseline" => {
                let bytes = arguments.next().context("baseline needs a number of bytes")?;
                runtime.block_on(baseline::serve(bytes.parse()?))?;
                return Ok(ExitCode::SUCCESS);
            }
            other => bail!("{other:?} is not known; script/bench runs this program"),
        }
    }
    let report = runtime.block_on(measured())?;
    report.print();
    Ok(if check && !report.holds() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Everything, unless somebody says that it should stop: then the processes end, since their owner is dropped.
async fn measured() -> anyhow::Result<Report> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        report = timeout(MOST, Box::pin(everything())) => report.context("it took too long")?,
        _ = terminate.recv() => bail!("told to stop"),
        _ = interrupt.recv() => bail!("told to stop"),
    }
}

async fn everything() -> anyhow::Result<Report> {
    let world = World::prepare().await?;
    rows::measure(&world).await
}
