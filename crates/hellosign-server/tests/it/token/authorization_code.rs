//! A code for tokens.

use std::time::Duration;

use hellosign_testkit::{
    ACCOUNT, CLIENT_ID, CLIENT_SECRET, CODE, ROTATING_ID, Request, STATE, TestServer, form,
};

use super::{BAD_CODE, error};

fn bad_code() -> (u16, String, String) {
    error(400, "invalid_request", BAD_CODE)
}

async fn authorize(server: &TestServer, query: &[(&str, &str)]) -> String {
    let answer = server.send(Request::new("GET", &format!("/oauth/authorize?{}", form(query)))).await;
    let location = answer.header("location").expect("a redirect").to_owned();
    location.split_once("code=").expect("a code").1.split('&').next().expect("a value").to_owned()
}

#[tokio::test]
async fn becomes_tokens_that_read_the_account() {
    let server = TestServer::spawn().await;
    let answer = server
        .token(&[
            ("grant_type", "authorization_code"),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("code", CODE),
            ("state", STATE),
        ])
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let json = answer.json();
    assert_eq!(
        (&json["token_type"], &json["expires_in"], &json["state"]),
        (&"Bearer".into(), &86400.into(), &STATE.into())
    );
    assert_eq!(json.as_object().unwrap().len(), 5, "{json}");

    let account = server.account(&answer.text("access_token")).await;
    assert_eq!(account.json()["account"]["email_address"], ACCOUNT);
    assert_eq!(server.refresh(&answer.text("refresh_token")).await.status, 200);
}

#[tokio::test]
async fn state_may_be_absent_and_is_echoed_as_it_is_sent() {
    let server = TestServer::spawn().await;
    let answer = server.exchange(CODE).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json().get("state").is_none(), "{answer:?}");

    let other = TestServer::spawn().await;
    let parameters = [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("code", CODE),
        ("state", "another"),
    ];
    assert_eq!(other.token(&parameters).await.text("state"), "another");
}

#[tokio::test]
async fn is_good_once_and_for_one_hour() {
    let server = TestServer::spawn_with(|config| {
        let mut late = config.fixtures.authorization_codes[0].clone();
        late.code = "late".into();
        config.fixtures.authorization_codes.push(late);
    })
    .await;
    server.clock().advance(Duration::from_millis(3_599_999));
    assert_eq!(server.exchange(CODE).await.status, 200);
    assert_eq!(server.exchange(CODE).await.oauth_error(), bad_code());
    server.clock().advance(Duration::from_millis(1));
    assert_eq!(server.exchange("late").await.oauth_error(), bad_code());
    assert_eq!(server.exchange("unknown").await.oauth_error(), bad_code());
}

#[tokio::test]
async fn is_only_its_own_clients() {
    let server = TestServer::spawn().await;
    let parameters = [
        ("grant_type", "authorization_code"),
        ("client_id", ROTATING_ID),
        ("client_secret", CLIENT_SECRET),
        ("code", CODE),
    ];
    assert_eq!(server.token(&parameters).await.oauth_error(), bad_code());
    assert_eq!(server.exchange(CODE).await.status, 200, "and was not consumed");
}

#[tokio::test]
async fn presented_again_within_ten_seconds_is_only_refused() {
    let server = TestServer::spawn().await;
    let tokens = server.exchange(CODE).await;
    server.clock().advance(Duration::from_millis(9_999));
    assert_eq!(server.exchange(CODE).await.oauth_error(), bad_code());
    assert_eq!(server.account(&tokens.text("access_token")).await.status, 200);
}

#[tokio::test]
async fn presented_again_later_ends_the_grant_while_the_code_lives() {
    let server = TestServer::spawn().await;
    let tokens = server.exchange(CODE).await;
    server.clock().advance(Duration::from_secs(10));
    assert_eq!(server.exchange(CODE).await.oauth_error(), bad_code());
    assert_eq!(server.account(&tokens.text("access_token")).await.status, 401);
    assert_eq!(server.refresh(&tokens.text("refresh_token")).await.text("error"), "invalid_grant");

    let other = TestServer::spawn().await;
    let tokens = other.exchange(CODE).await;
    other.clock().advance(Duration::from_secs(3600));
    assert_eq!(other.exchange(CODE).await.oauth_error(), bad_code());
    assert_eq!(other.account(&tokens.text("access_token")).await.status, 200);
}

#[tokio::test]
async fn a_wrong_secret_or_redirect_uri_does_not_consume_it() {
    let server = TestServer::spawn().await;
    let mut parameters = [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT_ID),
        ("client_secret", "wrong"),
        ("code", CODE),
        ("redirect_uri", "http://127.0.0.1:9000/callback"),
    ];
    let answer = server.token(&parameters).await;
    assert_eq!((answer.status, answer.text("error")), (400, "invalid_client".to_owned()));
    parameters[2].1 = CLIENT_SECRET;
    parameters[4].1 = "http://127.0.0.1:9000/other";
    let answer = server.token(&parameters).await;
    assert_eq!((answer.status, answer.text("error")), (400, "invalid_request".to_owned()));
    assert!(answer.text("error_description").contains("redirect_uri"));
    parameters[4].1 = "http://127.0.0.1:9000/callback";
    assert_eq!(server.token(&parameters).await.status, 200);
}

