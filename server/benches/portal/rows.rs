//! The rows of the table, one function each.
//!
//! # Guarantees
//! - Figures that are compared are measured in turns (A B A B A B), so that a busy machine affects both.
//! - Each figure is the median of its rounds.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

use crate::client::{self, Connection, Response};
use crate::measure::{Load, cpu_per_request, median, p99, rate, raw_hashes};
use crate::process::Process;
use crate::report::{Bound, Report};
use crate::world::{CONCURRENT_SIGN_INS, VIEWERS, World, sign_ins, sign_ins_of_clients, sign_viewers_in};

/// The number of rounds of each measurement.
const ROUNDS: usize = 3;
/// The number of rounds of sign-ins. The time of a hash depends on the memory of a machine that others may use too, and changes
/// from second to second.
const SIGN_IN_ROUNDS: usize = 10;
/// The duration of each half of such a round.
const SIGN_IN_ROUND_DURATION: Duration = Duration::from_millis(2_500);
/// The number of connections of the loads that measure processor time.
const CONNECTIONS: usize = 8;
/// The number of requests for the processor time of a page. They take seconds, so that one tick is less than 1 % of them.
const PAGE_REQUESTS: usize = 30_000;
/// The same for the bare route, which takes a tenth of the time.
const BARE_REQUESTS: usize = 100_000;
/// The duration of a round that measures requests per second.
const ROUND_DURATION: Duration = Duration::from_secs(4);
/// The duration of a round that measures response times.
const VISIT_ROUND_DURATION: Duration = Duration::from_secs(5);
/// The number of concurrent sign-ins per core: enough to keep every hash thread busy.
const SIGN_INS_PER_CORE: usize = 8;
/// The maximum number of concurrent sign-ins. The queue of the portal has 256 places.
const MAX_SIGN_INS: usize = 200;
/// The number of clients that fill the queue for hashes together.
const CLIENTS: usize = 8;
/// The number of concurrent sign-ins of each client: together more than the 256 places of the queue.
const SIGN_INS_PER_CLIENT: usize = 33;
/// The number of connections that request pages without a pause.
const FLOOD_CONNECTIONS: usize = 64;
/// The interval at which memory is read during 1,000 concurrent sign-ins.
const MEMORY_POLL_INTERVAL: Duration = Duration::from_millis(20);
/// The time limit for memory to return to the system.
const MEMORY_RETURN_TIMEOUT: Duration = Duration::from_secs(15);
/// The memory that may stay in use after that, in MiB.
const MAX_REMAINING_MIB: f64 = 20.0;
/// The number of starts of the portal.
const STARTS: usize = 5;

/// Measures all rows.
pub async fn measure(world: &World) -> anyhow::Result<Report> {
    let mut report = Report::default();
    measure_pages(world, &mut report).await?;
    measure_memory(world, &mut report).await?;
    measure_starts(world, &mut report).await?;
    report.note(format!("{} cores; {}; the load comes from the same machine", world.cores, world.services));
    Ok(report)
}

/// Prints a line to standard error.
pub fn print_progress(text: &str) {
    eprintln!("==> {text}");
}

async fn start_portal(world: &World) -> anyhow::Result<Process> {
    let mut portal = Process::portal(world)?;
    portal.wait_until_ready("/login", &world.log()).await?;
    Ok(portal)
}

async fn measure_pages(world: &World, report: &mut Report) -> anyhow::Result<()> {
    let portal = start_portal(world).await?;
    let sessions = sign_viewers_in(portal.address).await?;
    let first = sessions.first().context("nobody is signed in")?;
    let profile = client::get(portal.address, "/profile", Some(first));
    let profile = Connection::open(portal.address).await?.send(&profile).await?;
    ensure!(profile.is_page(), "/profile is not there:\n{}", profile.head);
    let baseline = Process::baseline(profile.length)?;

    measure_login(&portal, &baseline, report).await?;
    measure_profile(world, &portal, &sessions, &baseline, report).await?;
    report.note(format!(
        "/profile has {} bytes, 3 sessions and 5 events; {VIEWERS} people look at theirs at the same time",
        profile.length
    ));
    drop(baseline);
    measure_sign_ins(world, &portal, report).await?;
    measure_flooded_sign_ins(world, &portal, report).await?;
    measure_latency_under_load(world, &portal, report).await
}

