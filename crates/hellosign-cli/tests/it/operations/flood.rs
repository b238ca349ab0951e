//! More connections than the server takes, none of which ever says what it wants.

use std::io::{ErrorKind, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{refresh, server};
use crate::harness::{Connection, environment, get, wait_until};

/// The server gives a head ten seconds.
const PATIENCE: Duration = Duration::from_secs(60);
const AT_ONCE: Duration = Duration::from_secs(5);
/// What a connection that dribbles may cost, in KiB: its task, and a buffer for a head that is on its way.
const EACH: u64 = 32;

fn connections() -> usize {
    if environment("HELLOSIGN_LONG").is_some() { 10_000 } else { 500 }
}

/// One that dribbles; `None` where there is no room for it. It has 8 KiB of a head on their way already.
fn slow(address: SocketAddr) -> Option<TcpStream> {
    let mut stream = match TcpStream::connect(address) {
        Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
        connected => connected.expect("a connection"),
    };
    let head = format!("POST /oauth/token HTTP/1.1\r\nX: {}", "x".repeat(8 * 1024));
    stream.write_all(head.as_bytes()).ok().map(|()| stream)
}

/// More and more of them until there is no room.
fn flood(address: SocketAddr, count: usize, is_full: impl Fn() -> bool) -> Vec<TcpStream> {
    let (is_over, opened) = (AtomicBool::new(false), AtomicUsize::new(0));
    let more = || {
        // Those that are let go meanwhile leave room for others, on a slow machine; so there are more to come.
        let is_wanted =
            || !is_over.load(Ordering::Relaxed) && opened.fetch_add(1, Ordering::Relaxed) < count + count / 2;
        std::iter::from_fn(|| is_wanted().then(|| slow(address))).flatten().collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(more)).collect();
        let is_full = wait_until(PATIENCE, is_full);
        is_over.store(true, Ordering::Relaxed);
        let flood = threads.into_iter().flat_map(|thread| thread.join().expect("connections")).collect();
        assert!(is_full, "no more than there is room for");
        flood
    })
}

fn is_served(address: SocketAddr) -> bool {
    Connection::open(address)
        .and_then(|mut connection| refresh(&mut connection))
        .is_ok_and(|answer| answer.status == 200)
}

fn metric(operations: SocketAddr, name: &str) -> f64 {
    let metrics = String::from_utf8(get(operations, "/metrics", &[]).body).expect("text");
    let of = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
    metrics.lines().find_map(of).unwrap_or_else(|| panic!("no {name} in {metrics}"))
}

#[test]
fn a_flood_is_bounded_and_gone_when_it_is_over() {
    let directory = tempfile::tempdir().expect("a directory");
    let count = connections();
    let command = server(directory.path(), "data").args(["--max-connections", &count.to_string()]);
    let mut server = command.start();
    let (address, operations) = (server.address(), server.operations());
    assert!(is_served(address));
    let memory = |name| metric(operations, name) / 1024.0;
    let before = memory("process_resident_memory_bytes");

    let began = Instant::now();
    let refused = || metric(operations, "hellosign_connections_refused_total") > 0.0;
    let flood = flood(address, count, refused);
    let while_full = Instant::now();
    is_served(address);
    assert!(while_full.elapsed() < AT_ONCE, "who comes now is told so, one way or the other");
    assert_eq!(get(operations, "/healthz", &[]).status, 200, "those who run the server can look at it");
    assert!(metric(operations, "hellosign_connections_open") <= count as f64);
    let at_its_height = memory("process_resident_memory_bytes");
    let each = (at_its_height - before) / count as f64;
    println!(
        "{count} connections that dribble take {each:.1} KiB each, {:.0} MiB",
        (at_its_height - before) / 1024.0
    );
    // What the allocator and the log need beside them, once.
    let bound = (EACH * count as u64 + 16 * 1024) as f64;
    assert!(at_its_height - before < bound, "{before} KiB before, {at_its_height} KiB now");

    assert!(wait_until(PATIENCE, || is_served(address)), "those who dribble have been let go");
    println!("an honest request was answered again after {:?}", began.elapsed());
    let cut = "hellosign_connections_cut_total{waiting_for=\"request\"}";
    assert!(wait_until(PATIENCE, || metric(operations, cut) >= count as f64), "all of them");
    drop(flood);
    server.stop();
}
