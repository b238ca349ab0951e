//! Processes that share a directory of tokens, in real time: many at once, stopped for a while, killed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use hellosign_sdk::models::{OAuthTokenResponse, RefreshToken};
use hellosign_sdk::tokens::{FileTokenStore, TokenManager};
use hellosign_sdk::{ApiClient, Configuration};
use hellosign_testkit::{
    CLIENT_ID, CLIENT_SECRET, FaultProxy, REFRESH_TOKEN, ROTATING_ID, ROTATING_TOKEN, TestServer,
};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::keys;

/// Whether the full sizes are wanted.
fn is_long() -> bool {
    #[expect(clippy::disallowed_methods, reason = "./check --long says so in the environment")]
    std::env::var_os("HELLOSIGN_LONG").is_some()
}

/// What a worker is told, in its environment.
fn told(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a worker is this test's own process")]
    std::env::var(format!("HELLOSIGN_TEST_WORKER_{name}")).ok()
}

/// A name that ends in `.db` is a database, any other one a directory of files.
fn manager(server: &str, client_id: &str, store: &Path, timeout: Duration) -> TokenManager {
    let configuration = Configuration::builder().server(server).timeout(timeout).build().unwrap();
    let builder = TokenManager::builder(&ApiClient::new(configuration), client_id, CLIENT_SECRET);
    match store.extension() {
        #[cfg(feature = "sqlite")]
        Some(_) => {
            builder.store(hellosign_sdk::tokens::SqliteTokenStore::open(store).unwrap(), keys()).build()
        }
        _ => builder.store(FileTokenStore::open(store).unwrap(), keys()).build(),
    }
}

