//! `hellosign emulator` and `hellosign control`: a server under test, from a shell.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Answer, Command, Ended, FixtureFile, JILL, bearer, get, post_form, vendor_page};

const APP: [&str; 4] = ["--client-id", vendor_page::CLIENT_ID, "--account", JILL];

/// A control command that succeeds, and what it printed: one value for each line.
fn control(data_dir: &Path, arguments: &[&str]) -> Vec<Value> {
    let ended = Command::new(["control", "--data-dir"]).arg(data_dir).args(arguments).run();
    assert!(ended.status.success(), "{arguments:?}: {ended:?}");
    ended.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn refresh(address: SocketAddr) -> Answer {
    post_form(
        address,
        "/oauth/token",
        &[
            ("grant_type", "refresh_token"),
            ("client_id", vendor_page::CLIENT_ID),
            ("client_secret", vendor_page::CLIENT_SECRET),
            ("refresh_token", vendor_page::REFRESH_TOKEN),
        ],
    )
}

#[test]
fn every_control_command_reaches_the_server() {
    let directory = tempfile::tempdir().expect("a directory");
    let data_dir = directory.path().join("data");
    let fixtures = FixtureFile::of_the_vendors_page().write(directory.path());
    let server = Command::server(&data_dir).fixtures(&fixtures).args(["--control", "127.0.0.1:0"]).start();
    let control = |arguments: &[&str]| control(&data_dir, arguments);
    let file = data_dir.join("control.json");
    assert_eq!(fs::metadata(&file).expect("the access").permissions().mode() & 0o777, 0o600);

    let account =
        |token: &str| get(server.address(), "/v3/account", &[("Authorization", &bearer(token))]).status;
    let refreshed = || refresh(server.address());
    let (token, _) = refreshed().tokens();
    let before = control(&["clock"])[0]["now_ms"].as_i64().expect("milliseconds");
    assert_eq!(account(&token), 200);
    let after = control(&["advance", "86400.5"])[0]["now_ms"].as_i64().expect("milliseconds");
    assert!((86_400_500..86_460_000).contains(&(after - before)), "{before} to {after}");
    assert_eq!(account(&token), 401);

    let (token, _) = refreshed().tokens();
    assert_eq!(control(&[&["expire"], &APP[..]].concat()), [json!({"grants": 1})]);
    assert_eq!(account(&token), 401);

    let fault = [
        "fault",
        "--path",
        "/oauth/*",
        "--times",
        "2",
        "--status",
        "503",
        "--error",
        "later",
        "--retry-after",
        "7",
    ];
    assert!(control(&fault)[0]["id"].is_u64());
    let answer = refreshed();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("7")));
    assert_eq!(answer.json()["error"], "later");
    let left = control(&["faults"]);
    assert_eq!((left.len(), &left[0]["times"], &left[0]["path"]), (1, &json!(1), &json!("/oauth/*")));
    control(&["faults", "--clear"]);
    assert!(control(&["faults"]).is_empty());

    let refusal = ["app", vendor_page::CLIENT_ID, "--approved", "false", "--switch", "rfc_error_codes=true"];
    control(&refusal);
    let unknown = [
        ("grant_type", "authorization_code"),
        ("client_id", "nobody"),
        ("client_secret", "x"),
        ("code", "x"),
    ];
    let answer = post_form(server.address(), "/oauth/token", &unknown);
    assert_eq!(answer.json()["error"], "invalid_request", "nobody's switches");
    control(&["app", vendor_page::CLIENT_ID, "--refresh-token-rotation", "true"]);
    assert_ne!(refreshed().tokens().1, vendor_page::REFRESH_TOKEN);

    control(&["account", JILL, "--locked", "true"]);
    assert_eq!(refreshed().json()["error"], "invalid_grant");
    control(&["reset"]);
    assert_eq!(refreshed().tokens().1, vendor_page::REFRESH_TOKEN, "it does not rotate any more");
    assert_eq!(control(&[&["revoke"], &APP[..]].concat()), [json!({"grants": 1})]);
    assert_eq!(refreshed().json()["error"], "invalid_grant");

    let requests = control(&["requests"]);
    let seen: Vec<_> = requests.iter().map(|request| request["status"].as_u64()).collect();
    assert_eq!(seen, [Some(200), Some(400)], "since the reset");
    assert!(!format!("{requests:?}").contains(vendor_page::REFRESH_TOKEN));
    control(&["requests", "--clear"]);
    assert!(control(&["requests"]).is_empty());

    server.stop();
    assert!(!file.exists(), "nobody is there any more");
}

