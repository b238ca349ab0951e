//! SIGKILL under load, many times on one data directory.

use std::path::Path;

use crate::durability::ledger::Ledger;
use crate::harness::{Command, Random, environment};

#[test]
fn nothing_acknowledged_is_lost_and_nothing_spent_comes_back() {
    let rounds = if environment("HELLOSIGN_LONG").is_some() { 300 } else { 8 };
    let mut random = Random::announced();
    let directory = tempfile::tempdir().expect("a directory");
    let data_dir = directory.path().join("data");
    let start =
        |fixtures: &Path| Command::server(&data_dir).args(["--rate-limit", "off"]).fixtures(fixtures).start();
    let mut ledger = Ledger::new();
    for round in 0..rounds {
        let server = start(&ledger.fixtures(directory.path(), 400));
        let changes = 1 + random.below(300) as usize;
        ledger.load_and_kill(server, changes, &mut random);

        let server = start(&ledger.fixtures(directory.path(), 0));
        let is_last = round == rounds - 1;
        let broken = ledger.broken_promises(server.address(), &mut random, is_last);
        assert!(broken.is_empty(), "after round {round}, {} things: {broken:.5?}", broken.len());
        server.kill();
    }
    println!(
        "{rounds} rounds kept {} exchanges and {} rotations",
        ledger.acknowledged_exchanges, ledger.acknowledged_rotations
    );
}