#[tokio::test]
async fn the_redirect_uri_of_the_authorization_is_the_one_that_counts() {
    let server = TestServer::spawn_with(|config| config.auto_approve = Some(ACCOUNT.to_owned())).await;
    let chosen = "http://127.0.0.1:51004/callback";
    let code = authorize(&server, &[("client_id", CLIENT_ID), ("redirect_uri", chosen)]).await;
    let mut parameters = [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("code", code.as_str()),
        ("redirect_uri", "http://127.0.0.1:9000/callback"),
    ];
    assert_eq!(server.token(&parameters).await.status, 400);
    parameters[4].1 = chosen;
    assert_eq!(server.token(&parameters).await.status, 200);
}

#[tokio::test]
async fn a_challenge_that_was_sent_is_enforced() {
    let server = TestServer::spawn_with(|config| config.auto_approve = Some(ACCOUNT.to_owned())).await;
    let query = [
        ("client_id", CLIENT_ID),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    let code = authorize(&server, &query).await;
    assert_eq!(
        server.exchange(&code).await.oauth_error(),
        error(400, "invalid_request", "Parameter code_verifier is missing")
    );
    let with = |verifier: &'static str| {
        [
            ("grant_type", "authorization_code"),
            ("client_id", CLIENT_ID),
            ("client_secret", CLIENT_SECRET),
            ("code", code.as_str()),
            ("code_verifier", verifier),
        ]
    };
    assert_eq!(server.token(&with("wrong")).await.text("error"), "invalid_grant");
    assert_eq!(server.token(&with("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")).await.status, 200);
}

#[tokio::test]
async fn a_locked_accounts_code_is_worth_nothing_and_stays_so() {
    let server = TestServer::spawn().await;
    for is_locked in [true, false] {
        server.control().set_account(ACCOUNT, None, Some(is_locked)).await.unwrap();
        assert_eq!(server.exchange(CODE).await.oauth_error(), bad_code(), "locked: {is_locked}");
    }
}

/// What was authorized after everything before it had ended is good.
#[tokio::test]
async fn a_code_from_after_a_change_of_scopes_and_a_lock_is_good() {
    let server = TestServer::spawn_with(|config| config.auto_approve = Some(ACCOUNT.to_owned())).await;
    let scopes = serde_json::json!({"oauth": {"scopes": ["basic_account_info"]}});
    let changed = server.api("PUT", &format!("/v3/api_app/{CLIENT_ID}"), Some(&scopes)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    for is_locked in [true, false] {
        server.control().set_account(ACCOUNT, None, Some(is_locked)).await.unwrap();
    }
    let answer = server.send(Request::new("GET", &format!("/oauth/authorize?client_id={CLIENT_ID}"))).await;
    let code = answer.header("location").and_then(|location| location.split_once("code=")).expect("a code").1;
    let tokens = server.exchange(code).await;
    assert_eq!(server.account(&tokens.text("access_token")).await.status, 200);
    assert_eq!(server.refresh(&tokens.text("refresh_token")).await.status, 200);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let server = TestServer::spawn().await;
    let all = [
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("code", CODE),
    ];
    for absent in ["grant_type", "client_id", "client_secret", "code"] {
        let rest: Vec<_> = all.into_iter().filter(|(name, _)| *name != absent).collect();
        let expected = error(400, "invalid_request", &format!("Parameter {absent} is missing"));
        assert_eq!(server.token(&rest).await.oauth_error(), expected);
        let empty = all.map(|(name, value)| (name, if name == absent { "" } else { value }));
        assert_eq!(server.token(&empty).await.oauth_error(), expected, "an empty one was not sent");
    }
    assert_eq!(server.token(&[]).await.text("error_description"), "Parameter client_id is missing");
    let unknown_client = all.map(|(name, value)| (name, if name == "client_id" { "x" } else { value }));
    assert_eq!(server.token(&unknown_client).await.oauth_error(), bad_code());
    let unknown_type = all.map(|(name, value)| (name, if name == "grant_type" { "password" } else { value }));
    assert_eq!(server.token(&unknown_type).await.text("error"), "unsupported_grant_type");
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_at_once_get_one_success_whose_tokens_live() {
    let server = std::sync::Arc::new(TestServer::spawn().await);
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let server = std::sync::Arc::clone(&server);
        asking.spawn(async move { server.exchange(CODE).await });
    }
    let answers = asking.join_all().await;
    let (good, bad): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((good.len(), bad.len()), (1, 63));
    assert!(bad.iter().all(|answer| answer.oauth_error() == bad_code()));
    assert_eq!(server.account(&good[0].text("access_token")).await.status, 200);
    assert_eq!(server.refresh(&good[0].text("refresh_token")).await.status, 200);
}
