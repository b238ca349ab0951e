//! A throw-away PostgreSQL.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use hellosign_testkit::{Postgres, psql, try_psql};

const SOON: Duration = Duration::from_millis(500);
/// Longer than any answer takes, on a slow machine too.
const LONG: Duration = Duration::from_secs(60);

fn with_a_sum(postgres: &Postgres) -> String {
    let url = postgres.create_database();
    psql(&url, "CREATE TABLE sums (sum bigint); INSERT INTO sums VALUES (42)");
    url
}

#[test]
fn what_was_committed_is_there_after_a_kill() {
    let mut postgres = Postgres::start();
    let url = with_a_sum(&postgres);
    postgres.kill();
    assert!(try_psql(&url, "SELECT 1", SOON).is_err());
    postgres.restart();
    assert_eq!(psql(&url, "SELECT sum FROM sums"), "42");
    assert!(postgres.log().contains("was not properly shut down"), "{}", postgres.log());
}

#[test]
fn it_stops_in_good_order_and_starts_again() {
    let mut postgres = Postgres::start_with(&[("fsync", "off")]);
    let url = with_a_sum(&postgres);
    postgres.stop();
    postgres.restart();
    assert_eq!(psql(&url, "SELECT sum FROM sums"), "42");
    assert!(!postgres.log().contains("was not properly shut down"), "{}", postgres.log());
}

#[test]
fn nothing_answers_while_it_is_paused() {
    let postgres = Postgres::start_with(&[("fsync", "off")]);
    let url = with_a_sum(&postgres);
    postgres.pause();
    let answer = try_psql(&url, "SELECT sum FROM sums", SOON);
    assert_eq!(answer, Err("no answer within 500ms".to_owned()));
    postgres.resume();
    assert_eq!(psql(&url, "SELECT sum FROM sums"), "42");
}

#[test]
fn a_session_in_the_middle_of_a_statement_is_paused_and_killed() {
    let mut postgres = Postgres::start_with(&[("fsync", "off")]);
    let url = with_a_sum(&postgres);
    let counted = "SELECT count(*) FROM generate_series(1, 1000000000)";
    let busy = {
        let url = url.clone();
        thread::spawn(move || try_psql(&url, counted, LONG))
    };
    let is_busy = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate' || '_series%' AND state = 'active'";
    wait_until(|| psql(&url, is_busy) == "1");
    postgres.kill();
    assert!(busy.join().expect("no panic").is_err());
}

#[test]
fn a_promoted_standby_has_what_was_committed() {
    let mut primary = Postgres::start();
    let url = with_a_sum(&primary);
    let standby = primary.standby();
    psql(&url, "INSERT INTO sums VALUES (43)");
    let database = url.rsplit('/').next().expect("a database");
    let there = standby.url(database);
    let refused = try_psql(&there, "INSERT INTO sums VALUES (44)", LONG);
    assert!(refused.as_ref().is_err_and(|error| error.contains("25006")), "{refused:?}");
    primary.kill();
    standby.promote();
    psql(&there, "INSERT INTO sums VALUES (44)");
    assert_eq!(psql(&there, "SELECT sum FROM sums ORDER BY sum"), "42\n43\n44");
}

#[test]
fn a_commit_waits_for_the_standby() {
    let primary = Postgres::start();
    let url = with_a_sum(&primary);
    let standby = primary.standby();
    standby.pause();
    let answer = try_psql(&url, "INSERT INTO sums VALUES (43)", SOON);
    assert_eq!(answer, Err("no answer within 500ms".to_owned()));
    standby.resume();
    psql(&url, "INSERT INTO sums VALUES (44)");
}

#[test]
fn sessions_that_are_open_become_read_only() {
    let postgres = Postgres::start_with(&[("fsync", "off")]);
    let url = with_a_sum(&postgres);
    let session = {
        let url = url.clone();
        let waits =
            "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM sums WHERE sum = 1) LOOP PERFORM pg_sleep(0.01);
                     END LOOP; END $$";
        let statements = format!("{waits}; INSERT INTO sums VALUES (43)");
        thread::spawn(move || try_psql(&url, &statements, LONG))
    };
    let is_open = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO %'";
    wait_until(|| psql(&url, is_open) == "1");
    postgres.set_read_only(true);
    psql(&url, "SET default_transaction_read_only = off; INSERT INTO sums VALUES (1)");
    for refused in [session.join().expect("no panic"), try_psql(&url, "INSERT INTO sums VALUES (43)", LONG)] {
        assert!(refused.as_ref().is_err_and(|error| error.contains("25006")), "{refused:?}");
    }
    postgres.set_read_only(false);
    psql(&url, "INSERT INTO sums VALUES (44)");
}

