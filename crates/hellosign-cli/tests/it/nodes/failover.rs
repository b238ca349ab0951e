//! The primary dies or freezes under load, and its standby takes over.

use std::thread;
use std::time::{Duration, Instant};

use hellosign_testkit::Postgres;

use super::killed::check;
use super::load::Load;
use super::node::{Nodes, PLAIN, code, exchanging, refresh};
use crate::harness::{environment, post_form, wait_until};

/// The URL of a database at both servers, the first of which is the primary.
fn both(url: &str, standby: &Postgres) -> String {
    let (before, after) = url.rsplit_once('/').unwrap();
    format!("{before},127.0.0.1:{}/{after}", standby.port())
}

#[test]
fn what_a_synchronous_standby_has_outlives_the_primary() {
    fail_over(Postgres::kill);
}

/// One that accepts connections and never answers is named first, and must not keep anybody from the other.
#[test]
fn a_frozen_primary_is_left_for_its_standby() {
    fail_over(|primary| primary.pause());
}

fn fail_over(end: impl FnOnce(&mut Postgres)) {
    let (grants, codes, before) = match environment("HELLOSIGN_LONG").is_some() {
        true => (10_000, 20_000, Duration::from_secs(20)),
        false => (200, 1_000, Duration::from_secs(2)),
    };
    let mut primary = Postgres::start();
    let url = primary.create_database();
    let nodes = Nodes::new(&url, grants, codes);
    let standby = primary.standby();
    nodes.set_url(&both(&url, &standby));
    let running = [nodes.start(), nodes.start()];
    let load = Load::new(&running.each_ref());
    let (told, refused) = thread::scope(|scope| {
        let told = scope.spawn(|| load.run(grants, codes));
        thread::sleep(before);
        let ended = Instant::now();
        end(&mut primary);
        let so_far = load.answered();
        standby.promote();
        let promoted = ended.elapsed();
        assert!(
            wait_until(Duration::from_secs(30), || load.answered() > so_far + 100),
            "no node has found the standby"
        );
        let answered = ended.elapsed();
        load.end();
        (told.join().unwrap(), (promoted, answered))
    });
    println!(
        "promoted after {:?}, answered again after {:?}; the longest that a client waited was {:?}; {} answers",
        refused.0,
        refused.1,
        load.longest_wait(),
        load.answered()
    );
    let url = standby.url(url.rsplit_once('/').unwrap().1);
    check(&running[0], &told, &url);
}

/// The check of the check: a standby that is not waited for has lost what was answered, and it shows.
#[test]
fn what_a_standby_does_not_have_is_lost_with_the_primary() {
    let mut primary = Postgres::start();
    let url = primary.create_database();
    let nodes = Nodes::new(&url, 0, 10);
    let mut standby = primary.standby();
    nodes.set_url(&both(&url, &standby));
    // Commits no longer wait for it, and it gets nothing any more.
    primary.set("synchronous_standby_names", "");
    standby.kill();
    let node = nodes.start();
    let answer = post_form(node.address(), "/oauth/token", &exchanging(&code(1)));
    let (_, refresh_token) = answer.tokens();
    primary.kill();
    standby.restart();
    standby.promote();
    let mut status = 503;
    wait_until(Duration::from_secs(30), || {
        status = refresh(&node, PLAIN, &refresh_token);
        status != 503
    });
    assert_eq!(status, 400, "an answer that only the dead primary had is lost, as it has to be here");
}
