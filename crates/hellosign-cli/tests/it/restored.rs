//! A database that was set back to a backup: users go on, and a token of the lost time is none of those that are issued
//! anew.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use hellosign_testkit::{Postgres, psql};

use crate::harness::{App, Command, FixtureFile, JILL, Server, post_form, wait_until};

const APP: App<'_> = App { client_id: "rotating", client_secret: "rotating-secret", rotates: true };
const FIRST: &str = "imported-refresh-token";

fn refresh(server: &Server, token: &str) -> (u16, Option<String>) {
    let answer = post_form(
        server.address(),
        "/oauth/token?refresh",
        &[
            ("grant_type", "refresh_token"),
            ("client_id", APP.client_id),
            ("client_secret", APP.client_secret),
            ("refresh_token", token),
        ],
    );
    (answer.status, answer.json()["refresh_token"].as_str().map(str::to_owned))
}

fn rotate(server: &Server, token: &str) -> String {
    refresh(server, token).1.expect("a successor")
}

/// Rotates, takes a backup, rotates on, sets the database back. The user who was away goes on with the token of the
/// backup; then the token of the lost time with the same number comes.
fn hold(start: impl Fn() -> Server, backup: impl FnOnce(), restore: impl FnOnce(), say_so: impl FnOnce()) {
    let server = start();
    let kept = rotate(&server, FIRST);
    server.stop();
    backup();
    let server = start();
    let lost = rotate(&server, &kept);
    server.stop();
    restore();
    say_so();
    let server = start();
    let anew = rotate(&server, &kept);
    assert_ne!(anew, lost);
    assert_eq!(
        refresh(&server, &lost).0,
        400,
        "another timeline's token with the number of the one in force"
    );
    assert_eq!(refresh(&server, &anew).0, 200, "and nothing follows from it");
}

fn fixtures(directory: &Path) -> std::path::PathBuf {
    let mut file = FixtureFile::with_people();
    file.app(APP);
    file.grant(APP.client_id, JILL, FIRST);
    file.write(directory)
}

#[test]
fn a_data_directory() {
    let directory = tempfile::tempdir().unwrap();
    let (data_dir, copy) = (directory.path().join("data"), directory.path().join("copy"));
    let fixtures = fixtures(directory.path());
    fs::create_dir(&copy).unwrap();
    hold(
        || Command::server(&data_dir).fixtures(&fixtures).start(),
        || copy_database(&data_dir, &copy),
        || copy_database(&copy, &data_dir),
        || {
            let ended = Command::new(["server", "restored", "--data-dir"]).arg(&data_dir).run();
            assert!(ended.stdout.contains("epoch 1 begins"), "{ended:?}");
        },
    );
}

/// SQLite's files, while nobody has them open.
fn copy_database(from: &Path, to: &Path) {
    for name in ["hellosign.db", "hellosign.db-wal", "hellosign.db-shm"] {
        let _ = fs::remove_file(to.join(name));
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

#[test]
fn a_postgresql_database() {
    let directory = tempfile::tempdir().unwrap();
    let (url, url_file) = (Postgres::shared_database(), directory.path().join("url"));
    fs::write(&url_file, &url).unwrap();
    let fixtures = fixtures(directory.path());
    hold(
        || {
            let command =
                Command::new(["server", "--listen", "127.0.0.1:0", "--database-url-file"]).arg(&url_file);
            command.arg("--key-file").arg(directory.path().join("key")).fixtures(&fixtures).start()
        },
        || drop(psql(&url, "CREATE TABLE backup AS SELECT * FROM grants")),
        || drop(psql(&url, "DELETE FROM grants; INSERT INTO grants SELECT * FROM backup")),
        || {
            // While a node is being started, which takes longer than a statement may wait elsewhere.
            let hold =
                "BEGIN; SELECT 1 FROM meta WHERE name = 'epoch' FOR UPDATE; SELECT pg_sleep(1); COMMIT";
            let holding = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
            let ended = thread::scope(|scope| {
                let held = scope.spawn(|| psql(&url, hold));
                assert!(wait_until(Duration::from_secs(30), || psql(&url, holding) == "1"));
                let restored = Command::new(["server", "restored", "--database-url-file"]).arg(&url_file);
                let ended = restored.run();
                held.join().unwrap();
                ended
            });
            assert!(ended.stdout.contains("epoch 1 begins"), "{ended:?}");
        },
    );
}
