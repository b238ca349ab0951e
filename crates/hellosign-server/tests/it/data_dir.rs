//! What a server needs of its data directory.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use hellosign_server::{Database, KeySource, Server, ServerKeys, SystemRandom};
use hellosign_testkit::{CODE, TestServer, config};
use tempfile::TempDir;

async fn refusal(data_dir: &TempDir) -> String {
    Server::open(config(data_dir, &Arc::default())).await.expect_err("should be refused").to_string()
}

#[tokio::test]
async fn is_for_its_owner_only() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("made/on/the/way");
    let mut config = config(&parent, &Arc::default());
    config.database = Database::DataDir(path.clone());
    let _server = Server::open(config).await.unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    for entry in fs::read_dir(&path).unwrap() {
        let entry = entry.unwrap().path();
        assert_eq!(mode(&entry), 0o600, "{}", entry.display());
    }
    assert!(path.join("server.key").exists());
}

#[tokio::test]
async fn is_served_by_one_server_at_a_time() {
    let data_dir = tempfile::tempdir().unwrap();
    let first = Server::open(config(&data_dir, &Arc::default())).await.unwrap();
    assert!(refusal(&data_dir).await.starts_with("another server is running on the data directory"));
    drop(first);
    // The writer's thread lets go a moment later; the lock is the server's own and is gone.
    assert!(Server::open(config(&data_dir, &Arc::default())).await.is_ok());
}

#[tokio::test]
async fn a_database_without_its_secret_is_refused_and_gets_no_new_one() {
    let server = TestServer::spawn().await;
    let data_dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(server.data_dir()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "server.key" {
            fs::copy(entry.path(), data_dir.path().join(entry.file_name())).unwrap();
        }
    }
    let error = refusal(&data_dir).await;
    assert!(error.contains("server.key is not; restore it"), "{error}");
    assert!(!data_dir.path().join("server.key").exists());

    fs::write(data_dir.path().join("server.key"), ServerKeys::generate(&SystemRandom).to_text().as_bytes())
        .unwrap();
    let error = refusal(&data_dir).await;
    assert!(error.contains("the key file lacks key"), "{error}");

    let text = fs::read_to_string(server.data_dir().join("server.key")).unwrap();
    let line = text.lines().find(|line| line.starts_with("key ")).unwrap();
    fs::write(data_dir.path().join("server.key"), format!("{}{}", &line[..13], "0".repeat(64))).unwrap();
    let error = refusal(&data_dir).await;
    assert!(error.contains("is not the secret that made this database"), "{error}");

    fs::write(data_dir.path().join("server.key"), "nonsense").unwrap();
    let error = refusal(&data_dir).await;
    assert!(error.contains("line 1 of the key file"), "{error}");
}

#[tokio::test]
async fn the_secret_may_be_elsewhere() {
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("keys");
    let server = TestServer::spawn_with(|config| config.keys = KeySource::File(path.clone())).await;
    let token = server.exchange(CODE).await.text("access_token");
    assert!(!server.data_dir().join("server.key").exists());
    let keys = ServerKeys::parse(&fs::read_to_string(&path).unwrap()).unwrap();
    let server = server.restart_with(|config| config.keys = KeySource::Given(Arc::new(keys))).await;
    assert_eq!(server.account(&token).await.status, 200);
}

#[tokio::test]
async fn a_newer_database_is_refused() {
    let data_dir = tempfile::tempdir().unwrap();
    drop(Server::open(config(&data_dir, &Arc::default())).await.unwrap());
    let database = rusqlite::Connection::open(data_dir.path().join("hellosign.db")).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    assert!(refusal(&data_dir).await.contains("made by a newer release (schema 99"));
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let data_dir = tempfile::tempdir().unwrap();
    fs::write(data_dir.path().join("hellosign.db"), "not a database, and longer than a header".repeat(100))
        .unwrap();
    assert!(refusal(&data_dir).await.contains("hellosign.db cannot be used"));
}
