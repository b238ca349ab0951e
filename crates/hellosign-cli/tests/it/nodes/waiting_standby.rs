//! A synchronous standby that keeps commits waiting: nothing is answered before it has them, whoever ends the wait.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use hellosign_testkit::{Postgres, psql};

use super::site::{Site, Tokens, refresh, revoke};
use crate::harness::{environment, wait_until};

/// How soon all goes on, once the standby does.
const SOON: Duration = Duration::from_secs(20);

/// Does something over and over while something else is done.
fn meanwhile<T>(over_and_over: impl Fn() + Send, doing: impl FnOnce() -> T) -> T {
    thread::scope(|scope| {
        // Gone when that is done, or has failed.
        let (_doing, ended) = mpsc::channel::<()>();
        scope.spawn(move || {
            while ended.recv_timeout(Duration::from_millis(20)) == Err(RecvTimeoutError::Timeout) {
                over_and_over();
            }
        });
        doing()
    })
}

/// A session that waits is ended: what it has committed can be seen then, and only the primary has it.
#[test]
fn what_only_the_primary_has_is_not_answered() {
    let mut primary = Postgres::start();
    let site = Site::new(primary.create_database());
    let standby = primary.standby();
    let server = site.node().start();
    let node = server.address();
    let tokens = Tokens::imported();
    let (rotated, revoked) = (tokens.get(0), tokens.get(1));

    standby.pause();
    let end_those_that_wait = || {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE wait_event = 'SyncRep' AND usename = 'hellosign'";
        psql(&primary.admin_url("postgres"), end);
    };
    meanwhile(end_those_that_wait, || {
        for time in ["first", "second"] {
            let answers = thread::scope(|scope| {
                let rotating = scope.spawn(|| refresh(node, rotated).status);
                (revoke(node, revoked).status, rotating.join().unwrap())
            });
            assert_eq!(answers, (503, 503), "the {time} time");
        }
    });
    let is_seen = psql(&site.admin_url(&primary), "SELECT count(*) FROM grants WHERE revoked_at IS NOT NULL");
    assert_eq!(is_seen.trim(), "1", "the test is of a commit that can be seen");

    standby.resume();
    let mut next = None;
    assert!(wait_until(SOON, || {
        let answer = refresh(node, rotated);
        next = (answer.status == 200).then(|| answer.string("refresh_token"));
        next.is_some()
    }));
    assert!(wait_until(SOON, || revoke(node, revoked).status == 200));
    primary.kill();
    standby.promote();
    let after = site.node_by(([127, 0, 0, 1], standby.port()).into()).start();
    assert_eq!(refresh(after.address(), &next.unwrap()).status, 200);
    refresh(after.address(), revoked).assert_refused(400, "invalid_grant");
}

/// Each attempt leaves a session that waits; there are no more of them than two for each connection.
#[test]
fn sessions_that_wait_do_not_pile_up() {
    let stall = match environment("HELLOSIGN_LONG").is_some() {
        true => Duration::from_secs(60),
        false => Duration::from_secs(10),
    };
    let primary = Postgres::start();
    let site = Site::new(primary.create_database());
    let standby = primary.standby();
    let server = site.node().start();
    let node = server.address();
    let mut tokens = Tokens::imported();
    let sessions = || {
        let count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'hellosign'";
        psql(&primary.admin_url("postgres"), count).trim().parse::<usize>().unwrap()
    };
    assert!(wait_until(SOON, || sessions() == 4), "{}", sessions());

    standby.pause();
    let ends = Instant::now() + stall;
    let most = thread::scope(|scope| {
        for grant in 0..tokens.len() {
            let token = tokens.get(grant);
            scope.spawn(move || {
                while Instant::now() < ends {
                    assert_eq!(refresh(node, token).status, 503);
                }
            });
        }
        let mut most = 0;
        while Instant::now() < ends {
            most = most.max(sessions());
            thread::sleep(Duration::from_millis(100));
        }
        most
    });
    println!("at most {most} sessions of 4 connections");
    assert!((5..=8).contains(&most), "{most}");

    standby.resume();
    assert!(wait_until(SOON, || refresh(node, tokens.get(0)).status == 200));
    assert!(wait_until(SOON, || sessions() == 4), "{}", sessions());
    tokens.assert_live(node);
}
