//! How a server ends while others rely on it.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use super::{refresh, server};
use crate::harness::{Connection, Server, get, vendor_page, wait_until};

const PATIENCE: Duration = Duration::from_secs(30);
const CLIENTS: usize = 8;

fn start(directory: &Path, name: &str, drain_delay: u32) -> (Server, SocketAddr) {
    let command = server(directory, name).args(["--drain-delay", &drain_delay.to_string()]);
    let mut server = command.start();
    let operations = server.operations();
    (server, operations)
}

/// A request whose body is on its way when the server is told to stop.
fn half_a_request(address: SocketAddr) -> (Connection, Vec<u8>) {
    let body = format!(
        "grant_type=refresh_token&client_id={}&client_secret={}&refresh_token={}",
        vendor_page::CLIENT_ID,
        vendor_page::CLIENT_SECRET,
        vendor_page::REFRESH_TOKEN
    );
    let head = format!(
        "POST /oauth/token HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let mut connection = Connection::open(address).expect("a connection");
    let (first, rest) = body.split_at(20);
    connection.send(&[head.as_bytes(), first.as_bytes()].concat()).expect("to be read");
    (connection, rest.as_bytes().to_vec())
}

fn is_draining(operations: SocketAddr) -> bool {
    let answer = get(operations, "/readyz", &[]);
    answer.status == 503 && String::from_utf8_lossy(&answer.body).contains("stopped")
}

#[test]
fn readiness_ends_at_once_and_answers_go_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let (server, operations) = start(directory.path(), "data", 600);
    let mut kept = Connection::open(server.address()).expect("a connection");
    assert_eq!(refresh(&mut kept).expect("an answer").header("connection"), None);
    server.signal("TERM");
    assert!(wait_until(PATIENCE, || is_draining(operations)));
    assert_eq!(get(server.address(), "/readyz", &[]).status, 503, "to those who ask there, too");
    let mut new = Connection::open(server.address()).expect("still a connection");
    for connection in [&mut kept, &mut new] {
        let answer = refresh(connection).expect("an answer");
        assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
        assert!(refresh(connection).is_err(), "that was its last one");
    }
    let (_unfinished, _) = half_a_request(server.address());
    server.signal("TERM");
    let (second, ended) = (Instant::now(), server.ended());
    assert!(second.elapsed() < PATIENCE);
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("second signal"), "{ended:?}");
}

#[test]
fn what_is_in_flight_is_finished() {
    let directory = tempfile::tempdir().expect("a directory");
    let (server, operations) = start(directory.path(), "data", 0);
    let (mut connection, rest) = half_a_request(server.address());
    // It has been accepted when a later one has been answered.
    refresh(&mut Connection::open(server.address()).expect("a connection")).expect("an answer");
    server.signal("TERM");
    assert!(wait_until(PATIENCE, || is_draining(operations)));
    assert!(wait_until(PATIENCE, || Connection::open(server.address()).is_err()), "nobody else gets in");
    connection.send(&rest).expect("to be read");
    let answer = connection.answer(false).expect("an answer");
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")), "{answer:?}");
    assert!(server.ended().status.success());
}

/// Where requests may be sent: what a balancer knows.
struct Balancer {
    backends: Mutex<Vec<(SocketAddr, SocketAddr)>>,
    ready: Mutex<Vec<SocketAddr>>,
    is_over: AtomicBool,
}

impl Balancer {
    fn backends(&self) -> MutexGuard<'_, Vec<(SocketAddr, SocketAddr)>> {
        self.backends.lock().expect("no panic")
    }

    /// Probes until it is over.
    fn probe(&self) {
        while !self.is_over.load(Ordering::Relaxed) {
            let backends = self.backends().clone();
            let is_ready = |operations: &SocketAddr| {
                let asked = Connection::open(*operations).and_then(|mut c| c.get("/readyz", &[]));
                asked.is_ok_and(|answer| answer.status == 200)
            };
            let ready = backends.iter().filter(|(_, operations)| is_ready(operations));
            *self.ready.lock().expect("no panic") = ready.map(|(address, _)| *address).collect();
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The ready ones in turn.
    fn pick(&self, turn: usize) -> Option<SocketAddr> {
        let ready = self.ready.lock().expect("no panic");
        ready.get(turn % ready.len().max(1)).copied()
    }

    /// Sends requests until it is over, over connections that are kept as long as the server keeps them. Only one that
    /// could not be sent at all is sent again.
    fn load(&self, answered: &AtomicUsize) {
        let mut kept: Option<Connection> = None;
        for turn in 0.. {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            let mut connection = match kept.take() {
                Some(connection) => connection,
                None => match self.pick(turn).map(Connection::open) {
                    Some(Ok(connection)) => connection,
                    Some(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
                    Some(Err(error)) => panic!("a connection: {error}"),
                    None => continue,
                },
            };
            let answer =
                refresh(&mut connection).unwrap_or_else(|error| panic!("a request was lost: {error}"));
            assert_eq!(answer.status, 200, "{answer:?}");
            answered.fetch_add(1, Ordering::Relaxed);
            // Every now and then a new one, so that there are always some that are just being made.
            if answer.header("connection") != Some("close") && turn % 10 != 0 {
                kept = Some(connection);
            }
        }
    }
}

#[test]
fn no_request_is_lost_while_one_server_after_the_other_is_replaced() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut running: Vec<_> =
        ["a", "b"].into_iter().map(|name| (name, start(directory.path(), name, 1))).collect();
    let addresses = running.iter().map(|(_, (server, operations))| (server.address(), *operations));
    let balancer = Balancer {
        backends: Mutex::new(addresses.collect()),
        ready: Mutex::default(),
        is_over: AtomicBool::new(false),
    };
    let answered = AtomicUsize::new(0);
    thread::scope(|scope| {
        let probing = scope.spawn(|| balancer.probe());
        let loading: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| balancer.load(&answered))).collect();
        let is_loaded = |more: usize| {
            let from = answered.load(Ordering::Relaxed);
            let is_stuck = || loading.iter().any(|client| client.is_finished());
            assert!(wait_until(PATIENCE, || is_stuck() || answered.load(Ordering::Relaxed) > from + more));
        };
        for at in 0..2 {
            is_loaded(500);
            let (name, (server, _)) = running.remove(0);
            server.stop();
            let (server, operations) = start(directory.path(), name, 1);
            balancer.backends()[at] = (server.address(), operations);
            running.push((name, (server, operations)));
            let is_back = || balancer.ready.lock().expect("no panic").len() == 2;
            assert!(wait_until(PATIENCE, is_back));
        }
        is_loaded(500);
        balancer.is_over.store(true, Ordering::Relaxed);
        for client in loading {
            client.join().expect("every request was answered");
        }
        probing.join().expect("probes do not fail");
    });
    println!("{} requests, and each was answered", answered.load(Ordering::Relaxed));
}
