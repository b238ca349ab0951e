//! `POST /v3/account/create`

use hellosign_server::Profile;
use hellosign_testkit::{ACCOUNT, CLIENT_ID, CLIENT_SECRET, TestServer};
use serde_json::json;

const NEW: &str = "joan@example.com";

#[tokio::test]
async fn a_new_account_is_unconfirmed_and_its_app_has_tokens() {
    let server = TestServer::spawn().await;
    let request = json!({"email_address": NEW, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "locale": "fr-FR"});
    let answer = server.api("POST", "/v3/account/create", Some(&request)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let created = answer.json();
    assert_eq!(created["account"]["email_address"], NEW);
    assert_eq!(created["account"]["locale"], "fr-FR");
    let tokens = &created["oauth_data"];
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(86400)));
    assert_eq!(tokens.get("state"), None);

    let server = server.restart().await;
    let refreshed = server.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    for access_token in [tokens["access_token"].as_str().unwrap(), &refreshed.text("access_token")] {
        let account = server.account(access_token).await.json();
        assert_eq!(account["account"]["email_address"], NEW);
        assert_eq!(account["warnings"][0]["warning_name"], "unconfirmed");
    }
}

#[tokio::test]
async fn without_an_app_there_are_no_tokens() {
    let server = TestServer::spawn().await;
    let answer = server.api("POST", "/v3/account/create", Some(&json!({"email_address": NEW}))).await;
    assert_eq!((answer.status, answer.json().get("oauth_data")), (200, None));
}

#[tokio::test]
async fn where_confirmation_is_required_tokens_wait_for_it() {
    let request = json!({"email_address": NEW, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET});
    let strict = TestServer::spawn_with(|config| config.profile = Profile::Strict).await;
    let switched = TestServer::spawn_with(|config| {
        config.fixtures.api_apps[0].switches.confirmation_required = Some(true);
    })
    .await;
    for server in [strict, switched] {
        let answer = server.api("POST", "/v3/account/create", Some(&request)).await;
        assert_eq!((answer.status, answer.json().get("oauth_data")), (200, None), "{answer:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_makes_nothing() {
    let server = TestServer::spawn().await;
    for (request, path) in [
        (json!({"email_address": "jill@EXAMPLE.com"}), "email_address"),
        (json!({"email_address": ""}), "email_address"),
        (json!({}), "email_address"),
        (json!({"email_address": NEW, "locale": "x"}), "locale"),
        (json!({"email_address": NEW, "client_id": CLIENT_ID}), "client_id"),
        (json!({"email_address": NEW, "client_id": CLIENT_ID, "client_secret": "wrong"}), "client_id"),
        (json!({"email_address": NEW, "client_id": "nobody", "client_secret": CLIENT_SECRET}), "client_id"),
    ] {
        let answer = server.api("POST", "/v3/account/create", Some(&request)).await;
        let error = &answer.json()["error"];
        assert_eq!((answer.status, &error["error_name"]), (400, &json!("bad_request")), "{answer:?}");
        assert_eq!(error["error_path"], path, "{answer:?}");
    }
    let verify = |address| json!({"email_address": address});
    assert_eq!(server.api("POST", "/v3/account/verify", Some(&verify(NEW))).await.body, "{}");
    assert_ne!(server.api("POST", "/v3/account/verify", Some(&verify(ACCOUNT))).await.body, "{}");
}