#[test]
fn settings_hold_and_the_databases_user_is_no_superuser() {
    let postgres = Postgres::start_with(&[("max_connections", "7"), ("application_name", "it's")]);
    let url = postgres.create_database();
    assert_eq!(psql(&url, "SHOW max_connections; SHOW fsync"), "7\non");
    assert_eq!(psql(&url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"), "f");
    let wrong = url.replacen("://hellosign:", "://hellosign:not", 1);
    let refused = try_psql(&wrong, "SELECT 1", LONG);
    assert!(
        refused.as_ref().is_err_and(|error| error.contains("password authentication failed")),
        "{refused:?}"
    );
}

#[test]
fn nothing_is_left_of_one_that_was_paused() {
    let postgres = Postgres::start();
    let data = data_directory(&postgres);
    assert!(data.exists());
    assert_ne!(processes_in(&data), "");
    postgres.pause();
    drop(postgres);
    assert!(!data.exists());
    assert_eq!(processes_in(&data), "");
}

#[test]
fn nothing_is_left_of_one_that_was_killed() {
    let mut postgres = Postgres::start();
    let data = data_directory(&postgres);
    let file = fs::read_to_string(data.join("postmaster.pid")).expect("what the server says of itself");
    let segment =
        file.lines().nth(6).and_then(|line| line.split_whitespace().nth(1)).expect("its shared memory");
    postgres.kill();
    assert!(shared_memory().any(|id| id == segment), "{segment} is not there");
    drop(postgres);
    assert!(!data.exists());
    assert!(!shared_memory().any(|id| id == segment), "{segment} is left");
}

#[test]
fn nothing_is_left_of_a_test_that_was_killed() {
    let mut test = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "postgres::the_test_that_is_killed", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program runs");
    let mut lines = BufReader::new(test.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let data =
        lines.find_map(|line| line.strip_prefix("its data: ").map(PathBuf::from)).expect("a data directory");
    assert!(data.exists());
    test.kill().expect("a process to kill");
    test.wait().expect("a process that was killed");
    wait_until(|| !data.exists());
    assert_eq!(processes_in(&data), "");
}

#[test]
#[ignore = "it is a part of the one above"]
fn the_test_that_is_killed() {
    let postgres = Postgres::start_with(&[("fsync", "off")]);
    println!("\nits data: {}", data_directory(&postgres).display());
    let _ = std::io::stdin().read_line(&mut String::new());
}

fn data_directory(postgres: &Postgres) -> PathBuf {
    psql(&postgres.admin_url("postgres"), "SHOW data_directory").into()
}

fn processes_in(data: &Path) -> String {
    let cwd = ["/proc", "-maxdepth", "2", "-name", "cwd", "-lname"].map(OsStr::new);
    let found = Command::new("find").args(cwd).arg(data).output().expect("find runs");
    String::from_utf8_lossy(&found.stdout).into_owned()
}

/// The ids of all there is on this machine.
fn shared_memory() -> impl Iterator<Item = String> {
    let listed = fs::read_to_string("/proc/sysvipc/shm").expect("a list");
    let lines: Vec<_> = listed.lines().map(str::to_owned).collect();
    lines.into_iter().filter_map(|line| line.split_whitespace().nth(1).map(str::to_owned))
}

#[test]
fn the_shared_one_gives_each_its_database() {
    let (one, other) = (Postgres::shared_database(), Postgres::shared_database());
    assert_ne!(one, other);
    psql(&one, "CREATE TABLE sums (sum bigint)");
    psql(&other, "CREATE TABLE sums (sum bigint)");
    assert_eq!(psql(&one, "SHOW fsync"), "off");
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < deadline, "it has not come to that");
        thread::sleep(Duration::from_millis(10));
    }
}
