//! That nobody learns the database's password.

use std::process;

use hellosign_testkit::Postgres;

use super::site::{Site, Tokens, refresh};
use crate::harness::Command;

#[test]
fn the_password_is_nowhere() {
    let mut postgres = Postgres::start_with(&[("fsync", "off")]);
    let url = postgres.create_database();
    let site = Site::new(url.clone());
    let (user, _) = url.split_once('@').unwrap();
    let (_, password) = user.rsplit_once(':').unwrap();
    assert!(password.len() > 8, "one that can be searched for");

    let node = site.node().env("RUST_LOG", "trace").start();
    assert_eq!(refresh(node.address(), Tokens::imported().get(0)).status, 200);
    let running = process::Command::new("ps").args(["-ww", "-eo", "args"]).output().unwrap();
    let running = String::from_utf8_lossy(&running.stdout).into_owned();
    assert!(running.contains("--database-url-file") && !running.contains(password), "{running}");
    // A database that is gone is what logs say most of.
    postgres.stop();
    assert_eq!(refresh(node.address(), Tokens::imported().get(1)).status, 503);
    let absent = site.node().env("RUST_LOG", "trace").run();
    postgres.restart();
    // A password that is refused, and a URL that is none, by the environment, too.
    let wrong: String = password.chars().rev().collect();
    let refused_url = url.replacen(password, &wrong, 1);
    let refused = environment(&site, &refused_url).run();
    refused.assert_refused(&["password authentication failed"]);
    let malformed = environment(&site, &url.replacen("postgres://", "postgres:/", 1)).run();
    malformed.assert_refused(&["database URL"]);
    for ended in [node.stop(), absent, refused, malformed] {
        for printed in [&ended.stdout, &ended.stderr] {
            assert!(!printed.contains(password), "{printed}");
            assert!(!printed.contains(&wrong), "{printed}");
        }
    }
}

fn environment(site: &Site, url: &str) -> Command {
    let command = Command::new(["server", "--listen", "127.0.0.1:0", "--key-file"]).arg(site.key_file());
    command.env("HELLOSIGN_DATABASE_URL", url).env("RUST_LOG", "trace")
}
