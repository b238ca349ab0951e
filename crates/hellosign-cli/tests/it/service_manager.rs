//! A service manager that holds the socket, and is told how the server is.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::harness::{Command, Connection, wait_until};

const PATIENCE: Duration = Duration::from_secs(60);

/// A socket as systemd makes one: it stays while servers come and go.
struct Socket(TcpListener);

impl Socket {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").expect("a free port"))
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("an address")
    }

    /// A call of the binary that gets the socket under this name.
    fn pass(&self, name: &str, data_dir: &Path) -> Command {
        let command = Command::new(["server", "--data-dir"]).arg(data_dir);
        command.with_socket(OwnedFd::from(self.0.try_clone().expect("the socket again")), name)
    }
}

/// What came of requests, each on a connection of its own.
#[derive(Debug, Default)]
struct Outcomes {
    answered: AtomicUsize,
    refused: AtomicUsize,
    /// Accepted, and then nothing: the server was killed.
    cut: AtomicUsize,
}

impl Outcomes {
    fn ask(&self, address: SocketAddr) {
        let outcome = match Connection::open(address) {
            Ok(mut connection) => match connection.get("/openapi.json", &[]) {
                Ok(answer) => {
                    assert_eq!(answer.status, 200);
                    &self.answered
                }
                Err(_) => &self.cut,
            },
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
                &self.refused
            }
        };
        outcome.fetch_add(1, Ordering::SeqCst);
    }

    fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }
}

#[test]
fn a_restart_refuses_nobody() {
    let socket = Socket::new();
    let directory = tempfile::tempdir().expect("a directory");
    let (is_over, outcomes, mut last) = (AtomicBool::new(false), Outcomes::default(), None);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    outcomes.ask(socket.address());
                }
            });
        }
        for round in 0..8 {
            let server = socket.pass("http", directory.path()).start();
            assert_eq!(server.address(), socket.address());
            let before = outcomes.answered();
            assert!(wait_until(PATIENCE, || outcomes.answered() > before + 100), "{outcomes:?}");
            if round % 2 == 0 {
                server.kill();
            } else {
                server.stop();
            }
        }
        is_over.store(true, Ordering::SeqCst);
        // It answers those who wait.
        last = Some(socket.pass("http", directory.path()).start());
    });
    println!("{outcomes:?}");
    assert_eq!(outcomes.refused.into_inner(), 0);
}

#[test]
fn a_server_by_itself_refuses_while_it_restarts() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Command::server(directory.path()).start();
    let address = server.address();
    server.stop();
    let outcomes = Outcomes::default();
    outcomes.ask(address);
    assert_eq!(outcomes.refused.into_inner(), 1);
}

#[test]
fn a_socket_may_have_the_name_that_systemd_gives_it_and_stands_beside_others() {
    let (socket, directory) = (Socket::new(), tempfile::tempdir().expect("a directory"));
    let unnamed = socket.pass("hellosign.socket", directory.path());
    let ended = unnamed.args(["--listen", "127.0.0.1:0"]).start().stop();
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{ended:?}");
    assert_eq!(lines[0], format!("listening on http://{}", socket.address()));
}

#[test]
fn a_socket_that_nothing_is_for_is_refused() {
    let (socket, directory) = (Socket::new(), tempfile::tempdir().expect("a directory"));
    socket.pass("htpp", directory.path()).run().assert_refused(&["\"htpp\"", "name it http"]);
}

#[test]
fn a_socket_that_is_open_to_others_is_held_to_the_same() {
    let socket = Socket(TcpListener::bind("0.0.0.0:0").expect("a free port"));
    let directory = tempfile::tempdir().expect("a directory");
    socket.pass("http", directory.path()).run().assert_refused(&["0.0.0.0", "--profile"]);
}

#[test]
fn the_service_manager_is_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("notify");
    let told = UnixDatagram::bind(&path).expect("a socket");
    told.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let command = Command::server(&directory.path().join("data")).env("NOTIFY_SOCKET", &path);
    let server = command.env("WATCHDOG_USEC", "20000").start();
    let states =
        |count: usize| (0..count).map(|_| next(&told).expect("the server tells")).collect::<Vec<_>>();
    assert_eq!(states(4), ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]);
    let ended = server.stop();
    told.set_nonblocking(true).expect("what is there already");
    let rest: Vec<_> = std::iter::from_fn(|| next(&told).ok()).collect();
    assert!(rest.iter().any(|state| state == "STOPPING=1"), "{rest:?}, {ended:?}");
}

fn next(socket: &UnixDatagram) -> io::Result<String> {
    let mut state = [0; 64];
    let length = socket.recv(&mut state)?;
    Ok(String::from_utf8_lossy(&state[..length]).into_owned())
}
