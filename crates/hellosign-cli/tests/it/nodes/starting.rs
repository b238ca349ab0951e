//! Many nodes start at once on a database that nobody has prepared.

use std::fs;
use std::thread;
use std::time::Duration;

use hellosign_testkit::{Postgres, psql};

use super::node::Nodes;
use crate::harness::{Command, wait_until};

const AT_ONCE: usize = 6;

/// An empty database, in a file, and the directory that it is in.
fn empty() -> (tempfile::TempDir, String) {
    let (directory, url) = (tempfile::tempdir().unwrap(), Postgres::shared_database());
    fs::write(directory.path().join("url"), &url).unwrap();
    (directory, url)
}

fn node(directory: &tempfile::TempDir, key_file: &std::path::Path) -> Command {
    let command = Command::new(["server", "--listen", "127.0.0.1:0", "--database-url-file"]);
    command.arg(directory.path().join("url")).arg("--key-file").arg(key_file)
}

#[test]
fn all_come_up_with_the_same_secret() {
    let theirs = Nodes::new(&Postgres::shared_database(), 0, 0);
    let (directory, url) = empty();
    let key_file = directory.path().join("key");
    fs::copy(theirs.key_file(), &key_file).unwrap();
    let nodes: Vec<_> = thread::scope(|scope| {
        let starting: Vec<_> =
            (0..AT_ONCE).map(|_| scope.spawn(|| node(&directory, &key_file).start())).collect();
        starting.into_iter().map(|node| node.join().unwrap()).collect()
    });
    assert_eq!(nodes.len(), AT_ONCE);
    assert_eq!(psql(&url, "SELECT count(*) FROM server_keys"), "1");
}

#[test]
fn of_those_without_a_secret_one_makes_it() {
    let (directory, url) = empty();
    let key_files: Vec<_> = (0..AT_ONCE).map(|at| directory.path().join(format!("{at}.key"))).collect();
    let nodes: Vec<_> = key_files.iter().map(|file| node(&directory, file).spawn()).collect();
    assert!(wait_until(Duration::from_secs(30), || key_files.iter().any(|file| file.exists())));
    let mut winners = Vec::new();
    for (mut node, file) in nodes.into_iter().zip(&key_files) {
        if file.exists() {
            node.line(|line| line.starts_with("listening").then_some(()));
            winners.push(node);
        } else {
            node.ended().assert_refused(&["the database has keys, but the key file", "restore it"]);
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(psql(&url, "SELECT count(*) FROM server_keys"), "1");
}

#[test]
fn a_plan_changes_nothing_and_a_newer_schema_is_left_alone() {
    let (directory, url) = empty();
    let migrate = |arguments: &[&str]| {
        let command = Command::new(["server", "migrate"]).args(arguments).arg("--database-url-file");
        command.arg(directory.path().join("url")).run()
    };
    let tables =
        || psql(&url, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'");
    let planned = migrate(&["--plan"]).stdout;
    assert!(planned.starts_with("-- 1: ") && planned.contains("CREATE TABLE grants"), "{planned}");
    assert_eq!(tables(), "0");
    assert!(migrate(&[]).stdout.starts_with("-- 1: "));
    let made = tables();
    assert_eq!(migrate(&["--plan"]).stdout, "-- nothing is missing\n");

    // A release after this one has added something that this one can live with.
    psql(&url, "INSERT INTO schema_versions VALUES (98, 1)");
    let key_file = directory.path().join("key");
    node(&directory, &key_file).start().stop();
    // And then something that it cannot.
    psql(&url, "INSERT INTO schema_versions VALUES (99, 99)");
    node(&directory, &key_file)
        .run()
        .assert_refused(&["made by a newer release (schema 99, this one knows 1)"]);
    assert_eq!(migrate(&[]).status.code(), Some(2));
    assert_eq!(tables(), made);
}