/// Measures the processor time of GET /login against a trivial page.
async fn measure_login(portal: &Process, baseline: &Process, report: &mut Report) -> anyhow::Result<()> {
    let login = Load::page(portal.address, "/login", CONNECTIONS);
    let trivial = Load::page(baseline.address, "/leptos", CONNECTIONS);
    let bare = Load::page(baseline.address, "/bare", CONNECTIONS);
    // A page with a query is not cached.
    let uncached = Load::page(portal.address, "/login?next=%2Fprofile", CONNECTIONS);
    let uncached = cpu_per_request(portal, &uncached, PAGE_REQUESTS).await?;
    report.note(format!(
        "/login is a copy that was rendered once; rendered anew (with a query), it takes {uncached:.1} us"
    ));
    let (mut ours, mut theirs, mut least) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        ours.push(cpu_per_request(portal, &login, PAGE_REQUESTS).await?);
        theirs.push(cpu_per_request(baseline, &trivial, PAGE_REQUESTS).await?);
        least.push(cpu_per_request(baseline, &bare, BARE_REQUESTS).await?);
        let (ours, theirs, least) = (last(&ours), last(&theirs), last(&least));
        print_progress(&format!(
            "{round}/{ROUNDS} CPU: /login {ours:.1} us, trivial {theirs:.1} us, bare {least:.1} us"
        ));
    }
    let (ours, theirs, least) = (median(&ours), median(&theirs), median(&least));
    report.ratio(
        "GET /login, CPU per request",
        format!("{ours:.1} us"),
        format!("{theirs:.1} us: trivial Leptos page (bare axum route: {least:.1} us)"),
        ours / theirs,
        Bound::AtMost(1.5),
    );
    Ok(())
}

/// Measures the requests per second of GET /profile, signed in, against the minimum that any such page needs.
async fn measure_profile(
    world: &World,
    portal: &Process,
    sessions: &[String],
    baseline: &Process,
    report: &mut Report,
) -> anyhow::Result<()> {
    let requests =
        sessions.iter().map(|session| client::get(portal.address, "/profile", Some(session))).collect();
    let profile = Load::new(portal.address, requests, Response::is_page);
    let requests = world
        .viewers
        .iter()
        .map(|id| client::get(baseline.address, &format!("/lookup/{id}"), None))
        .collect();
    let lookup = Load::new(baseline.address, requests, Response::is_page);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        ours.push(rate(&profile, ROUND_DURATION).await?);
        theirs.push(rate(&lookup, ROUND_DURATION).await?);
        let (ours, theirs) = (last(&ours), last(&theirs));
        print_progress(&format!(
            "{round}/{ROUNDS} requests a second: /profile {ours:.0}, lookup {theirs:.0}"
        ));
    }
    let (ours, theirs) = (median(&ours), median(&theirs));
    report.ratio(
        "GET /profile, signed in, PostgreSQL and Redis",
        format!("{ours:.0} /s"),
        format!("{theirs:.0} /s: axum, one GET, one SELECT, as many bytes"),
        ours / theirs,
        Bound::AtLeast(0.22),
    );
    Ok(())
}

/// Returns a load of concurrent sign-ins that keeps every hash thread busy. Each sign-in is another user: a user who signs in
/// again and again would have an unrealistic number of sessions.
fn many_sign_ins(world: &World, portal: SocketAddr) -> Load {
    let connections = (world.cores * SIGN_INS_PER_CORE).clamp(16, MAX_SIGN_INS);
    Load::distributed(portal, sign_ins(portal, CONCURRENT_SIGN_INS), connections, Response::is_sign_in)
}

