//! `POST /oauth/revoke` (RFC 7009)

use std::time::Duration;

use hellosign_testkit::{
    Answer, CLIENT_ID, CLIENT_SECRET, CODE, REFRESH_TOKEN, ROTATING_ID, ROTATING_TOKEN, Request, TestServer,
    basic, form,
};

async fn revoke(server: &TestServer, client_id: &str, token: &str) -> Answer {
    let parameters = [("client_id", client_id), ("client_secret", CLIENT_SECRET), ("token", token)];
    let body = form(&parameters);
    server.send(Request::new("POST", "/oauth/revoke").body("application/x-www-form-urlencoded", body)).await
}

#[tokio::test]
async fn either_token_ends_the_grant_with_all_its_tokens() {
    for which in ["access_token", "refresh_token"] {
        let server = TestServer::spawn().await;
        let tokens = server.exchange(CODE).await;
        let another = server.refresh(&tokens.text("refresh_token")).await;
        let answer = revoke(&server, CLIENT_ID, &tokens.text(which)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{which}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));

        assert_eq!(server.account(&tokens.text("access_token")).await.status, 401);
        assert_eq!(server.account(&another.text("access_token")).await.status, 401);
        assert_eq!(server.refresh(&tokens.text("refresh_token")).await.text("error"), "invalid_grant");
        let server = server.restart().await;
        assert_eq!(server.refresh(&tokens.text("refresh_token")).await.text("error"), "invalid_grant");
        assert_eq!(server.refresh(REFRESH_TOKEN).await.status, 200, "another grant of the same app lives on");
    }
}

#[tokio::test]
async fn an_imported_token_and_any_generation_end_their_grant() {
    let server = TestServer::spawn().await;
    assert_eq!(revoke(&server, CLIENT_ID, REFRESH_TOKEN).await.status, 200);
    assert_eq!(server.refresh(REFRESH_TOKEN).await.text("error"), "invalid_grant");

    let first = server.rotate(ROTATING_TOKEN).await.text("refresh_token");
    let second = server.rotate(&first).await.text("refresh_token");
    let third = server.rotate(&second).await.text("refresh_token");
    server.clock().advance(Duration::from_secs(3600));
    assert_eq!(revoke(&server, ROTATING_ID, &first).await.status, 200);
    assert_eq!(server.rotate(&third).await.text("error"), "invalid_grant");
}

#[tokio::test]
async fn an_expired_access_token_ends_its_grant_too() {
    let server = TestServer::spawn().await;
    let tokens = server.exchange(CODE).await;
    server.clock().advance(Duration::from_secs(90_000));
    assert_eq!(revoke(&server, CLIENT_ID, &tokens.text("access_token")).await.status, 200);
    assert_eq!(server.refresh(&tokens.text("refresh_token")).await.text("error"), "invalid_grant");
}

#[tokio::test]
async fn what_is_not_the_clients_own_is_left_alone() {
    let server = TestServer::spawn().await;
    let tokens = server.exchange(CODE).await;
    for token in [tokens.text("refresh_token"), tokens.text("access_token"), "unknown".to_owned()] {
        assert_eq!(revoke(&server, ROTATING_ID, &token).await.status, 200, "and nobody learns whose it is");
    }
    assert_eq!(server.refresh(&tokens.text("refresh_token")).await.status, 200);
}

#[tokio::test]
async fn nobody_but_a_client_may_ask() {
    let server = TestServer::spawn().await;
    for path in ["/oauth/revoke", "/oauth/introspect"] {
        let post = |body: &str| {
            Request::new("POST", path).body("application/x-www-form-urlencoded", body.to_owned())
        };
        let wrong = format!("token=x&client_id={CLIENT_ID}&client_secret=wrong");
        let unknown = format!("token=x&client_id=unknown&client_secret={CLIENT_SECRET}");
        let secretless = format!("token=x&client_id={CLIENT_ID}");
        for body in ["token=x", wrong.as_str(), unknown.as_str(), secretless.as_str()] {
            let answer = server.send(post(body)).await;
            assert_eq!((answer.status, answer.text("error").as_str()), (401, "invalid_client"), "{body}");
            assert!(answer.header("www-authenticate").is_some_and(|value| value.starts_with("Basic")));
        }
        let by_header = post("token=x").header("Authorization", &basic(CLIENT_ID, CLIENT_SECRET));
        assert_eq!(server.send(by_header).await.status, 200);
        let body = format!("client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}");
        let answer = server.send(post(&body)).await;
        assert_eq!(answer.text("error_description"), "Parameter token is missing");
        let in_query = Request::new("POST", &format!("{path}?token=x"));
        let in_query = in_query.body("application/x-www-form-urlencoded", body);
        assert_eq!(server.send(in_query).await.text("error"), "invalid_request");
        assert_eq!(server.send(Request::new("GET", path)).await.header("allow"), Some("POST"));
    }
}