#[test]
fn what_cannot_be_done_is_said() {
    let directory = tempfile::tempdir().expect("a directory");
    let data_dir = directory.path().join("data");
    let refused = |arguments: &[&str], code: i32, word: &str| {
        let ended = Command::new(["control", "--data-dir"]).arg(&data_dir).args(arguments).run();
        assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(code), ""), "{ended:?}");
        assert!(ended.stderr.contains(word), "{ended:?}");
    };
    refused(&["clock"], 2, "--control");
    let server = Command::server(&data_dir).args(["--control", "127.0.0.1:0"]).start();
    refused(&["fault"], 1, "a fault has a status");
    refused(&["fault", "--status", "503", "--times", "0"], 2, "always");
    refused(&["fault", "--cut", "after-commit", "--html"], 1, "status");
    refused(&["advance", "--", "-1"], 1, "seconds");
    refused(&["account", "nobody@example.com"], 1, "nobody@example.com");
    refused(&["app", "nobody", "--switch", "colour=true"], 1, "colour");
    refused(&["app", "nobody", "--switch", "colour"], 2, "NAME=true");
    // Killed, it leaves the file behind.
    server.kill();
    refused(&["clock"], 2, "nobody answers");

    let elsewhere = Command::new(["control", "clock"]).env("HELLOSIGN_CONTROL_TOKEN", "x");
    elsewhere.env("HELLOSIGN_CONTROL_URL", "http://192.0.2.1:8065").run().assert_refused(&["127.0.0.1"]);
    Command::new(["control", "clock"]).run().assert_refused(&["--data-dir", "HELLOSIGN_CONTROL_URL"]);
}

#[test]
fn tests_are_not_for_strangers() {
    let directory = tempfile::tempdir().expect("a directory");
    let data_dir = directory.path().join("data");
    let server = |flags: &[&str]| Command::new(["server", "--data-dir"]).arg(&data_dir).args(flags).run();
    server(&["--listen", "127.0.0.1:0", "--control", "0.0.0.0:0"]).assert_refused(&["--control", "loopback"]);
    let open = ["--listen", "0.0.0.0:0", "--profile", "hellosign"];
    server(&[&open[..], &["--control", "127.0.0.1:0"]].concat()).assert_refused(&["--control", "loopback"]);
    let mut file = FixtureFile::of_the_vendors_page();
    file.table("faults", &[], "status = 503");
    let fixtures = file.write(directory.path());
    let fixtures = fixtures.to_str().expect("a path of ours");
    server(&[&open[..], &["--fixtures", fixtures]].concat()).assert_refused(&["[[faults]]", "loopback"]);
    Command::new(["emulator", "--listen", "0.0.0.0:0"]).run().assert_refused(&["--listen", "loopback"]);
    assert!(!data_dir.exists(), "a refused start leaves nothing behind");
}

#[test]
fn the_emulator_lives_as_long_as_its_command() {
    let emulator = |script: &str| Command::new(["emulator", "--", "sh", "-c", script]);
    let ended = emulator(r#"echo "$HELLOSIGN_SERVER" && "$HELLOSIGN" control clock && exit 7"#)
        .env("HELLOSIGN", env!("CARGO_BIN_EXE_hellosign"))
        .run();
    assert_eq!(ended.status.code(), Some(7), "{ended:?}");
    assert_eq!(ended.stderr, "", "its own output is all there is");
    let mut lines = ended.stdout.lines();
    let address = lines.next().and_then(|url| url.strip_prefix("http://")).expect("a URL");
    assert!(lines.next().is_some_and(|line| line.contains("now_ms")), "{ended:?}");
    let address: SocketAddr = address.parse().expect("an address");
    assert!(std::net::TcpStream::connect(address).is_err(), "the server is gone");

    let given_up = r#""$HELLOSIGN" control fault --times always --delay 600000 && "$HELLOSIGN" oauth refresh --timeout 1"#;
    let given_up = emulator(given_up).env("HELLOSIGN", env!("CARGO_BIN_EXE_hellosign"));
    let ended = given_up.env("HELLOSIGN_REFRESH_TOKEN", vendor_page::REFRESH_TOKEN).run();
    assert!(ended.stderr.contains("in time") && !ended.stderr.contains("cut off"), "nobody waits: {ended:?}");

    assert_eq!(emulator("kill -TERM $$").run().status.code(), Some(128 + 15));
    let none: Ended = Command::new(["emulator", "--", "/no/such/program"]).run();
    none.assert_refused(&["/no/such/program"]);
}

#[test]
fn a_signal_is_the_commands_to_deal_with() {
    let script = "trap 'echo told; exit 3' TERM; echo ready; while :; do sleep 0.01; done";
    let mut running = Command::new(["emulator", "--", "sh", "-c", script]).spawn();
    running.line(|line| (line == "ready").then_some(()));
    running.signal("TERM");
    let ended = running.ended();
    assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(3), "ready\ntold\n"), "{ended:?}");
}

#[test]
fn without_a_command_it_runs_until_it_is_stopped() {
    let mut running = Command::new(["emulator"]).spawn();
    let address: SocketAddr = running.line(|line| line.strip_prefix("listening on http://")?.parse().ok());
    assert_eq!(refresh(address).status, 200, "it knows the vendor's page");
    let data_dir = running.line(|line| {
        let (_, rest) = line.split_once("--data-dir ")?;
        Some(rest.trim_end_matches(" …").to_owned())
    });
    assert_eq!(control(Path::new(&data_dir), &["requests"]).len(), 1);
    running.signal("INT");
    assert!(running.ended().status.success());
    assert!(!Path::new(&data_dir).exists(), "nothing is left");
}
