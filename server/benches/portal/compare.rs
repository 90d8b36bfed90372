//! The comparison of two releases: `script/bench --against PROGRAM`.
//!
//! # Guarantees
//!
//! - Each program has a database and a Redis database of its own. It migrates them and creates the users itself, so that the two
//!   versions may have different tables.
//! - Both are measured in each of [`TURNS`] turns. The program that is measured first changes with each turn.
//! - Each ratio is the median of the turns' ratios.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use sea_orm::ConnectionTrait;
use tokio::io::AsyncWriteExt;

use crate::client;
use crate::measure::{Load, cpu_per_request, median, rate};
use crate::process::{Process, portal_settings};
use crate::report::{Bound, Report};
use crate::rows::print_progress;
use crate::world::{
    PASSWORD, VIEWERS, World, environment, sign_ins, sign_viewers_in, user_name, viewer_name,
};

/// The number of turns.
const TURNS: usize = 10;
/// The number of users who sign in, one sign-in after another of each. More than the connections of the load, so that none waits
/// for its own user's row.
const USERS: usize = 96;
/// The number of concurrent sign-ins: enough to keep every hash thread of a small machine busy.
const CONCURRENT_SIGN_INS: usize = 16;
/// The duration of the measurement of sign-ins.
const ROUND_DURATION: Duration = Duration::from_millis(2_500);
/// The number of connections for /login.
const LOGIN_CONNECTIONS: usize = 8;
/// The numbers of requests that measure the processor time of a page. Each number takes a second of it or more, so that one tick is at
/// most 1 %.
const LOGIN_REQUESTS: usize = 30_000;
const PROFILE_REQUESTS: usize = 4_000;

/// A program, its own stores, and its running portal with signed-in viewers.
#[derive(Debug)]
struct Candidate {
    name: &'static str,
    world: World,
    portal: Process,
    sessions: Vec<String>,
}

/// The figures of one turn.
#[derive(Clone, Copy, Debug)]
struct Turn {
    sign_ins: f64,
    login_cpu: f64,
    profile_cpu: f64,
    idle_memory: f64,
    start: f64,
}

/// Compares the portal with an older program, whose site files are in `AGAINST_SITE_ROOT`.
pub async fn compare(against: &Path) -> anyhow::Result<Report> {
    let site = PathBuf::from(environment("AGAINST_SITE_ROOT")?);
    let new = Candidate::prepare("this release", environment("PORTAL_BIN")?.into(), None, 1).await?;
    let old = Candidate::prepare("the other", against.to_owned(), Some(site), 2).await?;
    let mut turns = Vec::new();
    for number in 1..=TURNS {
        let (ours, theirs) = if number % 2 == 1 {
            let ours = new.measure().await?;
            (ours, old.measure().await?)
        } else {
            let theirs = old.measure().await?;
            (new.measure().await?, theirs)
        };
        print_progress(&format!("{number}/{TURNS} {}: {ours}; {}: {theirs}", new.name, old.name));
        turns.push((ours, theirs));
    }
    let mut report = Report::default();
    for (row, unit, figure, bound) in ROWS {
        let figures = |pick: fn(&(Turn, Turn)) -> Turn| -> Vec<f64> {
            turns.iter().map(|turn| figure(&pick(turn))).collect()
        };
        let (ours, theirs) = (figures(|turn| turn.0), figures(|turn| turn.1));
        let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
        report.ratio(
            row,
            format!("{:.1} {unit}", median(&ours)),
            format!("{:.1} {unit}: {}", median(&theirs), old.name),
            median(&ratios),
            bound,
        );
    }
    let (ours, theirs) = (new.portal.peak_memory()?, old.portal.peak_memory()?);
    report.ratio(
        "memory, peak",
        format!("{ours:.1} MiB"),
        format!("{theirs:.1} MiB: {}", old.name),
        ours / theirs,
        Bound::AtMost(1.1),
    );
    report.note(format!(
        "{TURNS} turns; each ratio is the median of the turns' ratios; {}",
        new.world.services
    ));
    report.note(format!("the other: {}", against.display()));
    Ok(report)
}

type Row = (&'static str, &'static str, fn(&Turn) -> f64, Bound);

const ROWS: [Row; 5] = [
    ("sign-ins per second", "/s", |turn| turn.sign_ins, Bound::AtLeast(0.95)),
    ("GET /login, CPU per request", "us", |turn| turn.login_cpu, Bound::AtMost(1.1)),
    ("GET /profile, signed in, CPU per request", "us", |turn| turn.profile_cpu, Bound::AtMost(1.1)),
    ("memory, idle after the first page", "MiB", |turn| turn.idle_memory, Bound::AtMost(1.1)),
    ("start to the first 200 of /login", "ms", |turn| turn.start, Bound::AtMost(1.1)),
];

