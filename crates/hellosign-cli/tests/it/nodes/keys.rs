//! The servers' secret is rolled while they run.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use hellosign_testkit::{Postgres, psql};

use super::node::{Nodes, PLAIN, ROTATING, code, exchanging, first_token, refresh, refreshing};
use crate::harness::{Server, post_form, wait_until};

/// Two seconds is what the servers are promised to take; the rest is for a slow machine.
const SOON: Duration = Duration::from_secs(20);

/// The id of the key that a native token was made with.
fn key_of(token: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).unwrap();
    bytes[1..5].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn rotate(node: &Server, token: &str) -> String {
    post_form(node.address(), "/oauth/token?refresh", &refreshing(ROTATING, token)).tokens().1
}

/// A node with a key file of its own, as on a machine of its own.
fn elsewhere(nodes: &Nodes, name: &str) -> (Server, PathBuf) {
    let key_file = nodes.directory().join(name);
    fs::copy(nodes.key_file(), &key_file).unwrap();
    (nodes.command_with(&key_file).start(), key_file)
}

#[test]
fn a_key_is_rolled_and_nobody_notices() {
    let url = Postgres::shared_database();
    let nodes = Nodes::new(&url, 4, 2);
    let (one, (other, others_file)) = (nodes.start(), elsewhere(&nodes, "other.key"));
    let listed = nodes.keys(&["list"]).run().stdout;
    let old = listed.split_once(' ').unwrap().0.to_owned();
    let mut token = rotate(&one, &first_token(0));
    let (_, before) = post_form(one.address(), "/oauth/token", &exchanging(&code(1))).tokens();
    assert_eq!([key_of(&token), key_of(&before)], [old.clone(), old.clone()]);

    // Added on one machine, brought to the other, and only then in use.
    let added = nodes.keys(&["add"]).run().stdout;
    let new = added.split_once(' ').unwrap().0.to_owned();
    token = rotate(&other, &token);
    assert_eq!(key_of(&token), old);
    fs::copy(nodes.key_file(), &others_file).unwrap();
    assert!(nodes.keys(&["issue", &new]).run().status.success());
    for node in [&one, &other] {
        let rolled = wait_until(SOON, || {
            token = rotate(node, &token);
            key_of(&token) == new
        });
        assert!(rolled, "a node still issues with the old key");
    }
    // What was made with the old one holds, at both, until it is revoked.
    let exchanged = post_form(one.address(), "/oauth/token", &exchanging(&code(0))).tokens();
    assert_eq!(key_of(&exchanged.1), new);
    assert_eq!(refresh(&other, PLAIN, &before), 200);
    // Secrets that were used are kept under the new one.
    let unused = format!("{old} accepted; kept under it: client secrets: 0");
    let mut kept = String::new();
    let moved = wait_until(SOON, || {
        kept = nodes.keys(&["list"]).run().stdout;
        kept.contains(&unused)
    });
    assert!(moved && kept.contains(&format!("{new} issuing")), "{kept}");

    assert!(nodes.keys(&["revoke", &old]).run().status.success());
    for node in [&one, &other] {
        assert!(wait_until(SOON, || refresh(node, PLAIN, &before) == 400), "the old key holds still");
        // What a node knows of an app may be a second old, its secret's hash included.
        assert!(
            wait_until(SOON, || refresh(node, PLAIN, &exchanged.1) == 200),
            "more has ended than the old key"
        );
    }
    one.stop();
    other.stop();
}

#[test]
fn a_node_that_lacks_the_new_key_says_so_and_ends_with_its_own() {
    let url = Postgres::shared_database();
    let nodes = Nodes::new(&url, 3, 0);
    let (one, (lacking, _)) = (nodes.start(), elsewhere(&nodes, "lacking.key"));
    let listed = nodes.keys(&["list"]).run().stdout;
    let old = listed.split_once(' ').unwrap().0.to_owned();
    let added = nodes.keys(&["add"]).run().stdout;
    let new = added.split_once(' ').unwrap().0.to_owned();
    assert!(nodes.keys(&["issue", &new]).run().status.success());
    // It goes on with the key that it has, and does not judge what it cannot check. (The app's secret would be next:
    // whoever has the new key keeps it under that once it was used.)
    let readiness = || crate::harness::get(lacking.address(), "/readyz", &[]);
    assert!(wait_until(SOON, || readiness().status == 503), "{:?}", readiness());
    assert!(
        String::from_utf8_lossy(&readiness().body).contains(&format!("lacks key {new}")),
        "{:?}",
        readiness()
    );
    assert_eq!(key_of(&rotate(&lacking, &first_token(1))), old);
    let mut token = rotate(&one, &first_token(0));
    assert!(wait_until(SOON, || {
        token = rotate(&one, &token);
        key_of(&token) == new
    }));
    assert_eq!(refresh(&lacking, ROTATING, &token), 503, "not invalid_grant: another node could check it");

    assert!(nodes.keys(&["revoke", &old]).run().status.success());
    let ended = lacking.ended();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("the key that this server issues with was revoked"), "{ended:?}");
}

#[test]
fn another_databases_key_file_is_refused_and_leaves_no_trace() {
    let url = Postgres::shared_database();
    let nodes = Nodes::new(&url, 0, 0);
    let theirs = Nodes::new(&Postgres::shared_database(), 0, 0);
    let before = psql(&url, "SELECT * FROM server_keys");
    nodes.command_with(&theirs.key_file()).run().assert_refused(&["the key file lacks key"]);
    let forged = fs::read_to_string(nodes.key_file()).unwrap();
    let line = forged.lines().find(|line| line.starts_with("key")).unwrap();
    let file = nodes.directory().join("forged.key");
    fs::write(&file, format!("{} {}\n", &line[..12], "0".repeat(64))).unwrap();
    nodes.command_with(&file).run().assert_refused(&["is not the secret that made this database"]);
    let missing = nodes.directory().join("missing.key");
    nodes.command_with(&missing).run().assert_refused(&["the database has keys, but the key file"]);
    assert!(!missing.exists(), "a lost secret is no reason to make a new one");
    assert_eq!(psql(&url, "SELECT * FROM server_keys"), before);
}
