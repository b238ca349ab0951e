//! A refresh token for a new access token, without rotation.

use std::time::Duration;

use hellosign_testkit::Request;
use hellosign_testkit::{
    ACCOUNT, CLIENT_ID, CLIENT_SECRET, CODE, REFRESH_TOKEN, ROTATING_ID, TestServer, basic, form,
};

use super::{BAD_CODE, error};

fn bad_token() -> (u16, String, String) {
    error(400, "invalid_grant", "Invalid grant data (refresh token)")
}

#[tokio::test]
async fn gives_another_access_token_and_stays_what_it_is() {
    let server = TestServer::spawn().await;
    let exchanged = server.exchange(CODE).await;
    for token in [REFRESH_TOKEN.to_owned(), exchanged.text("refresh_token")] {
        let first = server.refresh(&token).await;
        let second = server.refresh(&token).await;
        assert_eq!(first.status, 200, "{first:?}");
        assert_eq!(first.text("refresh_token"), token);
        assert_eq!(first.json()["expires_in"], 86400);
        assert!(first.json().get("state").is_none());
        assert_ne!(first.text("access_token"), second.text("access_token"));
        for answer in [&first, &second] {
            assert_eq!(
                server.account(&answer.text("access_token")).await.json()["account"]["email_address"],
                ACCOUNT
            );
        }
    }
}

#[tokio::test]
async fn survives_a_restart() {
    let server = TestServer::spawn().await;
    let exchanged = server.exchange(CODE).await;
    let server = server.restart().await;
    assert_eq!(server.account(&exchanged.text("access_token")).await.status, 200);
    assert_eq!(server.refresh(&exchanged.text("refresh_token")).await.status, 200);
    assert_eq!(server.refresh(REFRESH_TOKEN).await.status, 200);
}

#[tokio::test]
async fn an_older_access_token_lives_until_its_own_expiry() {
    let server = TestServer::spawn().await;
    let old = server.refresh(REFRESH_TOKEN).await.text("access_token");
    server.clock().advance(Duration::from_secs(43200));
    let new = server.refresh(REFRESH_TOKEN).await.text("access_token");
    assert_eq!(server.account(&old).await.status, 200);
    server.clock().advance(Duration::from_secs(43200));
    assert_eq!(server.account(&old).await.status, 401);
    assert_eq!(server.account(&new).await.status, 200);
}

#[tokio::test]
async fn is_unknown_before_its_apps_rules_are_looked_at() {
    let server = TestServer::spawn().await;
    let ask = |token: &'static str| [("grant_type", "refresh_token"), ("refresh_token", token)];
    assert_eq!(server.token(&ask("unknown")).await.oauth_error(), bad_token());
    assert_eq!(
        server.token(&ask(REFRESH_TOKEN)).await.oauth_error(),
        error(400, "invalid_request", "Parameter client_id is missing")
    );
    assert_eq!(
        server.token(&[("grant_type", "refresh_token")]).await.oauth_error(),
        error(400, "invalid_request", "Parameter refresh_token is missing")
    );
}

#[tokio::test]
async fn belongs_to_its_client() {
    let server = TestServer::spawn().await;
    assert_eq!(server.rotate(REFRESH_TOKEN).await.oauth_error(), bad_token());
    let as_client = |client_id: &'static str, client_secret: &'static str| {
        [
            ("grant_type", "refresh_token"),
            ("refresh_token", REFRESH_TOKEN),
            ("client_id", client_id),
            ("client_secret", client_secret),
        ]
    };
    assert_eq!(server.token(&as_client(CLIENT_ID, "wrong")).await.text("error"), "invalid_client");
    let unknown = server.token(&as_client("unknown", CLIENT_SECRET)).await;
    assert_eq!(unknown.oauth_error(), error(400, "invalid_request", BAD_CODE));
    let no_secret = server.token(&as_client(CLIENT_ID, "")).await;
    assert_eq!(no_secret.text("error_description"), "Parameter client_secret is missing");
    assert_eq!(server.token(&as_client(CLIENT_ID, CLIENT_SECRET)).await.status, 200);
}

#[tokio::test]
async fn an_access_token_is_no_refresh_token_and_the_other_way_round() {
    let server = TestServer::spawn().await;
    let tokens = server.exchange(CODE).await;
    assert_eq!(server.refresh(&tokens.text("access_token")).await.oauth_error(), bad_token());
    assert_eq!(server.account(&tokens.text("refresh_token")).await.status, 401);
}

#[tokio::test]
async fn credentials_may_be_left_out_where_the_app_says_so_but_not_be_wrong() {
    let server = TestServer::spawn_with(|config| {
        config.fixtures.api_apps[0].switches.refresh_credentials_required = Some(false)
    })
    .await;
    let ask = |more: &[(&'static str, &'static str)]| {
        let mut parameters = vec![("grant_type", "refresh_token"), ("refresh_token", REFRESH_TOKEN)];
        parameters.extend_from_slice(more);
        parameters
    };
    assert_eq!(server.token(&ask(&[])).await.status, 200);
    assert_eq!(server.token(&ask(&[("client_id", CLIENT_ID)])).await.status, 200);
    assert_eq!(server.token(&ask(&[("client_id", ROTATING_ID)])).await.oauth_error(), bad_token());
    let wrong = [("client_id", CLIENT_ID), ("client_secret", "wrong")];
    assert_eq!(server.token(&ask(&wrong)).await.text("error"), "invalid_client");
    // The vendor's old clients send their API key, and no credentials.
    let old = Request::new("POST", "/oauth/token")
        .header("Authorization", &basic("some-api-key", ""))
        .body("application/x-www-form-urlencoded", form(&ask(&[])));
    assert_eq!(server.send(old).await.status, 200);
}