/// Measures sign-ins per second against hashes without sign-ins. The result is the median of the ratios of all rounds.
async fn measure_sign_ins(world: &World, portal: &Process, report: &mut Report) -> anyhow::Result<()> {
    let load = many_sign_ins(world, portal.address);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=SIGN_IN_ROUNDS {
        ours.push(rate(&load, SIGN_IN_ROUND_DURATION).await?);
        theirs.push(raw_hashes(world.cores, SIGN_IN_ROUND_DURATION).await?);
        let (ours, theirs) = (last(&ours), last(&theirs));
        print_progress(&format!(
            "{round}/{SIGN_IN_ROUNDS} a second: sign-ins {ours:.1}, only Argon2id {theirs:.1}"
        ));
    }
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
    let (ours, theirs) = (median(&ours), median(&theirs));
    report.ratio(
        "sign-ins per second",
        format!("{ours:.1} /s"),
        format!("{theirs:.1} /s: only Argon2id, 19 MiB, t=2, p=1, {} threads", world.cores),
        median(&ratios),
        Bound::AtLeast(0.85),
    );
    Ok(())
}

/// Measures sign-ins per second while pages are requested without a pause, against an idle portal.
async fn measure_flooded_sign_ins(
    world: &World,
    portal: &Process,
    report: &mut Report,
) -> anyhow::Result<()> {
    let load = many_sign_ins(world, portal.address);
    let pages = Load::page(portal.address, "/login", FLOOD_CONNECTIONS);
    let (mut flooded, mut idle) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        idle.push(rate(&load, ROUND_DURATION).await?);
        let running = pages.start();
        flooded.push(rate(&load, ROUND_DURATION).await?);
        running.finish().await?;
        let (flooded, idle) = (last(&flooded), last(&idle));
        print_progress(&format!(
            "{round}/{ROUNDS} sign-ins a second: {idle:.1}, {flooded:.1} while pages are flooded"
        ));
    }
    let (flooded, idle) = (median(&flooded), median(&idle));
    report.ratio(
        "sign-ins per second, pages flooded",
        format!("{flooded:.1} /s"),
        format!("{idle:.1} /s: itself, idle"),
        flooded / idle,
        Bound::AtLeast(0.05),
    );
    Ok(())
}

/// Measures the response time of /login while the hash threads are busy or their queue is full, against an idle portal.
async fn measure_latency_under_load(
    world: &World,
    portal: &Process,
    report: &mut Report,
) -> anyhow::Result<()> {
    let many = many_sign_ins(world, portal.address);
    let full = Load::distributed(
        portal.address,
        sign_ins_of_clients(portal.address, CONCURRENT_SIGN_INS, CLIENTS),
        CLIENTS * SIGN_INS_PER_CLIENT,
        Response::is_sign_in_or_busy,
    );
    for (row, load) in [
        ("GET /login, p99, hash threads saturated", many),
        ("GET /login, p99, 8 clients at their limit", full),
    ] {
        let (mut busy, mut idle) = (Vec::new(), Vec::new());
        for round in 1..=ROUNDS {
            idle.push(p99(portal.address, "/login", VISIT_ROUND_DURATION).await?);
            let running = load.start();
            sleep(Duration::from_secs(1)).await;
            busy.push(p99(portal.address, "/login", VISIT_ROUND_DURATION).await?);
            running.finish().await?;
            let (busy, idle) = (last(&busy), last(&idle));
            print_progress(&format!("{round}/{ROUNDS} {row}: {idle:.2} ms idle, {busy:.2} ms"));
        }
        let (busy, idle) = (median(&busy), median(&idle));
        report.ratio(
            row,
            format!("{busy:.2} ms"),
            format!("{idle:.2} ms: itself, idle"),
            busy / idle,
            Bound::AtMost(5.0),
        );
    }
    Ok(())
}

