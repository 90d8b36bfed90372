//! The rows of the table, one function each.
//!
//! Guarantees: what is compared is measured in turns (A B A B A B), so that a busy machine hits both; each figure is the
//! median of its rounds.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

use crate::client::{self, Connection, Reply};
use crate::measure::{Load, cpu_per_request, median, p99, rate, raw_hashes};
use crate::process::Process;
use crate::report::{Bound, Report};
use crate::world::{CROWD, VIEWERS, World, sign_ins, sign_ins_of_clients, sign_viewers_in};

/// How often everything is measured.
const ROUNDS: usize = 3;
/// How often sign-ins are: what hashing takes hangs on the memory of a machine that others may use, too, and changes from
/// second to second.
const HASH_TURNS: usize = 10;
/// How long one of those turns takes, on either side.
const HASH_TURN: Duration = Duration::from_millis(2_500);
/// Connections of the loads that measure processor time.
const CONNECTIONS: usize = 8;
/// Requests that a page's processor time is measured over: seconds of it, of which a tick is less than a hundredth.
const PAGES: usize = 30_000;
/// The same for the bare route, which takes a tenth.
const BARE: usize = 100_000;
/// How long one round of requests a second takes.
const ROUND: Duration = Duration::from_secs(4);
/// How long one round of visits takes.
const VISIT_ROUND: Duration = Duration::from_secs(5);
/// People who sign in at the same time, for each core: enough that no hash thread ever waits.
const SIGN_INS_PER_CORE: usize = 8;
/// Most of them: the portal lets 256 wait.
const MOST_SIGN_INS: usize = 200;
/// Clients that fill the queue for hashes together.
const CLIENTS: usize = 8;
/// Sign-ins of each of them at the same time: together more than the 256 that may wait.
const SIGN_INS_PER_CLIENT: usize = 33;
/// Connections that ask for pages without a pause.
const FLOOD: usize = 64;
/// How often memory is looked at while a thousand sign in.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long memory may take to go back.
const SETTLE: Duration = Duration::from_secs(15);
/// How far it has to go back, in MiB.
const LEFT_OVER: f64 = 20.0;
/// How often the portal is started.
const STARTS: usize = 5;

/// Measures everything.
pub async fn measure(world: &World) -> anyhow::Result<Report> {
    let mut report = Report::default();
    measure_pages(world, &mut report).await?;
    measure_memory(world, &mut report).await?;
    measure_starts(world, &mut report).await?;
    report.note(format!("{} cores; {}; the load comes from the same machine", world.cores, world.services));
    Ok(report)
}

fn say(text: &str) {
    eprintln!("==> {text}");
}

async fn started(world: &World) -> anyhow::Result<Process> {
    let mut portal = Process::portal(world)?;
    portal.answers("/login", &world.log()).await?;
    Ok(portal)
}

async fn measure_pages(world: &World, report: &mut Report) -> anyhow::Result<()> {
    let portal = started(world).await?;
    let sessions = sign_viewers_in(portal.address).await?;
    let first = sessions.first().context("nobody is signed in")?;
    let profile = client::get(portal.address, "/profile", Some(first));
    let profile = Connection::open(portal.address).await?.ask(&profile).await?;
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
    measure_patience(world, &portal, report).await
}