/// Not a test: what the others start, this binary again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker() {
    let Some(server) = told("SERVER") else { return };
    let number = |name: &str| told(name).unwrap().parse::<u64>().unwrap();
    let store = PathBuf::from(told("STORE").unwrap());
    let client_id = told("CLIENT").unwrap();
    let manager = manager(&server, &client_id, &store, Duration::from_millis(number("TIMEOUT")));
    let until = Instant::now() + Duration::from_millis(number("RUNS"));
    let pause = Duration::from_millis(number("PAUSE"));
    let tasks: Vec<_> = (0..number("TASKS"))
        .map(|_| {
            let account = manager.account("jill");
            tokio::spawn(async move {
                while Instant::now() < until {
                    println!("worker: asks");
                    match account.access_token().await {
                        Ok(_) => println!("worker: has one"),
                        Err(error) if error.is_transient() => println!("worker: later: {error}"),
                        Err(error) => println!("worker: FAILED: {error}"),
                    }
                    tokio::time::sleep(pause).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    manager.shutdown().await;
}

struct Worker {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    async fn says(&mut self, text: &str) {
        loop {
            let line = self.lines.next_line().await.unwrap().unwrap_or_else(|| panic!("no {text:?}"));
            assert!(!line.contains("FAILED"), "{line}");
            if line.starts_with(&format!("worker: {text}")) {
                return;
            }
        }
    }

    /// Reads on to the end, and gives how often it had a token.
    async fn end(mut self) -> usize {
        let mut had = 0;
        while let Some(line) = self.lines.next_line().await.unwrap() {
            assert!(!line.contains("FAILED"), "{line}");
            had += usize::from(line == "worker: has one");
        }
        assert!(self.process.wait().await.unwrap().success());
        had
    }

    async fn signal(&self, signal: &str) {
        let id = self.process.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
    }
}

/// A server that rotates, forgives no second use and revokes, and one grant of its in a directory.
struct Scene {
    _server: TestServer,
    proxy: FaultProxy,
    directory: tempfile::TempDir,
    client_id: &'static str,
    store: &'static str,
}

impl Scene {
    async fn new(lifetime: Duration, store: &'static str) -> Self {
        Self::of(ROTATING_ID, ROTATING_TOKEN, lifetime, store).await
    }

    async fn of(
        client_id: &'static str,
        refresh_token: &str,
        lifetime: Duration,
        store: &'static str,
    ) -> Self {
        let server = TestServer::spawn_in_real_time(|config| {
            config.rotation_grace = Duration::ZERO;
            config.access_token_ttl = lifetime;
        })
        .await;
        let proxy = FaultProxy::spawn(server.address()).await;
        let directory = tempfile::tempdir().unwrap();
        let scene = Self { _server: server, proxy, directory, client_id, store };
        let mut tokens = OAuthTokenResponse::new("none yet");
        tokens.refresh_token = Some(RefreshToken::from(refresh_token));
        tokens.expires_in = Some(0);
        let manager = manager(&scene.address(), client_id, &scene.store(), Duration::from_secs(1));
        manager.insert("jill", tokens, SystemTime::UNIX_EPOCH).await.unwrap();
        scene
    }

    fn store(&self) -> PathBuf {
        self.directory.path().join(self.store)
    }

    fn address(&self) -> String {
        format!("http://{}", self.proxy.address())
    }

    fn worker(&self, timeout: Duration, tasks: u32, runs: Duration, pause: Duration) -> Worker {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut tell = |name: &str, value: String| {
            command.env(format!("HELLOSIGN_TEST_WORKER_{name}"), value);
        };
        tell("SERVER", self.address());
        tell("CLIENT", self.client_id.to_owned());
        tell("STORE", self.store().display().to_string());
        tell("TIMEOUT", timeout.as_millis().to_string());
        tell("TASKS", tasks.to_string());
        tell("RUNS", runs.as_millis().to_string());
        tell("PAUSE", pause.as_millis().to_string());
        command.args(["--exact", "tokens::processes::worker", "--nocapture"]);
        let mut process = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Worker { process, lines }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_of_fifty_tasks_are_one_request_for_each_renewal() {
    let scene = Scene::new(Duration::from_secs(5), "files").await;
    println!("{}", eight_processes_of_fifty_tasks(scene).await);
}

/// The vendor's way: the refresh token stays, and so there is nothing to lose but requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_whose_refresh_token_stays_are_one_request_for_each_renewal() {
    let scene = Scene::of(CLIENT_ID, REFRESH_TOKEN, Duration::from_secs(5), "files").await;
    println!("{}", eight_processes_of_fifty_tasks(scene).await);
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_on_a_database_are_one_request_for_each_renewal() {
    let scene = Scene::new(Duration::from_secs(5), "tokens.db").await;
    println!("{}", eight_processes_of_fifty_tasks(scene).await);
}

async fn eight_processes_of_fifty_tasks(scene: Scene) -> String {
    let runs = Duration::from_secs(if is_long() { 60 } else { 12 });
    let began = Instant::now();
    let pause = Duration::from_millis(50);
    let workers: Vec<_> =
        (0..8).map(|_| tokio::spawn(scene.worker(Duration::from_secs(10), 50, runs, pause).end())).collect();
    let mut had = 0;
    for worker in workers {
        had += worker.await.unwrap();
    }
    // A token of five seconds is renewed after four and a half at the earliest.
    let most = 1 + usize::try_from(began.elapsed().as_millis() / 4500).unwrap();
    let requests = scene.proxy.answers();
    assert!((2..=most).contains(&requests), "{requests} requests, {most} at most");
    format!("{had} tokens were handed out in {runs:?}, by {requests} requests")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_stopped_past_its_lease_harms_nobody() {
    let runs = Duration::from_secs(if is_long() { 60 } else { 12 });
    let scene = Scene::new(Duration::from_secs(2), "files").await;
    let pause = Duration::from_millis(20);
    let mut workers: Vec<Worker> =
        (0..4).map(|_| scene.worker(Duration::from_secs(1), 4, runs, pause)).collect();
    let until = Instant::now() + runs - Duration::from_secs(4);
    let mut random = fastrand::Rng::with_seed(3);
    while Instant::now() < until {
        let stopped = random.usize(..workers.len());
        let reading = workers.iter_mut().map(|worker| worker.says("has one"));
        for says in reading.collect::<Vec<_>>() {
            says.await;
        }
        // Somewhere in a renewal, with luck: its answer is held until it is.
        let held = scene.proxy.hold_next_answer();
        workers[stopped].signal("-STOP").await;
        tokio::time::sleep(Duration::from_millis(2500)).await;
        drop(held);
        workers[stopped].signal("-CONT").await;
    }
    let ending: Vec<_> = workers.into_iter().map(|worker| tokio::spawn(worker.end())).collect();
    for end in ending {
        end.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_anywhere_loses_no_grant() {
    let times = if is_long() { 200 } else { 10 };
    let scene = Scene::new(Duration::from_secs(1), "files").await;
    let mut random = fastrand::Rng::with_seed(4);
    let worker = || {
        let (timeout, pause) = (Duration::from_millis(400), Duration::from_millis(1000));
        scene.worker(timeout, 1, Duration::from_secs(600), pause)
    };
    for _ in 0..times {
        let mut worker = worker();
        worker.says("asks").await;
        worker.says("has one").await;
        worker.says("asks").await;
        tokio::time::sleep(Duration::from_micros(random.u64(..8_000))).await;
        worker.process.kill().await.unwrap();
    }
    let mut worker = worker();
    worker.says("has one").await;
    println!("killed {times} times, {} requests", scene.proxy.answers());
}
