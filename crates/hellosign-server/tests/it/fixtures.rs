//! Loading fixtures, and loading them again.

use std::time::Duration;

use hellosign_server::fixtures::{AuthorizationCode, Grant};
use hellosign_testkit::{ACCOUNT, CLIENT_ID, CODE, REFRESH_TOKEN, ROTATING_TOKEN, TestServer};

#[tokio::test]
async fn loading_again_brings_nothing_back() {
    let server = TestServer::spawn().await;
    assert_eq!(server.exchange(CODE).await.status, 200);
    let current = server.rotate(ROTATING_TOKEN).await.text("refresh_token");
    server.rotate(&current).await;

    let server = server.restart().await;
    assert_eq!(server.exchange(CODE).await.status, 400, "a code that was used");
    server.clock().advance(Duration::from_secs(10));
    assert_eq!(server.rotate(ROTATING_TOKEN).await.status, 400, "a token that was spent");

    let server = server.restart().await;
    assert_eq!(server.rotate(&current).await.status, 400, "a grant that was revoked");
    server.clock().advance(Duration::from_secs(7200));
    let server = server.restart().await;
    assert_eq!(server.exchange(CODE).await.status, 400, "a code that was forgotten");
}

#[tokio::test]
async fn what_is_new_in_the_file_is_added_and_what_changed_is_not() {
    let server = TestServer::spawn().await;
    let server = server
        .restart_with(|config| {
            config.fixtures.api_apps[0].client_secret = Some("another".into());
            config.fixtures.authorization_codes.push(AuthorizationCode::new("new", CLIENT_ID, ACCOUNT));
            config.fixtures.grants.push(Grant::new(CLIENT_ID, ACCOUNT, "new"));
        })
        .await;
    assert_eq!(server.refresh(REFRESH_TOKEN).await.status, 200, "with the secret that was loaded first");
    assert_eq!(server.exchange("new").await.status, 200);
    assert_eq!(server.refresh("new").await.status, 200);
}

#[tokio::test]
async fn the_account_that_approves_has_to_be_there() {
    let data_dir = tempfile::tempdir().unwrap();
    let mut config = hellosign_testkit::config(&data_dir, &std::sync::Arc::default());
    config.auto_approve = Some("nobody@example.com".to_owned());
    let error = hellosign_server::Server::open(config).await.unwrap_err().to_string();
    assert!(error.contains("no account has the address nobody@example.com"), "{error}");
}
