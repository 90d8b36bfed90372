//! The processes that are measured, with their processor time and memory.
//!
//! # Guarantees
//! - A process ends when its owner is dropped.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::time::sleep;

use crate::client::{self, Connection};
use crate::world::World;

/// The time limit for a start.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// The interval between two requests that check for the start.
const START_POLL_INTERVAL: Duration = Duration::from_millis(1);
/// The unit of processor time on Linux (USER_HZ): a hundredth of a second on all platforms of the portal.
const TICK: Duration = Duration::from_millis(10);

/// A child process, which is killed when this value is dropped.
#[derive(Debug)]
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running server.
#[derive(Debug)]
pub struct Process {
    running: Running,
    /// The IP address and port that it listens on.
    pub address: SocketAddr,
}

impl Process {
    /// Starts the portal with [`portal_settings`].
    pub fn portal(world: &World) -> anyhow::Result<Self> {
        let address = free_address()?;
        let log = File::options().create(true).append(true).open(world.log())?;
        let child = Command::new(&world.program)
            .arg("serve")
            .current_dir(&world.folder)
            .env_clear()
            .envs(portal_settings(world, &address.to_string()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("could not start {}", world.program.display()))?;
        Ok(Self { running: Running(child), address })
    }

    /// Starts this program as the baseline. Its lookups return `bytes` bytes.
    pub fn baseline(bytes: usize) -> anyhow::Result<Self> {
        let child = Command::new(std::env::current_exe()?)
            .args(["baseline", &bytes.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start the baseline")?;
        let mut running = Running(child);
        let output = running.0.stdout.take().context("the baseline has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse::<SocketAddr>().context("the baseline did not start")?;
        Ok(Self { running, address })
    }

    /// Waits until the response for `path` is a 200. The error contains the last lines of `log`.
    pub async fn wait_until_ready(&mut self, path: &str, log: &Path) -> anyhow::Result<()> {
        let request = client::get(self.address, path, None);
        let began = Instant::now();
        loop {
            if let Ok(mut connection) = Connection::open(self.address).await
                && let Ok(response) = connection.send(&request).await
                && response.is_page()
            {
                return Ok(());
            }
            if let Some(status) = self.running.0.try_wait()? {
                bail!("the portal ended ({status}):\n{}", last_lines(log));
            }
            ensure!(
                began.elapsed() < START_TIMEOUT,
                "the portal does not answer {path}:\n{}",
                last_lines(log)
            );
            sleep(START_POLL_INTERVAL).await;
        }
    }

    /// Returns the processor time of all threads so far, in the program and in the kernel.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.running.0.id()))?;
        // The second field is the name of the program in brackets and may contain anything. Fields 14 and 15 are the times.
        let (_, rest) = stat.rsplit_once(')').context("/proc has another form")?;
        let times = rest.split_whitespace().skip(11).take(2);
        let ticks: u32 = times.map(str::parse::<u32>).sum::<Result<u32, _>>()?;
        Ok(TICK * ticks)
    }

    /// Returns the memory in use in MiB.
    pub fn memory(&self) -> anyhow::Result<f64> {
        self.status_mib("VmRSS:")
    }

    /// Returns the largest memory in use since the start in MiB.
    pub fn peak_memory(&self) -> anyhow::Result<f64> {
        self.status_mib("VmHWM:")
    }

    fn status_mib(&self, field: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.running.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|line| line.split_whitespace().next()).context("/proc has another form")?;
        Ok(f64::from(kib.parse::<u32>()?) / 1024.0)
    }
}

/// Returns the settings of a portal in production, on the temporary stores, with rate limits that the benchmark does not reach.
/// `listen` is its IP address and port.
pub fn portal_settings(world: &World, listen: &str) -> Vec<(&'static str, OsString)> {
    vec![
        ("LEPTOS_ENV", "PROD".into()),
        ("LEPTOS_SITE_ADDR", listen.into()),
        ("LEPTOS_SITE_ROOT", world.site.clone().into()),
        ("PUBLIC_URL", format!("http://{listen}").into()),
        ("DATABASE_URL", world.database_url.clone().into()),
        ("REDIS_URL", world.redis_url.clone().into()),
        ("SECRET_KEY", "WjzFbL1Yq0UHl2rJ3pTn9vKcXe6sGdMa".into()),
        ("MAIL_TRANSPORT", "file".into()),
        ("MAIL_DIR", world.folder.join("mail").into()),
        ("LIMIT_SIGN_IN", "1000000/1h".into()),
        ("LIMIT_REGISTER", "1000000/1h".into()),
        ("LIMIT_RESET", "1000000/1h".into()),
        // Some loads send X-Forwarded-For with other client IPs.
        ("TRUSTED_PROXIES", "127.0.0.1".into()),
    ]
}

/// Returns a port on loopback that is free now. If another process takes it first, the portal reports an error.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.split_at(lines.len().saturating_sub(10)).1.join("\n")
}
