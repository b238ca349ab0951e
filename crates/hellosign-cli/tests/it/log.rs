//! The log: every line of a request has the request's id, at any level and in either format.

use std::path::Path;

use serde_json::Value;

use crate::harness::{Answer, Command, Connection, FixtureFile, Server, vendor_page};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn start(directory: &Path, log: &[&str], level: &str) -> Server {
    let fixtures = FixtureFile::of_the_vendors_page().write(directory);
    let command = Command::server(&directory.join("data")).fixtures(&fixtures);
    command.args(log).env("RUST_LOG", level).start()
}

fn exchange(server: &Server, headers: &[(&str, &str)]) -> Answer {
    let headers = [headers, &[("Content-Type", "application/x-www-form-urlencoded")]].concat();
    let body = format!(
        "grant_type=authorization_code&code={}&client_id={}&client_secret={}",
        vendor_page::CODE,
        vendor_page::CLIENT_ID,
        vendor_page::CLIENT_SECRET
    );
    let mut connection = Connection::open(server.address()).expect("a connection");
    connection.request("POST /oauth/token", &headers, body.as_bytes()).expect("an answer")
}

/// Takes away what a grant is written into, behind the server's back: its next write fails.
fn break_the_database(directory: &Path) {
    let script =
        "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('ALTER TABLE grants RENAME TO gone')";
    let database = directory.join("data/hellosign.db");
    let status = std::process::Command::new("python3").args(["-c", script]).arg(database).status();
    assert!(status.is_ok_and(|status| status.success()), "python3 with sqlite3");
}

fn json_lines(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

#[test]
fn an_answer_is_found_in_the_log_by_its_id() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path(), &["--log-format", "json"], "info");
    let answer = exchange(&server, &[("traceparent", TRACEPARENT)]);
    let unmarked = exchange(&server, &[("traceparent", "not one")]);
    let log = json_lines(&server.stop().stderr);
    let of = |answer: &Answer| {
        let id = answer.header("x-request-id").expect("an id").to_owned();
        log.iter().find(|line| line["span"]["request_id"] == id.as_str()).expect("a line with the id")
    };
    let line = of(&answer);
    assert_eq!((&line["fields"]["route"], &line["fields"]["status"]), (&"/oauth/token".into(), &200.into()));
    assert_eq!(line["span"]["traceparent"], TRACEPARENT);
    assert_eq!(of(&unmarked)["span"].get("traceparent"), None);
}

#[test]
fn what_the_store_has_to_say_has_the_id_too_at_any_level() {
    for level in ["info", "error"] {
        let directory = tempfile::tempdir().expect("a directory");
        let server = start(directory.path(), &["--log-format", "json"], level);
        break_the_database(directory.path());
        let answer = exchange(&server, &[]);
        assert_eq!(answer.status, 503, "{answer:?}");
        let id = answer.header("x-request-id").expect("an id").to_owned();
        let log = json_lines(&server.stop().stderr);
        let failed = log.iter().find(|line| line["level"] == "ERROR").expect("the store's error");
        assert_eq!(failed["span"]["request_id"], id, "{log:?}");
    }
}

#[test]
fn people_see_the_id_as_well() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path(), &[], "info");
    break_the_database(directory.path());
    let answer = exchange(&server, &[]);
    let id = answer.header("x-request-id").expect("an id").to_owned();
    let log = server.stop().stderr;
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(&id)).collect();
    assert_eq!(lines.len(), 2, "the error and the answer: {log}");
}
