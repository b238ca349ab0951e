//! The server on a disk that forgets what was not fsynced.

use std::path::Path;

use crate::durability::ledger::Ledger;
use crate::durability::lossy_disk::{Fsync, Losses, LossyDisk};
use crate::harness::{Command, Random, Server, environment};

fn start(disk: &LossyDisk, fixtures: &Path) -> Server {
    let command =
        Command::server(&disk.directory().join("data")).args(["--rate-limit", "off"]).fixtures(fixtures);
    disk.under(command).start()
}

#[test]
fn what_was_acknowledged_survives_a_power_cut() {
    let rounds = if environment("HELLOSIGN_LONG").is_some() { 200 } else { 6 };
    let mut random = Random::announced();
    let directory = tempfile::tempdir().expect("a directory");
    let disk = LossyDisk::below(directory.path());
    let mut ledger = Ledger::new();
    for round in 0..rounds {
        let server = start(&disk, &ledger.fixtures(directory.path(), 300));
        if round == 0 {
            disk.assert_all_seen();
        }
        let (before, changes) = (disk.fsyncs(), 1 + random.below(200) as usize);
        ledger.load_and_kill(server, changes, &mut random);
        assert!(disk.fsyncs() > before, "{changes} changes and not one fsync");
        disk.cut(if round % 2 == 0 { Losses::All } else { Losses::Some(&mut random) });

        let server = start(&disk, &ledger.fixtures(directory.path(), 0));
        let broken = ledger.broken_promises(server.address(), &mut random, round == rounds - 1);
        assert!(broken.is_empty(), "after round {round}, {} things: {broken:.5?}", broken.len());
        // A cut while it is idle: what the checks themselves have rotated counts too.
        server.kill();
        disk.cut(Losses::All);
    }
}

/// The check of the check: without fsync the same run does lose what was acknowledged, of either kind.
#[test]
fn a_server_that_does_not_fsync_is_found_out() {
    let mut random = Random::announced();
    let directory = tempfile::tempdir().expect("a directory");
    let disk = LossyDisk::below(directory.path());
    let mut ledger = Ledger::new();
    let server = start(&disk, &ledger.fixtures(directory.path(), 300));
    disk.set_fsync(Fsync::Pretends);
    ledger.load_and_kill(server, 100, &mut random);
    disk.cut(Losses::All);

    let server = start(&disk, &ledger.fixtures(directory.path(), 0));
    let broken = ledger.broken_promises(server.address(), &mut random, false);
    for kind in ["exchange: ", "rotation: "] {
        assert!(broken.iter().any(|what| what.starts_with(kind)), "no {kind}was lost: {broken:#?}");
    }
}

#[test]
fn a_change_costs_an_fsync_and_simultaneous_changes_share_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = LossyDisk::below(directory.path());
    let mut ledger = Ledger::new();
    let server = start(&disk, &ledger.fixtures(directory.path(), 0));

    let before = disk.fsyncs();
    ledger.rotate_one_by_one(server.address(), 50);
    let alone = disk.fsyncs() - before;
    assert!(alone >= 50, "{alone} fsyncs for 50 rotations one after the other");

    let before = disk.fsyncs();
    ledger.rotate_at_once(server.address(), 50);
    let (together, rotations) = (disk.fsyncs() - before, ledger.acknowledged_rotations - 50);
    println!("{alone} fsyncs for 50 rotations one by one, {together} for {rotations} at once");
    assert!(together > 0 && together < rotations, "{together} fsyncs for {rotations} simultaneous rotations");
}

/// Nobody knows what is on a disk whose fsync has failed: nothing is granted on it any more, and the process ends.
#[test]
fn a_disk_that_fails_is_said_so_and_ends_the_server() {
    let mut random = Random::announced();
    let directory = tempfile::tempdir().expect("a directory");
    let disk = LossyDisk::below(directory.path());
    let mut ledger = Ledger::new();
    let fixtures = ledger.fixtures(directory.path(), 10);
    let server = start(&disk, &fixtures);
    ledger.rotate_at_once(server.address(), 1);

    disk.set_fsync(Fsync::Fails);
    let answer = ledger.present_first(server.address());
    answer.assert_refused(503, "temporary_unavailable");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    let ended = server.ended();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.lines().last().is_some_and(|line| line.contains("database")), "{ended:?}");

    disk.set_fsync(Fsync::Works);
    disk.cut(Losses::All);
    let server = start(&disk, &fixtures);
    let broken = ledger.broken_promises(server.address(), &mut random, true);
    assert!(broken.is_empty(), "{} things: {broken:.5?}", broken.len());
}
