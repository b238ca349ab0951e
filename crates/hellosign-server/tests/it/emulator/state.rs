//! Time, grants, apps, accounts, what was asked, and beginning anew.

use std::time::{Duration, Instant};

use hellosign_server::emulator::Fault;
use hellosign_server::{Profile, Switches};
use hellosign_testkit::{
    ACCOUNT, CLIENT_ID, CLIENT_SECRET, CODE, REFRESH_TOKEN, ROTATING_ID, ROTATING_TOKEN, Request, TestServer,
    basic,
};
use serde_json::json;

const DAY: Duration = Duration::from_secs(86400);

#[tokio::test]
async fn time_is_moved_and_stays_moved() {
    let server = TestServer::spawn().await;
    let token = server.refresh(REFRESH_TOKEN).await.text("access_token");
    let before = server.control().now();
    let after = server.control().advance(DAY).await.unwrap();
    assert_eq!(after.since(before), Some(DAY));
    assert_eq!(server.account(&token).await.status, 401);
    let server = server.restart().await;
    assert_eq!(server.control().now(), after);
    let token = server.refresh(REFRESH_TOKEN).await.text("access_token");
    assert_eq!(server.account(&token).await.status, 200);
}

#[tokio::test]
async fn access_tokens_expire_and_are_refreshed() {
    let server = TestServer::spawn().await;
    let another = server.exchange(CODE).await;
    let rotating = server.rotate(ROTATING_TOKEN).await;
    let token = server.refresh(REFRESH_TOKEN).await.text("access_token");
    assert_eq!(server.control().expire(CLIENT_ID, ACCOUNT).await.unwrap(), 2);
    for expired in [&token, &another.text("access_token")] {
        assert_eq!(server.account(expired).await.status, 401);
    }
    assert_eq!(server.account(&rotating.text("access_token")).await.status, 200, "another app's");
    let token = server.refresh(REFRESH_TOKEN).await.text("access_token");
    assert_eq!(server.account(&token).await.status, 200);
    let server = server.restart().await;
    assert_eq!(server.account(&another.text("access_token")).await.status, 401);
    assert_eq!(server.account(&token).await.status, 200);
    assert_eq!(server.control().expire(ROTATING_ID, ACCOUNT).await.unwrap(), 1);
    let next = server.rotate(&rotating.text("refresh_token")).await;
    assert_eq!(server.account(&next.text("access_token")).await.status, 200);
}

#[tokio::test]
async fn grants_are_revoked() {
    let server = TestServer::spawn().await;
    let token = server.refresh(REFRESH_TOKEN).await.text("access_token");
    assert_eq!(server.control().revoke(CLIENT_ID, ACCOUNT).await.unwrap(), 1);
    assert_eq!(server.control().revoke(CLIENT_ID, ACCOUNT).await.unwrap(), 0);
    assert_eq!(server.account(&token).await.status, 401);
    assert_eq!(server.refresh(REFRESH_TOKEN).await.text("error"), "invalid_grant");
    assert_eq!(server.rotate(ROTATING_TOKEN).await.status, 200);
    for (client_id, account) in [("nobody", ACCOUNT), (CLIENT_ID, "nobody@example.com")] {
        let error = server.control().revoke(client_id, account).await.unwrap_err().to_string();
        assert!(error.contains("nobody"), "{error}");
    }
}

#[tokio::test]
async fn an_app_rotates_from_now_on_or_no_more() {
    let server = TestServer::spawn().await;
    let set = async |rotation: Option<bool>, switches: &Switches| {
        server.control().set_app(CLIENT_ID, switches, rotation, None).await.unwrap();
    };
    let mut switches = Switches::default();
    assert_eq!(server.refresh(REFRESH_TOKEN).await.text("refresh_token"), REFRESH_TOKEN);
    set(Some(true), &switches).await;
    let next = server.refresh(REFRESH_TOKEN).await.text("refresh_token");
    assert_ne!(next, REFRESH_TOKEN);
    set(Some(false), &switches).await;
    assert_eq!(server.refresh(&next).await.text("refresh_token"), next);
    switches.refresh_credentials_required = Some(false);
    set(None, &switches).await;
    let bare = server.token(&[("grant_type", "refresh_token"), ("refresh_token", &next)]).await;
    assert_eq!(bare.status, 200, "{bare:?}");
    set(None, &Switches::default()).await;
    let bare = server.token(&[("grant_type", "refresh_token"), ("refresh_token", &next)]).await;
    assert_eq!(bare.text("refresh_token"), next, "what is not named stays");
}

#[tokio::test]
async fn accounts_are_confirmed_and_locked() {
    let server = TestServer::spawn().await;
    let token = server.refresh(REFRESH_TOKEN).await.text("access_token");
    let set =
        async |confirmed, locked| server.control().set_account(ACCOUNT, confirmed, locked).await.unwrap();
    set(Some(false), None).await;
    assert_eq!(server.account(&token).await.json()["warnings"][0]["warning_name"], "unconfirmed");
    set(Some(true), None).await;
    assert_eq!(server.account(&token).await.json().get("warnings"), None);
    set(None, Some(true)).await;
    assert_eq!(server.account(&token).await.status, 401);
    set(None, Some(false)).await;
    assert_eq!(
        server.refresh(REFRESH_TOKEN).await.text("error"),
        "invalid_grant",
        "locking ends grants for good"
    );
}