/// GET /login against a trivial page: processor time of a request.
async fn measure_login(portal: &Process, baseline: &Process, report: &mut Report) -> anyhow::Result<()> {
    let login = Load::page(portal.address, "/login", CONNECTIONS);
    let trivial = Load::page(baseline.address, "/leptos", CONNECTIONS);
    let bare = Load::page(baseline.address, "/bare", CONNECTIONS);
    // Of a page with a query there are no copies.
    let anew = Load::page(portal.address, "/login?next=%2Fprofile", CONNECTIONS);
    let anew = cpu_per_request(portal, &anew, PAGES).await?;
    report.note(format!(
        "/login is a copy that was rendered once; rendered anew (with a query), it takes {anew:.1} us"
    ));
    let (mut ours, mut theirs, mut least) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        ours.push(cpu_per_request(portal, &login, PAGES).await?);
        theirs.push(cpu_per_request(baseline, &trivial, PAGES).await?);
        least.push(cpu_per_request(baseline, &bare, BARE).await?);
        let (ours, theirs, least) = (last(&ours), last(&theirs), last(&least));
        say(&format!(
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

/// Signed-in GET /profile against the least that any such page needs: requests a second.
async fn measure_profile(
    world: &World,
    portal: &Process,
    sessions: &[String],
    baseline: &Process,
    report: &mut Report,
) -> anyhow::Result<()> {
    let requests =
        sessions.iter().map(|session| client::get(portal.address, "/profile", Some(session))).collect();
    let profile = Load::new(portal.address, requests, Reply::is_page);
    let requests = world
        .viewers
        .iter()
        .map(|id| client::get(baseline.address, &format!("/lookup/{id}"), None))
        .collect();
    let lookup = Load::new(baseline.address, requests, Reply::is_page);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        ours.push(rate(&profile, ROUND).await?);
        theirs.push(rate(&lookup, ROUND).await?);
        let (ours, theirs) = (last(&ours), last(&theirs));
        say(&format!("{round}/{ROUNDS} requests a second: /profile {ours:.0}, lookup {theirs:.0}"));
    }
    let (ours, theirs) = (median(&ours), median(&theirs));
    report.ratio(
        "GET /profile, signed in, PostgreSQL and Redis",
        format!("{ours:.0} /s"),
        format!("{theirs:.0} /s: axum, one GET, one SELECT, as many bytes"),
        ours / theirs,
        Bound::AtLeast(0.33),
    );
    Ok(())
}

/// As many sign-ins at once as keep every hash thread busy, one person after the other: who signs in over and over has more
/// sessions than people have.
fn many_sign_ins(world: &World, portal: SocketAddr) -> Load {
    let connections = (world.cores * SIGN_INS_PER_CORE).clamp(16, MOST_SIGN_INS);
    Load::dealt(portal, sign_ins(portal, CROWD), connections, Reply::is_sign_in)
}

/// Sign-ins a second against the hashes alone; of the ratios of all turns the one in the middle.
async fn measure_sign_ins(world: &World, portal: &Process, report: &mut Report) -> anyhow::Result<()> {
    let load = many_sign_ins(world, portal.address);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for turn in 1..=HASH_TURNS {
        ours.push(rate(&load, HASH_TURN).await?);
        theirs.push(raw_hashes(world.cores, HASH_TURN).await?);
        let (ours, theirs) = (last(&ours), last(&theirs));
        say(&format!("{turn}/{HASH_TURNS} a second: sign-ins {ours:.1}, Argon2id alone {theirs:.1}"));
    }
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
    let (ours, theirs) = (median(&ours), median(&theirs));
    report.ratio(
        "sign-ins per second",
        format!("{ours:.1} /s"),
        format!("{theirs:.1} /s: Argon2id alone, 19 MiB, t=2, p=1, {} threads", world.cores),
        median(&ratios),
        Bound::AtLeast(0.9),
    );
    Ok(())
}

/// Sign-ins a second while pages are asked for without a pause, against when they are not.
async fn measure_flooded_sign_ins(
    world: &World,
    portal: &Process,
    report: &mut Report,
) -> anyhow::Result<()> {
    let load = many_sign_ins(world, portal.address);
    let pages = Load::page(portal.address, "/login", FLOOD);
    let (mut flooded, mut idle) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        idle.push(rate(&load, ROUND).await?);
        let flow = pages.start();
        flooded.push(rate(&load, ROUND).await?);
        flow.finish().await?;
        let (flooded, idle) = (last(&flooded), last(&idle));
        say(&format!("{round}/{ROUNDS} sign-ins a second: {idle:.1}, {flooded:.1} while pages are flooded"));
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

/// How long the slowest visits of /login take while the hash threads are busy, or the queue for them is full, against when they
/// are not.
async fn measure_patience(world: &World, portal: &Process, report: &mut Report) -> anyhow::Result<()> {
    let many = many_sign_ins(world, portal.address);
    let full = Load::dealt(
        portal.address,
        sign_ins_of_clients(portal.address, CROWD, CLIENTS),
        CLIENTS * SIGN_INS_PER_CLIENT,
        Reply::is_sign_in_or_busy,
    );
    for (row, load) in [
        ("GET /login, p99, hash threads saturated", many),
        ("GET /login, p99, 8 clients at their limit", full),
    ] {
        let (mut busy, mut idle) = (Vec::new(), Vec::new());
        for round in 1..=ROUNDS {
            idle.push(p99(portal.address, "/login", VISIT_ROUND).await?);
            let flow = load.start();
            sleep(Duration::from_secs(1)).await;
            busy.push(p99(portal.address, "/login", VISIT_ROUND).await?);
            flow.finish().await?;
            let (busy, idle) = (last(&busy), last(&idle));
            say(&format!("{round}/{ROUNDS} {row}: {idle:.2} ms idle, {busy:.2} ms"));
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

/// Memory of a portal that has just started, while a thousand sign in at once, and after.
async fn measure_memory(world: &World, report: &mut Report) -> anyhow::Result<()> {
    let portal = started(world).await?;
    sleep(Duration::from_secs(2)).await;
    let idle = portal.memory()?;
    let (outcomes, peak) = sign_in_at_once(&portal, CROWD).await?;
    let (after, seconds) = settled(&portal, idle + LEFT_OVER).await?;
    say(&format!("memory: {idle:.1} MiB idle, {peak:.1} at {CROWD} sign-ins, {after:.1} after"));
    report.plain("memory, idle", idle, "MiB", Bound::AtMost(40.0));
    report.difference(
        &format!("memory, peak at {CROWD} concurrent sign-ins"),
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
        Bound::AtMost(LEFT_OVER),
    );
    let outcomes: Vec<String> = outcomes.iter().map(|(what, count)| format!("{count} {what}")).collect();
    report.note(format!("of {CROWD} sign-ins at once: {}", outcomes.join(", ")));
    report.note(format!(
        "idle is before the first sign-in; each of {} hash threads then uses 19 MiB",
        world.cores
    ));
    Ok(())
}

/// What came of this many sign-ins at once, and the most memory meanwhile.
async fn sign_in_at_once(portal: &Process, count: usize) -> anyhow::Result<(BTreeMap<String, usize>, f64)> {
    let together = Arc::new(Barrier::new(count));
    let mut burst = JoinSet::new();
    for request in sign_ins(portal.address, count) {
        let mut connection = Connection::open(portal.address).await?;
        let together = Arc::clone(&together);
        burst.spawn(async move {
            together.wait().await;
            outcome(connection.ask(&request).await)
        });
    }
    let mut outcomes = BTreeMap::new();
    let mut peak = portal.memory()?;
    let mut look = interval(LOOK_EVERY);
    loop {
        tokio::select! {
            done = burst.join_next() => {
                let Some(one) = done else { break };
                *outcomes.entry(one.context("a connection's task broke")?).or_insert(0) += 1;
            }
            _ = look.tick() => peak = peak.max(portal.memory()?),
        }
    }
    Ok((outcomes, peak.max(portal.memory()?)))
}

fn outcome(answer: anyhow::Result<Reply>) -> String {
    match answer {
        Ok(reply) if reply.is_sign_in() => "signed in".to_owned(),
        Ok(reply) => format!("answered {}", reply.status),
        Err(error) => format!("broken ({error:#})"),
    }
}

/// Waits until no more memory than this is in use, as long as that may take; answers how much it is, and after how many
/// seconds.
async fn settled(portal: &Process, most: f64) -> anyhow::Result<(f64, f64)> {
    let began = Instant::now();
    loop {
        let memory = portal.memory()?;
        let seconds = began.elapsed();
        if memory <= most || seconds >= SETTLE {
            return Ok((memory, seconds.as_secs_f64()));
        }
        sleep(Duration::from_millis(250)).await;
    }
}

/// From the start of the process to the first page.
async fn measure_starts(world: &World, report: &mut Report) -> anyhow::Result<()> {
    let (mut health, mut login) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let began = Instant::now();
        let mut portal = Process::portal(world)?;
        portal.answers("/healthz", &world.log()).await?;
        health.push(began.elapsed().as_secs_f64() * 1e3);
        portal.answers("/login", &world.log()).await?;
        login.push(began.elapsed().as_secs_f64() * 1e3);
        say(&format!("start: {:.0} ms to /healthz, {:.0} ms to /login", last(&health), last(&login)));
    }
    let bound = Bound::AtMost(200.0);
    report.plain("start to the first 200 of /healthz, database migrated", median(&health), "ms", bound);
    report.plain("start to the first 200 of /login, database migrated", median(&login), "ms", bound);
    Ok(())
}

fn last(figures: &[f64]) -> f64 {
    figures.last().copied().unwrap_or(f64::NAN)
}
