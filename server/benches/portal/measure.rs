//! The measurements: processor time per request, requests per second, response times, and hashes per second.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::{self, Connection, Response};
use crate::process::Process;
use crate::world::PASSWORD;

/// The time that a load runs before it is measured.
const WARM_UP: Duration = Duration::from_millis(800);
/// The number of concurrent visitors while response times are measured.
const VISITORS: usize = 4;
/// The pause of each visitor between two pages.
const VISIT_PAUSE: Duration = Duration::from_millis(5);
/// The pause before the next request after a 503. Without a pause, connections whose requests are refused would flood the portal.
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// A load: lists of requests. Each list is sent on a connection of its own, one request after another, in a loop.
#[derive(Clone, Debug)]
pub struct Load {
    to: SocketAddr,
    lists: Vec<Vec<Vec<u8>>>,
    is_expected: fn(&Response) -> bool,
}

/// The state that the connections of a load share.
#[derive(Debug, Default)]
struct Shared {
    answered: AtomicU64,
    stop: AtomicBool,
}

/// A load that is running.
#[derive(Debug)]
pub struct RunningLoad {
    shared: Arc<Shared>,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Load {
    /// Creates a load with one connection per request. Every response must satisfy `is_expected`.
    pub fn new(to: SocketAddr, requests: Vec<Vec<u8>>, is_expected: fn(&Response) -> bool) -> Self {
        let connections = requests.len();
        Self::distributed(to, requests, connections, is_expected)
    }

    /// Creates a load with this number of connections, to which the requests are distributed in turn.
    pub fn distributed(
        to: SocketAddr,
        requests: Vec<Vec<u8>>,
        connections: usize,
        is_expected: fn(&Response) -> bool,
    ) -> Self {
        let mut lists = vec![Vec::new(); connections];
        for (list, request) in (0..connections).cycle().zip(requests) {
            if let Some(list) = lists.get_mut(list) {
                list.push(request);
            }
        }
        Self { to, lists, is_expected }
    }

    /// Creates a load that requests one page on this number of connections.
    pub fn page(to: SocketAddr, path: &str, connections: usize) -> Self {
        Self::new(to, vec![client::get(to, path, None); connections], Response::is_page)
    }

    /// Starts the load.
    pub fn start(&self) -> RunningLoad {
        self.run(usize::MAX)
    }

    /// Sends about `count` requests. Returns their exact number.
    async fn send(&self, count: usize) -> anyhow::Result<usize> {
        let each = count.div_ceil(self.lists.len().max(1));
        self.run(each).wait().await?;
        Ok(each * self.lists.len())
    }

    fn run(&self, each: usize) -> RunningLoad {
        let shared = Arc::<Shared>::default();
        let mut tasks = JoinSet::new();
        for list in &self.lists {
            tasks.spawn(send_in_loop(self.to, list.clone(), self.is_expected, Arc::clone(&shared), each));
        }
        RunningLoad { shared, tasks }
    }
}

async fn send_in_loop(
    to: SocketAddr,
    requests: Vec<Vec<u8>>,
    is_expected: fn(&Response) -> bool,
    shared: Arc<Shared>,
    times: usize,
) -> anyhow::Result<()> {
    let mut connection = Connection::open(to).await?;
    for request in requests.iter().cycle().take(times) {
        if shared.stop.load(Ordering::Relaxed) {
            break;
        }
        let response = connection.send(request).await?;
        ensure!(is_expected(&response), "an answer is not what it should be:\n{}", response.head);
        shared.answered.fetch_add(1, Ordering::Relaxed);
        if response.is_busy() {
            sleep(BUSY_PAUSE).await;
        }
    }
    Ok(())
}

impl RunningLoad {
    fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::Relaxed)
    }

    async fn wait(mut self) -> anyhow::Result<()> {
        while let Some(done) = self.tasks.join_next().await {
            done.context("a connection's task broke")??;
        }
        Ok(())
    }

    /// Stops the load after the requests in flight.
    pub async fn finish(self) -> anyhow::Result<()> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.wait().await
    }
}

/// Returns the processor time of the server per request in microseconds, as the mean of about `count` requests.
pub async fn cpu_per_request(server: &Process, load: &Load, count: usize) -> anyhow::Result<f64> {
    load.send(count / 10).await?;
    let before = server.cpu()?;
    let answered = load.send(count).await?;
    let spent = server.cpu()?.saturating_sub(before);
    Ok(spent.as_secs_f64() * 1e6 / answered as f64)
}

/// Returns the number of responses per second.
pub async fn rate(load: &Load, time: Duration) -> anyhow::Result<f64> {
    let running = load.start();
    sleep(WARM_UP).await;
    let before = running.answered();
    let began = Instant::now();
    sleep(time).await;
    let answered = running.answered() - before;
    let rate = answered as f64 / began.elapsed().as_secs_f64();
    running.finish().await?;
    Ok(rate)
}

/// Returns the 99th percentile of the response time of a page in milliseconds.
pub async fn p99(to: SocketAddr, path: &str, time: Duration) -> anyhow::Result<f64> {
    let mut visitors = JoinSet::new();
    for _ in 0..VISITORS {
        visitors.spawn(visit(to, client::get(to, path, None), time));
    }
    let mut took = Vec::new();
    while let Some(one) = visitors.join_next().await {
        took.extend(one.context("a visitor's task broke")??);
    }
    took.sort_unstable();
    let rank = (took.len() * 99).div_ceil(100).saturating_sub(1);
    let took = took.get(rank).context("nobody came")?;
    Ok(took.as_secs_f64() * 1e3)
}

async fn visit(to: SocketAddr, request: Vec<u8>, time: Duration) -> anyhow::Result<Vec<Duration>> {
    let mut connection = Connection::open(to).await?;
    let mut took = Vec::new();
    let began = Instant::now();
    while began.elapsed() < time {
        let asked = Instant::now();
        let response = connection.send(&request).await?;
        took.push(asked.elapsed());
        ensure!(response.is_page(), "an answer is not what it should be:\n{}", response.head);
        sleep(VISIT_PAUSE).await;
    }
    Ok(took)
}

/// Returns the number of Argon2id hashes per second on this number of threads. Each thread reuses its own memory.
pub async fn raw_hashes(threads: usize, time: Duration) -> anyhow::Result<f64> {
    let mut answers = Vec::new();
    for _ in 0..threads {
        let (reply, answer) = oneshot::channel();
        std::thread::spawn(move || {
            // The receiver may have been stopped.
            let _ = reply.send(hash_for(time));
        });
        answers.push(answer);
    }
    let mut sum = 0.0;
    for answer in answers {
        sum += answer.await.context("a thread broke")??;
    }
    Ok(sum)
}

fn hash_for(time: Duration) -> anyhow::Result<f64> {
    let params = Params::new(19 * 1024, 2, 1, Some(32))?;
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut output = [0_u8; 32];
    let mut hash = || {
        let memory = memory.as_mut_slice();
        argon2.hash_password_into_with_memory(PASSWORD.as_bytes(), b"nobody's salt 16", &mut output, memory)
    };
    // The first hash also allocates the memory.
    hash()?;
    let mut count = 0_u32;
    let began = Instant::now();
    while began.elapsed() < time {
        hash()?;
        count += 1;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

/// Returns the median. For an even number of figures it is the upper one of the two in the middle.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
