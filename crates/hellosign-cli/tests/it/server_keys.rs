//! `hellosign server keys`, between two runs of a server.

use std::fs;
use std::path::Path;

use crate::harness::{Command, Ended, FixtureFile};

fn keys(data_dir: &Path, words: &[&str]) -> Ended {
    let command = Command::new(["server", "keys"]).arg(words[0]).arg("--data-dir").arg(data_dir);
    command.args(&words[1..]).run()
}

fn done(ended: Ended) -> String {
    assert!(ended.status.success(), "{ended:?}");
    ended.stdout
}

#[test]
fn a_secret_is_rolled_and_the_old_one_revoked() {
    let directory = tempfile::tempdir().expect("a directory");
    let data_dir = directory.path().join("data");
    keys(&data_dir, &["list"]).assert_refused(&["there is no database in"]);
    let fixtures = FixtureFile::of_the_vendors_page().write(directory.path());
    let server = Command::server(&data_dir).fixtures(&fixtures).start();
    keys(&data_dir, &["add"]).assert_refused(&["another server is running"]);
    server.stop();

    let listed = done(keys(&data_dir, &["list"]));
    let (old, rest) = listed.split_once(' ').expect("an id and its state");
    assert_eq!(rest, "issuing; kept under it: client secrets: 1, API keys: 0, imported refresh tokens: 1\n");
    let added = done(keys(&data_dir, &["add"]));
    let new = added.split(' ').next().expect("its id");
    keys(&data_dir, &["revoke", old]).assert_refused(&["have another one issue first"]);
    keys(&data_dir, &["issue", "nonsense"]).assert_refused(&["eight hexadecimal digits"]);
    assert_eq!(done(keys(&data_dir, &["issue", new])), format!("{new} issuing\n"));
    assert!(done(keys(&data_dir, &["list"])).contains(&format!("{old} accepted; ")));
    Command::server(&data_dir).fixtures(&fixtures).start().stop();
    assert_eq!(
        done(keys(&data_dir, &["revoke", old])),
        format!(
            "{old} revoked; ended with it: its tokens, client secrets: 1, API keys: 0, imported refresh tokens: 1\n"
        )
    );

    let key_file = fs::read_to_string(data_dir.join("server.key")).expect("the key file");
    for secret in key_file.lines().filter_map(|line| line.strip_prefix("key ")?.split(' ').nth(1)) {
        assert!(!listed.contains(secret) && !added.contains(secret), "no secret is printed");
    }
}
