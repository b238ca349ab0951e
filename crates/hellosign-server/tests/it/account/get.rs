//! `GET /v3/account`

use std::time::Duration;

use hellosign_testkit::{ACCOUNT, API_KEY, CODE, OWNER, REFRESH_TOKEN, Request, TestServer, basic};

async fn with(server: &TestServer, authorization: &str) -> (u16, String) {
    let answer = server.send(Request::new("GET", "/v3/account").header("Authorization", authorization)).await;
    let error = answer.json()["error"]["error_msg"].as_str().unwrap_or_default().to_owned();
    (answer.status, error)
}

#[tokio::test]
async fn an_api_key_reads_its_account() {
    let server = TestServer::spawn().await;
    let answer =
        server.send(Request::new("GET", "/v3/account").header("Authorization", &basic(API_KEY, ""))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let account = &answer.json()["account"];
    assert_eq!(account["email_address"], OWNER);
    assert_eq!(account["account_id"].as_str().unwrap().len(), 40);
    assert!(account["quotas"]["documents_left"].is_null());
}

#[tokio::test]
async fn no_credentials_and_wrong_ones_are_401_in_the_vendors_words() {
    let server = TestServer::spawn().await;
    let none = server.send(Request::new("GET", "/v3/account")).await;
    assert_eq!(none.status, 401);
    assert_eq!(none.header("www-authenticate"), Some("Bearer"), "no error: nothing was tried");
    assert_eq!(none.json()["error"]["error_name"], "unauthorized");
    assert_eq!(none.json()["error"]["error_msg"], "Unauthorized user. No credentials supplied.");
    assert_eq!(with(&server, &basic("wrong", "")).await, (401, "Unauthorized api key".to_owned()));
    for nothing in ["Basic", "Basic ???", "Negotiate x", &basic("", "")] {
        assert_eq!(
            with(&server, nothing).await.1,
            "Unauthorized user. No credentials supplied.",
            "{nothing}"
        );
    }
    let bearer =
        server.send(Request::new("GET", "/v3/account").header("Authorization", "Bearer wrong")).await;
    assert_eq!(bearer.status, 401);
    assert_eq!(bearer.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
}

#[tokio::test]
async fn an_access_token_is_good_for_its_lifetime() {
    let server = TestServer::spawn_with(|config| config.access_token_ttl = Duration::from_secs(60)).await;
    let tokens = server.exchange(CODE).await;
    assert_eq!(tokens.json()["expires_in"], 60);
    server.clock().advance(Duration::from_millis(59_999));
    let answer = server.account(&tokens.text("access_token")).await;
    assert_eq!(answer.json()["account"]["email_address"], ACCOUNT);
    server.clock().advance(Duration::from_millis(1));
    assert_eq!(server.account(&tokens.text("access_token")).await.status, 401);
}

#[tokio::test]
async fn one_character_off_is_another_token() {
    let server = TestServer::spawn().await;
    let token = server.exchange(CODE).await.text("access_token");
    for at in [0, 10, 40, token.len() - 1] {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(server.account(std::str::from_utf8(&changed).unwrap()).await.status, 401, "{at}");
    }
}

#[tokio::test]
async fn a_scope_is_needed() {
    let server = TestServer::spawn_with(|config| {
        config.fixtures.api_apps[0].scopes = vec!["request_signature".into()]
    })
    .await;
    let token = server.refresh(REFRESH_TOKEN).await.text("access_token");
    let answer = server.account(&token).await;
    assert_eq!((answer.status, &answer.json()["error"]["error_name"]), (403, &"forbidden".into()));
    let challenge = "Bearer error=\"insufficient_scope\", scope=\"basic_account_info account_access\"";
    assert_eq!(answer.header("www-authenticate"), Some(challenge));
}

#[tokio::test]
async fn only_ones_own_account_is_there_to_be_asked_for() {
    let server = TestServer::spawn().await;
    let ask = |query: &str| {
        Request::new("GET", &format!("/v3/account?{query}")).header("Authorization", &basic(API_KEY, ""))
    };
    assert_eq!(server.send(ask("email_address=JACK%40example.com")).await.status, 200);
    assert_eq!(server.send(ask("email_address=")).await.status, 200);
    let other = server.send(ask("email_address=jill%40example.com")).await;
    assert_eq!((other.status, &other.json()["error"]["error_name"]), (404, &"not_found".into()));
    assert_eq!(server.send(ask("account_id=00")).await.status, 404);
}
