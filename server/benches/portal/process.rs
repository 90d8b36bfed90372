//! The processes that are measured, and what the system says of them.
//!
//! Guarantees: a process ends when its owner is dropped.

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

/// How long a start may take before it counts as failed.
const START: Duration = Duration::from_secs(30);
/// How often it is asked whether it has started.
const ASK_EVERY: Duration = Duration::from_millis(1);
/// Linux counts processor time in hundredths of a second (USER_HZ) on everything that the portal runs on.
const TICK: Duration = Duration::from_millis(10);

/// A child, for as long as this lives.
#[derive(Debug)]
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server.
#[derive(Debug)]
pub struct Process {
    running: Running,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Process {
    /// Starts the portal: as in production, on the throw-away stores, with limits that nobody here reaches.
    pub fn portal(world: &World) -> anyhow::Result<Self> {
        let address = free_address()?;
        let log = File::options().create(true).append(true).open(world.log())?;
        let (listen, public) = (address.to_string(), format!("http://{address}"));
        let settings: [(&str, &str); 11] = [
            ("LEPTOS_ENV", "PROD"),
            ("LEPTOS_SITE_ADDR", listen.as_str()),
            ("PUBLIC_URL", public.as_str()),
            ("DATABASE_URL", world.database_url.as_str()),
            ("REDIS_URL", world.redis_url.as_str()),
            ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
            ("MAIL_TRANSPORT", "file"),
            ("LIMIT_SIGN_IN", "1000000/1h"),
            ("LIMIT_REGISTER", "1000000/1h"),
            ("LIMIT_RESET", "1000000/1h"),
            // Some loads say that they come from other clients.
            ("TRUSTED_PROXIES", "127.0.0.1"),
        ];
        let child = Command::new(&world.program)
            .arg("serve")
            .current_dir(&world.folder)
            .env_clear()
            .envs(settings)
            .env("LEPTOS_SITE_ROOT", &world.site)
            .env("MAIL_DIR", world.folder.join("mail"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("could not start {}", world.program.display()))?;
        Ok(Self { running: Running(child), address })
    }

    /// Starts this program as the one to compare with; its lookups answer this many bytes.
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

    /// Waits until `path` is answered with 200. Says what stands in `log` if that does not happen.
    pub async fn answers(&mut self, path: &str, log: &Path) -> anyhow::Result<()> {
        let request = client::get(self.address, path, None);
        let began = Instant::now();
        loop {
            if let Ok(mut connection) = Connection::open(self.address).await
                && let Ok(reply) = connection.ask(&request).await
                && reply.is_page()
            {
                return Ok(());
            }
            if let Some(status) = self.running.0.try_wait()? {
                bail!("the portal ended ({status}):\n{}", last_lines(log));
            }
            ensure!(began.elapsed() < START, "the portal does not answer {path}:\n{}", last_lines(log));
            sleep(ASK_EVERY).await;
        }
    }

    /// Processor time so far, of all threads, in the program and in the kernel.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.running.0.id()))?;
        // The second field is the program's name in brackets and may hold anything; the 14th and 15th are the times.
        let (_, rest) = stat.rsplit_once(')').context("/proc has another form")?;
        let times = rest.split_whitespace().skip(11).take(2);
        let ticks: u32 = times.map(str::parse::<u32>).sum::<Result<u32, _>>()?;
        Ok(TICK * ticks)
    }

    /// Memory in use, in MiB.
    pub fn memory(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.running.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).context("/proc has another form")?;
        Ok(f64::from(kib.parse::<u32>()?) / 1024.0)
    }
}

/// An address that is free now. Somebody else could take it first; then the portal says so.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.split_at(lines.len().saturating_sub(10)).1.join("\n")
}
