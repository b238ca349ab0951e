//! Nodes that are killed under load, one after the other.

use std::thread;
use std::time::{Duration, Instant};

use hellosign_testkit::{Postgres, psql};

use super::load::{Load, Told};
use super::node::{Nodes, PLAIN, ROTATING, refresh};
use crate::harness::{Server, environment};

/// Grants, codes, how long, and how often a node is killed.
fn size() -> (usize, usize, Duration, Duration) {
    match environment("HELLOSIGN_LONG").is_some() {
        true => (10_000, 50_000, Duration::from_secs(60), Duration::from_secs(1)),
        false => (200, 1_000, Duration::from_secs(4), Duration::from_millis(700)),
    }
}

#[test]
fn a_killed_node_takes_nothing_with_it() {
    let (grants, codes, how_long, every) = size();
    let postgres = Postgres::start();
    let url = postgres.create_database();
    let nodes = Nodes::new(&url, grants, codes);
    let mut running = [nodes.start(), nodes.start(), nodes.start()].map(Some);
    let load = Load::new(&running.each_ref().map(|node| node.as_ref().unwrap()));
    let (told, kills) = thread::scope(|scope| {
        let told = scope.spawn(|| load.run(grants, codes));
        let (began, mut kills) = (Instant::now(), 0);
        while began.elapsed() < how_long && !told.is_finished() {
            thread::sleep(every);
            let at = kills % running.len();
            // One that serves, without a word.
            running[at].take().unwrap().kill();
            let node = nodes.start();
            load.replace(at, &node);
            running[at] = Some(node);
            kills += 1;
        }
        load.end();
        (told.join().unwrap(), kills)
    });
    println!(
        "{kills} kills, {} answers, {} exchanges, {} uncertain; the longest wait was {:?}",
        load.answered(),
        told.exchanged.len(),
        told.uncertain,
        load.longest_wait()
    );
    assert!(kills >= 3 && load.answered() > 300, "that was no load: {} answers", load.answered());
    let node = running[0].as_ref().unwrap();
    check(node, &told, &url);
}

/// All that was answered holds, nothing was taken for theft, and each code has become one grant at most.
pub(super) fn check(node: &Server, told: &Told, url: &str) {
    for token in &told.tokens {
        assert_eq!(refresh(node, ROTATING, token), 200, "a rotation that was answered is lost");
    }
    for token in &told.exchanged {
        assert_eq!(refresh(node, PLAIN, token), 200, "an exchange that was answered is lost");
    }
    let count = |what: &str| psql(url, &format!("SELECT count(*) FROM {what}")).parse::<usize>().unwrap();
    assert_eq!(count("grants WHERE revoked_at IS NOT NULL"), 0, "a lost answer was taken for theft");
    let of_codes = count("grants WHERE NOT is_imported");
    assert_eq!(of_codes, count("codes WHERE grant_id IS NOT NULL"), "a code and its grant are one");
    assert_eq!(
        of_codes,
        count("(SELECT DISTINCT grant_id FROM codes WHERE grant_id IS NOT NULL) AS redeemed")
    );
    assert!(of_codes >= told.exchanged.len() && of_codes <= told.exchanged.len() + told.uncertain);
}