impl std::fmt::Display for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.1} sign-ins/s, /login {:.1} us, /profile {:.1} us, {:.1} MiB, {:.0} ms",
            self.sign_ins, self.login_cpu, self.profile_cpu, self.idle_memory, self.start
        )
    }
}

impl Candidate {
    /// Creates the stores of a program and its users, starts it, and signs the viewers in. `number` is the number of its Redis
    /// database.
    async fn prepare(
        name: &'static str,
        program: PathBuf,
        site: Option<PathBuf>,
        number: u8,
    ) -> anyhow::Result<Self> {
        let folder = PathBuf::from(environment("BENCH_FOLDER")?).join(format!("candidate-{number}"));
        std::fs::create_dir(&folder).context("create a folder")?;
        let server_url = environment("BENCH_DATABASE_URL")?;
        let database_url = create_database(&server_url, &format!("candidate_{number}")).await?;
        let world = World {
            program,
            site: site.map_or_else(|| environment("LEPTOS_SITE_ROOT").map(Into::into), Ok)?,
            folder,
            database_url,
            redis_url: format!("{}/{number}", environment("BENCH_REDIS_URL")?.trim_end_matches('/')),
            services: environment("BENCH_SERVICES")?,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            viewers: Vec::new(),
        };
        print_progress(&format!("{name}: creating {} users…", VIEWERS + USERS));
        for user in (0..VIEWERS).map(viewer_name).chain((0..USERS).map(user_name)) {
            create_user(&world, &user).await.with_context(|| format!("create {user}"))?;
        }
        make_members(&world.database_url).await?;
        let mut portal = Process::portal(&world)?;
        portal.wait_until_ready("/login", &world.log()).await?;
        let sessions = sign_viewers_in(portal.address).await?;
        Ok(Self { name, world, portal, sessions })
    }

    async fn measure(&self) -> anyhow::Result<Turn> {
        let to = self.portal.address;
        let profiles =
            self.sessions.iter().map(|session| client::get(to, "/profile", Some(session))).collect();
        let profiles = Load::new(to, profiles, client::Response::is_page);
        let requests = sign_ins(to, USERS);
        let sign_ins = Load::distributed(to, requests, CONCURRENT_SIGN_INS, client::Response::is_sign_in);
        let login = Load::page(to, "/login", LOGIN_CONNECTIONS);
        let (start, idle_memory) = self.start_once().await?;
        Ok(Turn {
            sign_ins: rate(&sign_ins, ROUND_DURATION).await?,
            login_cpu: cpu_per_request(&self.portal, &login, LOGIN_REQUESTS).await?,
            profile_cpu: cpu_per_request(&self.portal, &profiles, PROFILE_REQUESTS).await?,
            idle_memory,
            start,
        })
    }

    /// Starts the program again. Returns the milliseconds to its first page and its memory in MiB after that.
    async fn start_once(&self) -> anyhow::Result<(f64, f64)> {
        let began = Instant::now();
        let mut portal = Process::portal(&self.world)?;
        portal.wait_until_ready("/login", &self.world.log()).await?;
        let start = began.elapsed().as_secs_f64() * 1e3;
        Ok((start, portal.memory()?))
    }
}

/// Creates a database on the server. Returns its URL.
pub async fn create_database(server_url: &str, name: &str) -> anyhow::Result<String> {
    let (server, _) = server_url.rsplit_once('/').context("the URL of PostgreSQL has no database")?;
    let database = sea_orm::Database::connect(server_url).await?;
    database.execute_unprepared(&format!("CREATE DATABASE {name}")).await?;
    Ok(format!("{server}/{name}"))
}

/// Runs `admin create` of the program, which also migrates the database.
async fn create_user(world: &World, name: &str) -> anyhow::Result<()> {
    let mut command = tokio::process::Command::new(&world.program);
    let email = format!("{name}@example.org");
    command
        .args(["admin", "create", "--username", name, "--email", &email, "--password-stdin"])
        .current_dir(&world.folder)
        .env_clear()
        .envs(portal_settings(world, "127.0.0.1:9"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child =
        command.spawn().with_context(|| format!("could not start {}", world.program.display()))?;
    let mut input = child.stdin.take().context("the program has no input")?;
    input.write_all(format!("{PASSWORD}\n").as_bytes()).await?;
    drop(input);
    let output = child.wait_with_output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Takes the administrator role from all users, because members' pages are measured.
async fn make_members(database_url: &str) -> anyhow::Result<()> {
    let database = sea_orm::Database::connect(database_url).await?;
    database.execute_unprepared("UPDATE users SET role = 'member'").await?;
    Ok(())
}
