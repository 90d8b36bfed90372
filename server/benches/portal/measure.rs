//! How things are measured: processor time of a request, answers a second, how long answers take, hashes a second.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::{self, Connection, Reply};
use crate::process::Process;
use crate::world::PASSWORD;

/// How long a load runs before it is measured.
const WARM_UP: Duration = Duration::from_millis(800);
/// How many visit while it is measured how long a page takes.
const VISITORS: usize = 4;
/// How long each of them rests between two pages.
const REST: Duration = Duration::from_millis(5);

/// Requests of one kind: each list on a connection of its own, one after the other, over and over.
#[derive(Clone, Debug)]
pub struct Load {
    to: SocketAddr,
    lists: Vec<Vec<Vec<u8>>>,
    right: fn(&Reply) -> bool,
}

/// What the connections of a load share.
#[derive(Debug, Default)]
struct Shared {
    answered: AtomicU64,
    stop: AtomicBool,
}

/// A load while it runs.
#[derive(Debug)]
pub struct Flow {
    shared: Arc<Shared>,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Load {
    /// Requests whose answers must be `right`: each of them on a connection of its own.
    pub fn new(to: SocketAddr, requests: Vec<Vec<u8>>, right: fn(&Reply) -> bool) -> Self {
        let connections = requests.len();
        Self::dealt(to, requests, connections, right)
    }

    /// The same over this many connections, to which the requests are dealt like cards.
    pub fn dealt(
        to: SocketAddr,
        requests: Vec<Vec<u8>>,
        connections: usize,
        right: fn(&Reply) -> bool,
    ) -> Self {
        let mut lists = vec![Vec::new(); connections];
        for (list, request) in (0..connections).cycle().zip(requests) {
            if let Some(list) = lists.get_mut(list) {
                list.push(request);
            }
        }
        Self { to, lists, right }
    }

    /// Visits of one page over this many connections.
    pub fn page(to: SocketAddr, path: &str, connections: usize) -> Self {
        Self::new(to, vec![client::get(to, path, None); connections], Reply::is_page)
    }

    /// Lets it run.
    pub fn start(&self) -> Flow {
        self.run(usize::MAX)
    }

    /// Sends about `count` requests; answers how many it were.
    async fn send(&self, count: usize) -> anyhow::Result<usize> {
        let each = count.div_ceil(self.lists.len().max(1));
        self.run(each).wait().await?;
        Ok(each * self.lists.len())
    }

    fn run(&self, each: usize) -> Flow {
        let shared = Arc::<Shared>::default();
        let mut tasks = JoinSet::new();
        for list in &self.lists {
            tasks.spawn(ask_again(self.to, list.clone(), self.right, Arc::clone(&shared), each));
        }
        Flow { shared, tasks }
    }
}

async fn ask_again(
    to: SocketAddr,
    requests: Vec<Vec<u8>>,
    right: fn(&Reply) -> bool,
    shared: Arc<Shared>,
    times: usize,
) -> anyhow::Result<()> {
    let mut connection = Connection::open(to).await?;
    for request in requests.iter().cycle().take(times) {
        if shared.stop.load(Ordering::Relaxed) {
            break;
        }
        let reply = connection.ask(request).await?;
        ensure!(right(&reply), "an answer is not what it should be:\n{}", reply.head);
        shared.answered.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

impl Flow {
    fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::Relaxed)
    }

    async fn wait(mut self) -> anyhow::Result<()> {
        while let Some(done) = self.tasks.join_next().await {
            done.context("a connection's task broke")??;
        }
        Ok(())
    }

    /// Stops it after the requests in flight.
    pub async fn finish(self) -> anyhow::Result<()> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.wait().await
    }
}

/// Processor time of the server for one request, in microseconds, over `count` of them.
pub async fn cpu_per_request(server: &Process, load: &Load, count: usize) -> anyhow::Result<f64> {
    load.send(count / 10).await?;
    let before = server.cpu()?;
    let answered = load.send(count).await?;
    let spent = server.cpu()?.saturating_sub(before);
    Ok(spent.as_secs_f64() * 1e6 / answered as f64)
}

/// Answers a second.
pub async fn rate(load: &Load, time: Duration) -> anyhow::Result<f64> {
    let flow = load.start();
    sleep(WARM_UP).await;
    let before = flow.answered();
    let began = Instant::now();
    sleep(time).await;
    let answered = flow.answered() - before;
    let rate = answered as f64 / began.elapsed().as_secs_f64();
    flow.finish().await?;
    Ok(rate)
}

/// How long the slowest hundredth of a page's visits takes at least, in milliseconds.
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
        let reply = connection.ask(&request).await?;
        took.push(asked.elapsed());
        ensure!(reply.is_page(), "an answer is not what it should be:\n{}", reply.head);
        sleep(REST).await;
    }
    Ok(took)
}

/// Argon2id hashes a second of this many threads, each with memory of its own that it uses again.
pub async fn raw_hashes(threads: usize, time: Duration) -> anyhow::Result<f64> {
    let mut answers = Vec::new();
    for _ in 0..threads {
        let (reply, answer) = oneshot::channel();
        std::thread::spawn(move || {
            // Whoever asked may have been told to stop.
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
    // The first one also fetches the memory from the system.
    hash()?;
    let mut count = 0_u32;
    let began = Instant::now();
    while began.elapsed() < time {
        hash()?;
        count += 1;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

/// The one in the middle; of an even number the upper of the two.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
