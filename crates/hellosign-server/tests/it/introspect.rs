//! `POST /oauth/introspect` (RFC 7662)

use std::time::Duration;

use hellosign_server::fixtures::ResourceServer;
use hellosign_testkit::{
    ACCOUNT, CLIENT_ID, CLIENT_SECRET, CODE, OWNER, REFRESH_TOKEN, ROTATING_ID, ROTATING_TOKEN, Request,
    TestServer, form,
};
use hellosign_wire::scope::Scope;
use serde_json::{Value, json};

async fn introspect(server: &TestServer, client_id: &str, token: &str) -> Value {
    let parameters = [("client_id", client_id), ("client_secret", CLIENT_SECRET), ("token", token)];
    let request = Request::new("POST", "/oauth/introspect");
    let answer = server.send(request.body("application/x-www-form-urlencoded", form(&parameters))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn inactive() -> Value {
    json!({ "active": false })
}

#[tokio::test]
async fn an_app_learns_all_about_its_own_tokens() {
    let server = TestServer::spawn().await;
    let tokens = server.exchange(CODE).await;
    let account = server.account(&tokens.text("access_token")).await.json();
    let answer = introspect(&server, CLIENT_ID, &tokens.text("access_token")).await;
    let issued_at = answer["iat"].as_i64().unwrap();
    let expected = json!({
        "active": true,
        "scope": "basic_account_info request_signature",
        "client_id": CLIENT_ID,
        "username": ACCOUNT,
        "sub": account["account"]["account_id"],
        "token_type": "Bearer",
        "iat": issued_at,
        "exp": issued_at + 86_400,
    });
    assert_eq!(answer, expected);

    let answer = introspect(&server, CLIENT_ID, &tokens.text("refresh_token")).await;
    assert_eq!(answer["token_type"], "refresh_token");
    assert!(answer.get("exp").is_none(), "it does not expire");
    assert_eq!(introspect(&server, CLIENT_ID, REFRESH_TOKEN).await["active"], true, "an imported one, too");
}

#[tokio::test]
async fn anything_else_is_inactive_and_nothing_more() {
    let server = TestServer::spawn().await;
    let tokens = server.exchange(CODE).await;
    let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
    for token in [access.as_str(), refresh.as_str(), "unknown"] {
        assert_eq!(introspect(&server, ROTATING_ID, token).await, inactive(), "another app's");
    }
    assert_eq!(introspect(&server, CLIENT_ID, "unknown").await, inactive());
    server.clock().advance(Duration::from_secs(86_401));
    assert_eq!(introspect(&server, CLIENT_ID, &access).await, inactive(), "expired");
    assert_eq!(introspect(&server, CLIENT_ID, &refresh).await["active"], true);

    let body = form(&[("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET), ("token", &refresh)]);
    server.send(Request::new("POST", "/oauth/revoke").body("application/x-www-form-urlencoded", body)).await;
    assert_eq!(introspect(&server, CLIENT_ID, &refresh).await, inactive(), "revoked");
}

/// A spent token that is presented for tokens ends its grant. Asking about it does not.
#[tokio::test]
async fn asking_changes_nothing() {
    let server = TestServer::spawn().await;
    let first = server.rotate(ROTATING_TOKEN).await.text("refresh_token");
    let second = server.rotate(&first).await;
    assert_eq!(introspect(&server, ROTATING_ID, &first).await["active"], true, "its answer may be lost");
    server.account(&second.text("access_token")).await;
    // What is seen is written within a second of real time; a stop writes it for certain.
    let server = server.restart().await;
    server.clock().advance(Duration::from_secs(60));
    for spent in [ROTATING_TOKEN, first.as_str()] {
        assert_eq!(introspect(&server, ROTATING_ID, spent).await, inactive());
    }
    assert_eq!(introspect(&server, ROTATING_ID, &second.text("refresh_token")).await["active"], true);
    assert_eq!(server.rotate(&second.text("refresh_token")).await.status, 200);
}

#[tokio::test]
async fn a_resource_server_learns_of_access_tokens_that_are_for_it() {
    const GATEWAY: &str = "gateway";
    let with_scopes = |scopes: &'static [&str]| {
        TestServer::spawn_with(|config| {
            let mut gateway = ResourceServer::new(OWNER, GATEWAY, CLIENT_SECRET);
            gateway.scopes = scopes.iter().map(|scope| Scope::from(*scope)).collect();
            config.fixtures.resource_servers.push(gateway);
        })
    };
    let server = with_scopes(&["request_signature", "signature_request_access"]).await;
    let tokens = server.exchange(CODE).await;
    let access_token = tokens.text("access_token");
    let answer = introspect(&server, GATEWAY, &access_token).await;
    assert_eq!((&answer["active"], &answer["client_id"]), (&json!(true), &json!(CLIENT_ID)));
    assert_eq!(answer["scope"], "request_signature", "and of no other scope");
    assert_eq!(introspect(&server, GATEWAY, &tokens.text("refresh_token")).await, inactive());
    assert_eq!(introspect(&server, GATEWAY, REFRESH_TOKEN).await, inactive());

    // It is no app: nothing is issued to it, and its owner does not find it among apps.
    let refused = server
        .token(&[
            ("grant_type", "refresh_token"),
            ("client_id", GATEWAY),
            ("client_secret", CLIENT_SECRET),
            ("refresh_token", REFRESH_TOKEN),
        ])
        .await;
    assert_eq!(refused.text("error"), "invalid_grant");
    let create =
        json!({"email_address": "joan@example.com", "client_id": GATEWAY, "client_secret": CLIENT_SECRET});
    let created = server.api("POST", "/v3/account/create", Some(&create)).await;
    assert_eq!(created.json()["error"]["error_path"], "client_id", "{created:?}");
    let authorize = format!("/oauth/authorize?response_type=code&client_id={GATEWAY}&state=x");
    assert_eq!(server.send(Request::new("GET", &authorize)).await.status, 400);
    assert_eq!(server.api("GET", &format!("/v3/api_app/{GATEWAY}"), None).await.status, 404);
    assert_eq!(server.api("GET", "/v3/api_app/list", None).await.json()["list_info"]["num_results"], 2);

    let server = with_scopes(&["account_access"]).await;
    let access_token = server.exchange(CODE).await.text("access_token");
    assert_eq!(introspect(&server, GATEWAY, &access_token).await, inactive(), "not for it");
}
