//! Clients of several nodes: each asks another node where one does not answer, as a load balancer's would.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::node::{PLAIN, ROTATING, code, exchanging, first_token, refreshing};
use crate::harness::{Answer, Connection, Server};

/// Longer than any node, or the database, is away.
const PATIENCE: Duration = Duration::from_secs(30);
const WORKERS: usize = 8;

/// What the clients know of the nodes, and were told.
#[derive(Debug)]
pub(super) struct Load {
    addresses: Mutex<Vec<SocketAddr>>,
    is_over: AtomicBool,
    answered: AtomicUsize,
    /// The longest that a client had to ask again before it was answered, in milliseconds.
    longest_wait: AtomicUsize,
}

/// What was answered.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The refresh token in force of each grant.
    pub(super) tokens: Vec<String>,
    /// The refresh tokens of the exchanges.
    pub(super) exchanged: Vec<String>,
    /// Codes whose exchange was asked for twice, so that the answer may have been the second one's.
    pub(super) uncertain: usize,
}

impl Load {
    pub(super) fn new(nodes: &[&Server]) -> Self {
        Self {
            addresses: Mutex::new(nodes.iter().map(|node| node.address()).collect()),
            is_over: AtomicBool::new(false),
            answered: AtomicUsize::new(0),
            longest_wait: AtomicUsize::new(0),
        }
    }

    /// A node has come back elsewhere.
    pub(super) fn replace(&self, at: usize, node: &Server) {
        self.addresses.lock().unwrap()[at] = node.address();
    }

    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    pub(super) fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    pub(super) fn longest_wait(&self) -> Duration {
        Duration::from_millis(self.longest_wait.load(Ordering::Relaxed) as u64)
    }

    /// Rotates grants and exchanges codes, each as long as there are any, until [`Load::end`].
    ///
    /// # Panics
    /// Where a node refuses what another one has given.
    pub(super) fn run(&self, grants: usize, codes: usize) -> Told {
        let (next_code, mut told) = (AtomicUsize::new(0), Told::default());
        thread::scope(|scope| {
            let share = grants.div_ceil(WORKERS);
            let workers: Vec<_> = (0..WORKERS)
                .map(|worker| {
                    let mine = (worker * share..grants.min((worker + 1) * share)).map(first_token).collect();
                    let next_code = &next_code;
                    scope.spawn(move || self.work(worker, mine, next_code, codes))
                })
                .collect();
            for worker in workers {
                let Told { tokens, exchanged, uncertain } =
                    worker.join().expect("a worker that was refused nothing");
                told.tokens.extend(tokens);
                told.exchanged.extend(exchanged);
                told.uncertain += uncertain;
            }
        });
        told
    }

    fn work(&self, worker: usize, tokens: Vec<String>, next_code: &AtomicUsize, codes: usize) -> Told {
        let mut told = Told { tokens, ..Told::default() };
        let mut node = Asking { load: self, node: worker, connection: None };
        for round in 0.. {
            for at in 0..told.tokens.len() {
                if self.is_over.load(Ordering::Acquire) {
                    return told;
                }
                let (answer, _) = node.ask("/oauth/token?refresh", &refreshing(ROTATING, &told.tokens[at]));
                assert_eq!(
                    answer.status, 200,
                    "round {round}: what another node has given is refused: {answer:?}"
                );
                told.tokens[at] = answer.string("refresh_token");
                let code_at = next_code.fetch_add(1, Ordering::Relaxed);
                if code_at < codes {
                    node.exchange(code_at, &mut told);
                }
            }
        }
        told
    }
}

/// A client, and the node that it talks to for now.
struct Asking<'a> {
    load: &'a Load,
    node: usize,
    connection: Option<Connection>,
}

impl Asking<'_> {
    /// An answer that is none of a node that cannot; and how often it was asked for.
    fn ask(&mut self, path: &str, parameters: &[(&str, &str)]) -> (Answer, usize) {
        let began = Instant::now();
        for attempt in 1.. {
            let connection = self.connection.take().map_or_else(|| self.connect(), Ok);
            let answer = connection.and_then(|mut connection| {
                let answer = connection.post_form(path, parameters)?;
                self.connection = Some(connection);
                Ok(answer)
            });
            match answer {
                Ok(answer) if answer.status != 503 => {
                    let waited = began.elapsed().as_millis() as usize;
                    self.load.longest_wait.fetch_max(waited, Ordering::Relaxed);
                    self.load.answered.fetch_add(1, Ordering::Relaxed);
                    return (answer, attempt);
                }
                answer => {
                    assert!(began.elapsed() < PATIENCE, "nobody has answered for too long: {answer:?}");
                    self.node += 1;
                    self.connection = None;
                    thread::sleep(Duration::from_millis(5));
                }
            }
        }
        unreachable!("attempts do not end")
    }

    fn connect(&self) -> std::io::Result<Connection> {
        let addresses = self.load.addresses.lock().unwrap();
        let address = addresses[self.node % addresses.len()];
        drop(addresses);
        Connection::open(address)
    }

    fn exchange(&mut self, at: usize, told: &mut Told) {
        let (answer, attempts) = self.ask("/oauth/token", &exchanging(&code(at)));
        match answer.status {
            200 => told.exchanged.push(answer.string("refresh_token")),
            // The first attempt was done, and its answer was lost.
            400 if attempts > 1 => told.uncertain += 1,
            _ => panic!("the code of {} is refused: {answer:?}", PLAIN.client_id),
        }
    }
}
