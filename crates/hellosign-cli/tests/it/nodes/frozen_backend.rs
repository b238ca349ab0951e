//! One of the database's processes freezes, and the others do not: what went to it is asked of another one.

use std::process::Command;
use std::time::{Duration, Instant};

use hellosign_testkit::{Postgres, psql};

use super::site::{Site, Tokens};
use crate::harness::{get, wait_until};

/// How long all refreshes may take together: one of them notices, and what it waits for is bounded.
const TOGETHER: Duration = Duration::from_secs(8);

#[test]
fn one_frozen_session_is_given_up_and_the_others_go_on() {
    let postgres = Postgres::start_with(&[("fsync", "off")]);
    let site = Site::new(postgres.create_database());
    let server = site.node().start();
    let node = server.address();
    let mut tokens = Tokens::imported();
    let sessions = || {
        let pids = "SELECT pid FROM pg_stat_activity WHERE usename = 'hellosign' ORDER BY pid";
        let listed = psql(&postgres.admin_url("postgres"), pids);
        listed.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(wait_until(TOGETHER, || sessions().len() == 4));
    tokens.assert_live(node);

    // Whichever are frozen, what comes next meets them.
    let frozen = sessions()[..3].to_vec();
    let signal = |name: &str| {
        assert!(Command::new("kill").arg(name).args(&frozen).status().unwrap().success());
    };
    signal("-STOP");
    let began = Instant::now();
    tokens.assert_live(node);
    assert!(began.elapsed() < TOGETHER, "{:?}", began.elapsed());
    assert_eq!(get(node, "/readyz", &[]).status, 200);
    let others = || sessions().into_iter().filter(|pid| !frozen.contains(pid)).count();
    assert!(
        wait_until(TOGETHER, || others() > 1),
        "in the place of one that was given up another came about"
    );

    signal("-CONT");
    assert!(wait_until(TOGETHER, || sessions().len() == 4), "{:?}", sessions());
    tokens.assert_live(node);
}