/// Measures the memory of the portal after its start, during 1,000 concurrent sign-ins, and after them.
async fn measure_memory(world: &World, report: &mut Report) -> anyhow::Result<()> {
    let portal = start_portal(world).await?;
    sleep(Duration::from_secs(2)).await;
    let idle = portal.memory()?;
    let (outcomes, peak) = sign_in_concurrently(&portal, CONCURRENT_SIGN_INS).await?;
    let (after, seconds) = wait_for_memory(&portal, idle + MAX_REMAINING_MIB).await?;
    print_progress(&format!(
        "memory: {idle:.1} MiB idle, {peak:.1} at {CONCURRENT_SIGN_INS} sign-ins, {after:.1} after"
    ));
    report.plain("memory, idle", idle, "MiB", Bound::AtMost(40.0));
    report.difference(
        &format!("memory, peak at {CONCURRENT_SIGN_INS} concurrent sign-ins"),
        format!("{peak:.1} MiB"),
        format!("{idle:.1} MiB: idle"),
        peak - idle,
        Bound::AtMost(100.0),
    );
    report.difference(
        &format!("memory, {seconds:.0} s after them"),
        format!("{after:.1} MiB"),
        format!("{idle:.1} MiB: idle"),
        after - idle,
        Bound::AtMost(MAX_REMAINING_MIB),
    );
    let outcomes: Vec<String> = outcomes.iter().map(|(what, count)| format!("{count} {what}")).collect();
    report.note(format!("of {CONCURRENT_SIGN_INS} sign-ins at once: {}", outcomes.join(", ")));
    report.note(format!(
        "idle is before the first sign-in; each of {} hash threads then uses 19 MiB",
        world.cores
    ));
    Ok(())
}

/// Runs `count` concurrent sign-ins. Returns the number of each outcome and the peak memory.
async fn sign_in_concurrently(
    portal: &Process,
    count: usize,
) -> anyhow::Result<(BTreeMap<String, usize>, f64)> {
    let together = Arc::new(Barrier::new(count));
    let mut burst = JoinSet::new();
    for request in sign_ins(portal.address, count) {
        let mut connection = Connection::open(portal.address).await?;
        let together = Arc::clone(&together);
        burst.spawn(async move {
            together.wait().await;
            outcome(connection.send(&request).await)
        });
    }
    let mut outcomes = BTreeMap::new();
    let mut peak = portal.memory()?;
    let mut memory_poll = interval(MEMORY_POLL_INTERVAL);
    loop {
        tokio::select! {
            done = burst.join_next() => {
                let Some(one) = done else { break };
                *outcomes.entry(one.context("a connection's task broke")?).or_insert(0) += 1;
            }
            _ = memory_poll.tick() => peak = peak.max(portal.memory()?),
        }
    }
    Ok((outcomes, peak.max(portal.memory()?)))
}

fn outcome(answer: anyhow::Result<Response>) -> String {
    match answer {
        Ok(response) if response.is_sign_in() => "signed in".to_owned(),
        Ok(response) => format!("answered {}", response.status),
        Err(error) => format!("broken ({error:#})"),
    }
}

/// Waits until at most `max_mib` are in use, or until [`MEMORY_RETURN_TIMEOUT`]. Returns the memory in use and the seconds that
/// it took.
async fn wait_for_memory(portal: &Process, max_mib: f64) -> anyhow::Result<(f64, f64)> {
    let began = Instant::now();
    loop {
        let memory = portal.memory()?;
        let seconds = began.elapsed();
        if memory <= max_mib || seconds >= MEMORY_RETURN_TIMEOUT {
            return Ok((memory, seconds.as_secs_f64()));
        }
        sleep(Duration::from_millis(250)).await;
    }
}

/// Measures the time from the start of the process to the first page.
async fn measure_starts(world: &World, report: &mut Report) -> anyhow::Result<()> {
    let (mut health, mut login) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let began = Instant::now();
        let mut portal = Process::portal(world)?;
        portal.wait_until_ready("/healthz", &world.log()).await?;
        health.push(began.elapsed().as_secs_f64() * 1e3);
        portal.wait_until_ready("/login", &world.log()).await?;
        login.push(began.elapsed().as_secs_f64() * 1e3);
        print_progress(&format!(
            "start: {:.0} ms to /healthz, {:.0} ms to /login",
            last(&health),
            last(&login)
        ));
    }
    let bound = Bound::AtMost(200.0);
    report.plain("start to the first 200 of /healthz, database migrated", median(&health), "ms", bound);
    report.plain("start to the first 200 of /login, database migrated", median(&login), "ms", bound);
    Ok(())
}

fn last(figures: &[f64]) -> f64 {
    figures.last().copied().unwrap_or(f64::NAN)
}
