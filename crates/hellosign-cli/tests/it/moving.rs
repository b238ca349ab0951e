//! From SQLite to PostgreSQL, while grants rotate and are revoked: nothing that was answered is lost, and nothing is
//! answered by both.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use hellosign_testkit::Postgres;

use crate::harness::{App, Command, Connection, FixtureFile, Server, environment};

const APP: App<'_> = App { client_id: "rotating", client_secret: "rotating-secret", rotates: true };
/// Grants of one account.
const EACH: usize = 25;
const WORKERS: usize = 4;
/// The grants that change while the database moves; the others only have to be there.
const BUSY: usize = 400;

fn grants() -> usize {
    if environment("HELLOSIGN_LONG").is_some() { 100_000 } else { 2_000 }
}

/// A grant, as far as its client knows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    /// This refresh token was the last that was answered.
    Live(String),
    /// Its revocation was answered.
    Revoked(String),
    /// A request was not answered, so that either is right: the token before it, and whether it was to end.
    Uncertain { token: String, is_revocation: bool },
}

#[test]
fn a_database_moves_under_load_and_nothing_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let (data_dir, url_file) = (directory.path().join("data"), directory.path().join("url"));
    fs::write(&url_file, Postgres::shared_database()).unwrap();
    let server = sqlite(&data_dir).fixtures(&fixtures(directory.path())).start();
    let is_over = AtomicBool::new(false);

    let (known, moved) = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                scope.spawn({
                    let (address, is_over) = (server.address(), &is_over);
                    move || work(address, worker, is_over)
                })
            })
            .collect();
        let moved = copy(&data_dir, &url_file).run();
        is_over.store(true, Ordering::Release);
        let known: HashMap<usize, Known> =
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
        (known, moved)
    });
    assert!(moved.status.success(), "{moved:?}");
    println!("{}", moved.stdout);
    let changed = known
        .values()
        .filter(|known| !matches!(known, Known::Live(token) if token.starts_with("imported")))
        .count();
    assert!(changed > BUSY / 2, "only {changed} grants were changed meanwhile");

    // The old server answers nothing any more, and does not start again.
    assert_eq!(refresh(server.address(), &imported(grants() - 1)), Some(503));
    server.stop();
    sqlite(&data_dir).run().assert_refused(&["has moved to PostgreSQL"]);

    let node =
        Command::new(["server", "--listen", "127.0.0.1:0", "--rotation-grace", "60", "--rate-limit", "off"])
            .arg("--database-url-file")
            .arg(&url_file)
            .arg("--key-file")
            .arg(data_dir.join("server.key"))
            .start();
    check(&node, &known);
    copy(&data_dir, &url_file).run().assert_refused(&["there is nothing left to do"]);
}

/// An operator whose PostgreSQL is gone before anybody was served from it has the old database back.
#[test]
fn a_move_that_cannot_be_finished_is_taken_back() {
    let directory = tempfile::tempdir().unwrap();
    let (data_dir, url_file) = (directory.path().join("data"), directory.path().join("url"));
    let mut postgres = Postgres::start_with(&[("fsync", "off")]);
    fs::write(&url_file, postgres.create_database()).unwrap();
    let server =
        sqlite(&data_dir).fixtures(&FixtureFile::of_the_vendors_page().write(directory.path())).start();

    let mut copying = copy(&data_dir, &url_file).spawn();
    copying.line(|line| line.starts_with("copied").then_some(()));
    postgres.kill();
    let ended = copying.ended();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    copy(&data_dir, &url_file).arg("--undo").run();
    let refused = Command::new(["server", "copy", "--undo", "--data-dir"]).arg(&data_dir).run();
    refused.assert_refused(&["another server is running"]);
    server.stop();

    sqlite(&data_dir).run().assert_refused(&["has moved to PostgreSQL"]);
    assert!(Command::new(["server", "copy", "--undo", "--data-dir"]).arg(&data_dir).run().status.success());
    sqlite(&data_dir).start().stop();

    // Begun once more, with a database that has remains of the first attempt in it.
    postgres.restart();
    assert!(copy(&data_dir, &url_file).run().status.success());
}

