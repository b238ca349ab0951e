//! More ask than are answered, since the database is frozen: what waits is bounded, and so is the memory for it.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use hellosign_testkit::Postgres;

use super::site::{Site, Tokens, refreshing};
use crate::harness::{Connection, environment, get, wait_until};

/// No request is kept longer, on a busy machine.
const LONGEST: Duration = Duration::from_secs(10);
/// What the node may grow by.
const GROWTH: f64 = 64.0 * 1024.0 * 1024.0;

/// Bytes that the node has.
fn memory(operations: SocketAddr) -> f64 {
    let answer = get(operations, "/metrics", &[]);
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let value = text.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
    value.expect("the metric").parse().expect("a number")
}

#[test]
fn a_flood_while_it_is_frozen_is_turned_away() {
    let (clients, spell) = match environment("HELLOSIGN_LONG").is_some() {
        true => (2_000, Duration::from_secs(20)),
        false => (1_000, Duration::from_secs(3)),
    };
    let postgres = Postgres::start_with(&[("fsync", "off")]);
    let site = Site::new(postgres.create_database());
    let mut server = site.node().args(["--operations", "127.0.0.1:0"]).start();
    let (node, operations) = (server.address(), server.operations());
    let mut tokens = Tokens::imported();
    tokens.assert_live(node);
    let before = memory(operations);

    postgres.pause();
    let ends = Instant::now() + spell;
    let (answers, most) = thread::scope(|scope| {
        let ask = |client: usize| {
            let token = tokens.get(client % tokens.len());
            scope.spawn(move || {
                let mut connection = Connection::open(node).unwrap();
                let mut answers = 0;
                while Instant::now() < ends {
                    let began = Instant::now();
                    let answer = connection.post_form("/oauth/token?refresh", &refreshing(token)).unwrap();
                    answer.assert_refused(503, "temporary_unavailable");
                    assert!(answer.header("retry-after").is_some(), "{answer:?}");
                    assert!(began.elapsed() < LONGEST, "{:?}", began.elapsed());
                    answers += 1;
                }
                answers
            })
        };
        let asking: Vec<_> = (0..clients).map(ask).collect();
        let mut most = before;
        while Instant::now() < ends {
            most = most.max(memory(operations));
            thread::sleep(Duration::from_millis(100));
        }
        (asking.into_iter().map(|asking| asking.join().unwrap()).sum::<u64>(), most)
    });
    let grown = most - before;
    println!("{clients} clients were told {answers} times; {:.1} MiB more", grown / 1024.0 / 1024.0);
    assert!(grown < GROWTH, "{grown}");

    postgres.resume();
    assert!(wait_until(LONGEST, || get(node, "/readyz", &[]).status == 200));
    tokens.assert_live(node);
}
