//! What holds for all servers on one database, and changes while they run.

use std::fs;
use std::path::Path;
use std::time::Duration;

use hellosign_testkit::Postgres;

use crate::harness::{Command, FixtureFile, Server, post_form, vendor_page, wait_until};

/// A second is what the servers are promised to take; the rest is for a slow machine.
const SOON: Duration = Duration::from_secs(20);

fn node(directory: &Path) -> Server {
    let fixtures = FixtureFile::of_the_vendors_page().write(directory);
    Command::new(["server", "--listen", "127.0.0.1:0", "--access-token-ttl", "500", "--database-url-file"])
        .arg(directory.join("url"))
        .arg("--key-file")
        .arg(directory.join("key"))
        .fixtures(&fixtures)
        .start()
}

fn expires_in(node: &Server) -> Option<u64> {
    let answer = post_form(
        node.address(),
        "/oauth/token?refresh",
        &[
            ("grant_type", "refresh_token"),
            ("client_id", vendor_page::CLIENT_ID),
            ("client_secret", vendor_page::CLIENT_SECRET),
            ("refresh_token", vendor_page::REFRESH_TOKEN),
        ],
    );
    answer.json()["expires_in"].as_u64()
}

#[test]
fn all_servers_take_a_setting_over_and_give_it_up() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("url"), Postgres::shared_database()).unwrap();
    let settings = |arguments: &[&str]| {
        let command = Command::new(["server", "settings", "--database-url-file"]);
        command.arg(directory.path().join("url")).args(arguments).run()
    };
    let (one, other) = (node(directory.path()), node(directory.path()));
    let both = || [expires_in(&one), expires_in(&other)];
    assert_eq!(both(), [Some(500), Some(500)]);

    assert_eq!(
        settings(&["access-token-ttl=60", "rotation-grace=0"]).stdout,
        "access-token-ttl=60\nrotation-grace=0\n"
    );
    assert!(wait_until(SOON, || both() == [Some(60), Some(60)]), "{:?}", both());
    let third = node(directory.path());
    assert_eq!(expires_in(&third), Some(60), "a server that starts later finds it");

    assert_eq!(settings(&["--unset", "access-token-ttl"]).stdout, "rotation-grace=0\n");
    assert!(wait_until(SOON, || both() == [Some(500), Some(500)]), "{:?}", both());

    settings(&["access-token-ttl=0"]).assert_refused(&["seconds from 1 on"]);
    settings(&["public-url=https://example.com"])
        .assert_refused(&["there is no shared setting", "rate-limit"]);
    settings(&["--unset", "public-url"]).assert_refused(&["there is no shared setting"]);
}
