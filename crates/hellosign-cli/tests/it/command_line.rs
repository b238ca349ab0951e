//! What the command line promises: refusals with a sentence and exit code 2, a clean end, keys that are looked after.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use crate::harness::{Answer, Command, Connection, FixtureFile, Server, post_form, vendor_page, wait_until};

const PATIENCE: Duration = Duration::from_secs(30);

fn start(data_dir: &Path) -> Server {
    let fixtures = FixtureFile::of_the_vendors_page().write(data_dir.parent().expect("a parent"));
    Command::server(data_dir).fixtures(&fixtures).start()
}

fn refresh(address: SocketAddr) -> Answer {
    post_form(address, "/oauth/token?refresh", &refresh_parameters())
}

fn refresh_parameters() -> [(&'static str, &'static str); 4] {
    [
        ("grant_type", "refresh_token"),
        ("client_id", vendor_page::CLIENT_ID),
        ("client_secret", vendor_page::CLIENT_SECRET),
        ("refresh_token", vendor_page::REFRESH_TOKEN),
    ]
}

#[test]
fn quickstart_does_the_main_job() {
    let ended = Command::new(["quickstart"]).run();
    assert!(ended.status.success(), "{ended:?}");
    let last = ended.stdout.lines().last().unwrap_or_default();
    let (account, expiry) = last
        .strip_prefix("ok: ")
        .and_then(|line| line.split_once("'s access token was refreshed; it expires in "))
        .unwrap_or_else(|| panic!("the last line is {last:?}"));
    assert!(account.contains('@'), "{last:?}");
    let seconds: u32 = expiry.strip_suffix(" s").and_then(|n| n.parse().ok()).expect("a number of seconds");
    assert!((1..=86400).contains(&seconds), "{last:?}");
    assert!(ended.stdout.lines().count() > 5, "its steps are told: {ended:?}");
}

#[test]
fn a_second_server_on_the_same_directory_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let data_dir = directory.path().join("data");
    let server = start(&data_dir);
    Command::server(&data_dir).run().assert_refused(&[&data_dir.display().to_string()]);
    assert_eq!(refresh(server.address()).status, 200, "the first one is not disturbed");
    // A dead server holds nothing.
    server.kill();
    start(&data_dir).stop();
}

#[test]
fn what_the_server_cannot_do_or_must_not_do_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let data_dir = directory.path().join("data");
    let refused = |arguments: &[&str], words: &[&str]| {
        Command::server(&data_dir).args(arguments).run().assert_refused(words);
    };
    refused(&["--profile", "lax"], &["--profile"]);
    refused(&["--rate-limit", "many"], &["--rate-limit"]);
    refused(&["--max-connections", "4000000000"], &["--max-connections", "ulimit"]);
    refused(&["--operations", "nowhere"], &["--operations"]);
    refused(&["--no-such-flag"], &["--no-such-flag"]);
    Command::new(["server"]).run().assert_refused(&["--data-dir"]);
    assert!(!data_dir.exists(), "a refused start leaves nothing behind");

    // Beyond loopback: nobody is asked there, and the profile has to be named.
    let beyond = |arguments: &[&str], words: &[&str]| {
        let flags = ["server", "--listen", "0.0.0.0:0", "--data-dir"];
        Command::new(flags).arg(&data_dir).args(arguments).run().assert_refused(words);
    };
    beyond(
        &["--auto-approve", "jill@example.com", "--profile", "hellosign"],
        &["--auto-approve", "loopback"],
    );
    beyond(&[], &["--profile"]);
    beyond(&["--profile", "strict"], &["--public-url"]);
}

#[test]
fn every_listener_has_its_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let data_dir = directory.path().join("data");
    let server = Command::server(&data_dir).args(["--listen", "127.0.0.1:0"]).start();
    let ended = server.stop();
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{ended:?}");
    assert!(lines.iter().all(|line| line.starts_with("listening on http://127.0.0.1:")), "{ended:?}");
    assert!(lines[0] != lines[1] && lines.iter().all(|line| !line.ends_with(":0")), "{ended:?}");
}