#[tokio::test]
async fn what_was_asked_is_remembered_without_its_secrets() {
    let server = TestServer::spawn().await;
    server.exchange(CODE).await;
    let request =
        json!({"email_address": "joan@example.com", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET});
    server.api("POST", "/v3/account/create", Some(&request)).await;
    server
        .send(Request::new("GET", "/oauth/authorize?state=s3cr3t&client_id=x").header("Cookie", "c=s3cr3t"))
        .await;
    let requests = server.control().requests();
    assert_eq!(
        requests.iter().map(|request| request.status).collect::<Vec<_>>(),
        [Some(200), Some(200), Some(400)]
    );
    let exchange = &requests[0];
    assert_eq!((exchange.method.as_str(), exchange.path.as_str()), ("POST", "/oauth/token"));
    assert_eq!(exchange.parameters["grant_type"], "authorization_code");
    assert_eq!(
        (exchange.parameters["code"].as_str(), exchange.parameters["client_id"].as_str()),
        ("[redacted]", CLIENT_ID)
    );
    assert_eq!(requests[1].parameters["email_address"], "joan@example.com");
    assert_eq!(requests[1].headers["authorization"], "Basic [redacted]");
    let shown = serde_json::to_string(&requests).unwrap();
    for secret in
        [CODE, CLIENT_SECRET, hellosign_testkit::API_KEY, "s3cr3t", &basic(hellosign_testkit::API_KEY, "")]
    {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    server.control().clear_requests();
    assert!(server.control().requests().is_empty());
    for _ in 0..1001 {
        server.send(Request::new("GET", "/")).await;
    }
    assert_eq!(server.control().requests().len(), 1000, "the oldest go");
}

#[tokio::test]
async fn a_reset_begins_anew_in_no_time() {
    let server = TestServer::spawn_with(|config| config.rate_limit = Some(20)).await;
    let started = server.control().now();
    let tokens = server.exchange(CODE).await;
    let rotated = server.rotate(ROTATING_TOKEN).await;
    server.control().advance(DAY * 400).await.unwrap();
    server.api("PUT", &format!("/v3/api_app/{CLIENT_ID}"), Some(&json!({"name": "Renamed"}))).await;
    server.api("POST", "/v3/account/create", Some(&json!({"email_address": "joan@example.com"}))).await;
    server.control().revoke(CLIENT_ID, ACCOUNT).await.unwrap();
    server.control().add_fault(Fault::answer(503).always()).unwrap();
    for _ in 0..30 {
        server.exchange("x").await;
    }

    let clock = Instant::now();
    server.control().reset().await.unwrap();
    let took = clock.elapsed();
    assert!(took < Duration::from_secs(1), "an order of magnitude above what it takes: {took:?}");

    assert_eq!(server.control().now(), started);
    assert!(server.control().requests().is_empty() && server.control().faults().is_empty());
    for token in [&tokens, &rotated] {
        assert_eq!(server.account(&token.text("access_token")).await.status, 401);
        assert_eq!(server.refresh(&token.text("refresh_token")).await.text("error"), "invalid_grant");
    }
    assert_eq!(server.refresh(REFRESH_TOKEN).await.status, 200);
    assert_eq!(server.exchange(CODE).await.status, 200, "and a code of the fixtures is good again");
    assert_eq!(server.rotate(ROTATING_TOKEN).await.status, 200);
    let app = server.api("GET", &format!("/v3/api_app/{CLIENT_ID}"), None).await.json();
    assert_eq!(app["api_app"]["name"], "Contract portal");
    let verify = json!({"email_address": "joan@example.com"});
    assert_eq!(server.api("POST", "/v3/account/verify", Some(&verify)).await.body, "{}");

    let server = server.restart().await;
    assert_eq!(server.control().now(), started);
    assert_eq!(server.exchange(CODE).await.status, 400, "used after the reset");
    assert_eq!(server.refresh(REFRESH_TOKEN).await.status, 200);
}

#[tokio::test]
async fn a_reset_among_a_hundred_writes_leaves_a_store_that_works() {
    let server =
        std::sync::Arc::new(TestServer::spawn_with(|config| config.rotation_grace = Duration::ZERO).await);
    let mut writing = Vec::new();
    for _ in 0..8 {
        let server = std::sync::Arc::clone(&server);
        writing.push(tokio::spawn(async move {
            let mut token = ROTATING_TOKEN.to_owned();
            for _ in 0..50 {
                let answer = server.rotate(&token).await;
                assert!(matches!(answer.status, 200 | 400), "{answer:?}");
                token = match answer.json()["refresh_token"].as_str() {
                    Some(next) => next.to_owned(),
                    None => ROTATING_TOKEN.to_owned(),
                };
            }
        }));
    }
    for _ in 0..20 {
        server.control().reset().await.unwrap();
        tokio::task::yield_now().await;
    }
    for one in writing {
        one.await.unwrap();
    }
    server.control().reset().await.unwrap();
    let mut token = ROTATING_TOKEN.to_owned();
    for _ in 0..3 {
        token = server.rotate(&token).await.text("refresh_token");
    }
    let server = std::sync::Arc::into_inner(server).unwrap().restart().await;
    assert_eq!(server.rotate(&token).await.status, 200);
}

#[tokio::test]
async fn faults_and_revoked_grants_of_the_fixtures() {
    let server = TestServer::spawn_with(|config| {
        config.profile = Profile::HelloSign;
        config.fixtures.grants[0].is_revoked = true;
        config.fixtures.faults.push(Fault::answer(503).on_path("/v3/account"));
    })
    .await;
    assert_eq!(server.refresh(REFRESH_TOKEN).await.text("error"), "invalid_grant");
    let status = async || server.api("GET", "/v3/account", None).await.status;
    assert_eq!((status().await, status().await), (503, 200));
    server.control().reset().await.unwrap();
    assert_eq!((status().await, status().await), (503, 200));
}