#[test]
fn only_an_empty_database_is_moved_to() {
    let directory = tempfile::tempdir().unwrap();
    let (data_dir, url_file) = (directory.path().join("data"), directory.path().join("url"));
    fs::write(&url_file, Postgres::shared_database()).unwrap();
    let fixtures = FixtureFile::of_the_vendors_page().write(directory.path());
    let node = |listen: &str| {
        let command = Command::new(["server", "--listen", listen, "--database-url-file"]).arg(&url_file);
        command.arg("--key-file").arg(directory.path().join("key"))
    };
    node("127.0.0.1:0").fixtures(&fixtures).start().stop();
    sqlite(&data_dir).start().stop();
    copy(&data_dir, &url_file).run().assert_refused(&["not empty"]);
    sqlite(&data_dir).start().stop();
}

fn sqlite(data_dir: &Path) -> Command {
    Command::server(data_dir).args(["--rotation-grace", "60", "--rate-limit", "off"])
}

fn copy(data_dir: &Path, url_file: &Path) -> Command {
    Command::new(["server", "copy", "--data-dir"]).arg(data_dir).arg("--to-file").arg(url_file)
}

fn imported(grant: usize) -> String {
    format!("imported-refresh-token-{grant:06}")
}

fn fixtures(directory: &Path) -> std::path::PathBuf {
    let mut file = FixtureFile::with_people();
    file.app(APP);
    for account in 0..grants() / EACH {
        let email_address = format!("jill-{account}@example.com");
        file.account(&email_address);
        for grant in account * EACH..(account + 1) * EACH {
            file.grant(APP.client_id, &email_address, &imported(grant));
        }
    }
    file.write(directory)
}

/// Rotates grants, and ends one of ten, until the server has let its database go.
fn work(address: SocketAddr, worker: usize, is_over: &AtomicBool) -> HashMap<usize, Known> {
    let mine = (0..BUSY).filter(|grant| grant % WORKERS == worker);
    let mut known: HashMap<usize, Known> = mine.map(|grant| (grant, Known::Live(imported(grant)))).collect();
    let mut connection = Connection::open(address).unwrap();
    for round in 0.. {
        for grant in (0..BUSY).filter(|grant| grant % WORKERS == worker) {
            if is_over.load(Ordering::Acquire) {
                return known;
            }
            let Some(Known::Live(token)) = known.get(&grant).cloned() else { continue };
            let is_revocation = round == 1 && grant % 10 < 2;
            let answer = match is_revocation {
                true => connection.post_form("/oauth/revoke", &[("token", &token), CLIENT[0], CLIENT[1]]),
                false => connection.post_form("/oauth/token?refresh", &refreshing(&token)),
            };
            let now = match answer {
                Ok(answer) if answer.status == 200 && is_revocation => Known::Revoked(token),
                Ok(answer) if answer.status == 200 => Known::Live(answer.string("refresh_token")),
                Ok(answer) => {
                    assert_eq!(answer.status, 503, "{answer:?}");
                    assert!(answer.header("retry-after").is_some(), "{answer:?}");
                    Known::Uncertain { token, is_revocation }
                }
                Err(error) => panic!("{error}"),
            };
            known.insert(grant, now);
        }
    }
    known
}

const CLIENT: [(&str, &str); 2] = [("client_id", APP.client_id), ("client_secret", APP.client_secret)];

fn refreshing(token: &str) -> [(&str, &str); 4] {
    [("grant_type", "refresh_token"), ("refresh_token", token), CLIENT[0], CLIENT[1]]
}

fn refresh(address: SocketAddr, token: &str) -> Option<u16> {
    let answer =
        Connection::open(address).ok()?.post_form("/oauth/token?refresh", &refreshing(token)).ok()?;
    Some(answer.status)
}

/// Every live grant can be refreshed with the token that was answered last, and no ended one.
fn check(node: &Server, known: &HashMap<usize, Known>) {
    let mut connection = Connection::open(node.address()).unwrap();
    for grant in 0..grants() {
        let live = Known::Live(imported(grant));
        let known = known.get(&grant).unwrap_or(&live);
        let (token, allowed): (_, &[u16]) = match known {
            Known::Live(token) | Known::Uncertain { token, is_revocation: false } => (token, &[200]),
            Known::Revoked(token) => (token, &[400]),
            Known::Uncertain { token, is_revocation: true } => (token, &[200, 400]),
        };
        let answer = connection.post_form("/oauth/token?refresh", &refreshing(token)).unwrap();
        assert!(allowed.contains(&answer.status), "grant {grant}, {known:?}: {answer:?}");
        if answer.status == 400 {
            answer.assert_refused(400, "invalid_grant");
        }
    }
}
