//! Rolling the server's secret.

use std::fs;

use hellosign_server::{DataDir, KeyEntry, KeyId, KeySource, KeyState};
use hellosign_testkit::{API_KEY, CODE, REFRESH_TOKEN, ROTATING_TOKEN, Request, TestServer, basic};

/// Works on a server's data directory while it is stopped.
async fn between<T>(server: TestServer, work: impl FnOnce(&mut DataDir) -> T) -> (TestServer, T) {
    let path = server.data_dir().to_owned();
    let mut result = None;
    let server = server
        .restart_with(|_| result = Some(work(&mut DataDir::open(&path, KeySource::DataDir).unwrap())))
        .await;
    (server, result.unwrap())
}

/// A second key, which issues. Gives the first one's id and its own.
fn roll(data_dir: &mut DataDir) -> (KeyId, KeyId) {
    let old = data_dir.keys().unwrap()[0].id;
    let new = data_dir.add_key().unwrap();
    data_dir.issue_with(new).unwrap();
    (old, new)
}

fn entry(data_dir: &DataDir, id: KeyId) -> KeyEntry {
    data_dir.keys().unwrap().into_iter().find(|key| key.id == id).unwrap()
}

#[tokio::test]
async fn rolls_without_anybody_noticing() {
    let server = TestServer::spawn().await;
    let before = server.exchange(CODE).await;
    let rotated = server.rotate(ROTATING_TOKEN).await.text("refresh_token");

    let (server, (old, new)) = between(server, roll).await;

    assert_eq!(server.account(&before.text("access_token")).await.status, 200);
    let refreshed = server.refresh(&before.text("refresh_token")).await;
    assert_eq!(refreshed.status, 200);
    assert_ne!(refreshed.text("refresh_token"), before.text("refresh_token"), "one under the new key");
    let rotated = server.rotate(&rotated).await.text("refresh_token");
    assert_eq!(server.refresh(REFRESH_TOKEN).await.status, 200);
    let api_key = Request::new("GET", "/v3/account").header("Authorization", &basic(API_KEY, ""));
    assert_eq!(server.send(api_key.clone()).await.status, 200);
    // The other imported token was spent before the roll and is kept under the old key: it is no use.
    let (server, ended) = between(server, |data_dir| {
        assert_eq!(entry(data_dir, old).state, KeyState::Accepted);
        assert_eq!(entry(data_dir, new).uses.client_secrets, 2, "both apps have authenticated since");
        data_dir.revoke_key(old).unwrap()
    })
    .await;
    assert_eq!((ended.client_secrets, ended.api_keys, ended.imported_tokens), (0, 0, 1));

    assert_eq!(server.account(&before.text("access_token")).await.status, 401, "made with the revoked key");
    assert_eq!(server.refresh(&before.text("refresh_token")).await.oauth_error().1, "invalid_grant");
    assert_eq!(server.account(&refreshed.text("access_token")).await.status, 200);
    assert_eq!(server.refresh(&refreshed.text("refresh_token")).await.status, 200);
    assert_eq!(server.rotate(&rotated).await.status, 200);
    assert_eq!(server.refresh(REFRESH_TOKEN).await.status, 200);
    assert_eq!(server.send(api_key).await.status, 200);
}

#[tokio::test]
async fn a_revoked_key_does_not_come_back_with_the_key_file() {
    let server = TestServer::spawn().await;
    let token = server.exchange(CODE).await.text("access_token");
    let (server, (old, _)) = between(server, |data_dir| {
        let (old, new) = roll(data_dir);
        data_dir.revoke_key(old).unwrap();
        (old, new)
    })
    .await;
    let text = fs::read_to_string(server.data_dir().join("server.key")).unwrap();
    assert!(text.contains(&format!("key {old} ")), "the file still has it");
    assert_eq!(server.account(&token).await.status, 401);
    let (_, refusal) = between(server, |data_dir| data_dir.issue_with(old).unwrap_err().to_string()).await;
    assert!(refusal.contains("is revoked, and stays so"), "{refusal}");
}

#[tokio::test]
async fn fixtures_stay_loaded_through_a_roll() {
    let server = TestServer::spawn().await;
    // The code is spent, and its second presentation ends the grant.
    let token = server.exchange(CODE).await.text("access_token");
    let (server, (old, _)) = between(server, roll).await;
    let (server, _) = between(server, |data_dir| data_dir.revoke_key(old).unwrap()).await;
    assert_eq!(server.exchange(CODE).await.status, 400, "it is not loaded again");
    assert_eq!(server.account(&token).await.status, 401);
}

#[tokio::test]
async fn a_key_file_of_another_database_leaves_no_trace() {
    let (ours, theirs) = (TestServer::spawn().await, TestServer::spawn().await);
    let key_file = theirs.data_dir().join("server.key");
    let path = ours.data_dir().to_owned();
    ours.restart_with(|_| {
        let error = DataDir::open(&path, KeySource::File(key_file)).unwrap_err().to_string();
        assert!(error.contains("the key file lacks key"), "{error}");
        assert_eq!(DataDir::open(&path, KeySource::DataDir).unwrap().keys().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_a_sentence() {
    let server = TestServer::spawn().await;
    let error = DataDir::open(server.data_dir(), KeySource::DataDir).unwrap_err().to_string();
    assert!(error.contains("another server is running"), "{error}");

    let (_, errors) = between(server, |data_dir| {
        let issuing = data_dir.keys().unwrap()[0].id;
        let unknown: KeyId = "00000000".parse().unwrap();
        [
            data_dir.revoke_key(issuing).unwrap_err().to_string(),
            data_dir.revoke_key(unknown).unwrap_err().to_string(),
            data_dir.issue_with(unknown).unwrap_err().to_string(),
        ]
    })
    .await;
    assert!(errors[0].contains("have another one issue first"), "{errors:?}");
    assert!(errors[1..].iter().all(|error| error.contains("no key has the id 00000000")), "{errors:?}");

    let empty = tempfile::tempdir().unwrap();
    let error = DataDir::open(empty.path(), KeySource::DataDir).unwrap_err().to_string();
    assert!(error.contains("there is no database"), "{error}");
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0, "nothing was made");
}