#[test]
fn either_signal_finishes_what_is_in_flight() {
    for signal in ["TERM", "INT"] {
        let directory = tempfile::tempdir().expect("a directory");
        let server = start(&directory.path().join("data"));
        let address = server.address();
        let _idle = Connection::open(address).expect("a connection that asks nothing");

        let mut connection = Connection::open(address).expect("a connection");
        let body: Vec<_> = refresh_parameters().map(|(name, value)| format!("{name}={value}")).into();
        let body = body.join("&");
        let head = format!(
            "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        connection.send(head.as_bytes()).expect("to be read");
        let go_on = connection.answer(false).expect("the server waits for the body");
        assert_eq!(go_on.status, 100);

        server.signal(signal);
        let closed = wait_until(PATIENCE, || TcpStream::connect_timeout(&address, PATIENCE).is_err());
        assert!(closed, "SIG{signal}: connections are still accepted");
        connection.send(body.as_bytes()).expect("to be read");
        let answer = connection.answer(false).unwrap_or_else(|e| panic!("SIG{signal}: no answer: {e}"));
        assert_eq!(answer.status, 200, "SIG{signal}: {answer:?}");
        let ended = server.ended();
        assert_eq!(ended.status.code(), Some(0), "SIG{signal}: {ended:?}");
    }
}

#[test]
fn over_the_limit_is_the_vendors_envelope() {
    let directory = tempfile::tempdir().expect("a directory");
    let fixtures = FixtureFile::of_the_vendors_page().write(directory.path());
    let data_dir = directory.path().join("data");
    let server = Command::server(&data_dir).fixtures(&fixtures).args(["--rate-limit", "3"]).start();
    for left in ["2", "1", "0"] {
        let answer = refresh(server.address());
        assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (200, Some(left)), "{answer:?}");
        assert_eq!(answer.header("x-ratelimit-limit"), Some("3"));
    }
    let answer = refresh(server.address());
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(answer.json()["error"]["error_name"], "exceeded_rate");
    assert!(answer.json()["error"]["error_msg"].is_string(), "{answer:?}");
    assert_eq!(answer.header("x-ratelimit-remaining"), Some("0"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    server.stop();

    let server = Command::server(&data_dir).fixtures(&fixtures).args(["--rate-limit", "off"]).start();
    for _ in 0..10 {
        let answer = refresh(server.address());
        assert_eq!(answer.status, 200, "{answer:?}");
        for header in
            ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-limit-remaining", "x-ratelimit-reset"]
        {
            let number = answer.header(header).and_then(|value| value.parse::<i64>().ok());
            assert!(number.is_some_and(|n| n > 0), "{header} in {answer:?}");
        }
    }
}

#[test]
fn a_database_without_its_secret_is_an_error_and_no_new_secret_is_made() {
    let directory = tempfile::tempdir().expect("a directory");
    let data_dir = directory.path().join("data");
    let key = data_dir.join("server.key");
    start(&data_dir).stop();
    let own = fs::read(&key).expect("a key file");

    fs::remove_file(&key).expect("a key file to lose");
    Command::server(&data_dir).run().assert_refused(&["server.key"]);
    assert!(!key.exists(), "a new secret was made for an old database");

    let elsewhere = directory.path().join("elsewhere");
    start(&elsewhere).stop();
    fs::copy(elsewhere.join("server.key"), &key).expect("another's key");
    Command::server(&data_dir).run().assert_refused(&["key"]);

    for broken in [&b""[..], &own[..own.len() / 2], b"\xff\xfe not a key"] {
        fs::write(&key, broken).expect("a broken key");
        Command::server(&data_dir).run().assert_refused(&["server.key"]);
        assert_eq!(fs::read(&key).expect("the broken key"), broken, "it was overwritten");
    }

    fs::write(&key, own).expect("its own key again");
    let server = start(&data_dir);
    assert_eq!(refresh(server.address()).status, 200);
}

#[test]
fn the_secret_can_live_elsewhere() {
    let directory = tempfile::tempdir().expect("a directory");
    let (data_dir, key) = (directory.path().join("data"), directory.path().join("the.key"));
    let fixtures = FixtureFile::of_the_vendors_page().write(directory.path());
    let start = || Command::server(&data_dir).fixtures(&fixtures).arg("--key-file").arg(&key).start();
    let server = start();
    let (access_token, _) = refresh(server.address()).tokens();
    server.stop();
    assert_eq!(mode(&key), 0o600);
    assert!(!data_dir.join("server.key").exists());
    let server = start();
    let authorization = crate::harness::bearer(&access_token);
    let answer = crate::harness::get(server.address(), "/v3/account", &[("Authorization", &authorization)]);
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
fn others_can_read_neither_the_directory_nor_what_is_in_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let data_dir = directory.path().join("data");
    let server = Command::server(&data_dir).without_umask().start();
    assert_eq!(mode(&data_dir), 0o700);
    for entry in fs::read_dir(&data_dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert!(data_dir.join("server.key").exists());
    server.stop();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}
