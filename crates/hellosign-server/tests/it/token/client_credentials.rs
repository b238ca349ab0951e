//! Where client credentials are read from.

use hellosign_testkit::{CLIENT_ID, CLIENT_SECRET, CODE, Request, TestServer, basic, form};

const FORM: &str = "application/x-www-form-urlencoded";

fn exchange(authorization: &str, more: &[(&str, &str)]) -> Request {
    let mut parameters = vec![("grant_type", "authorization_code"), ("code", CODE)];
    parameters.extend_from_slice(more);
    Request::new("POST", "/oauth/token").header("Authorization", authorization).body(FORM, form(&parameters))
}

#[tokio::test]
async fn basic_is_read_where_the_body_names_no_client() {
    let server = TestServer::spawn().await;
    let wrong = server.send(exchange(&basic(CLIENT_ID, "wrong"), &[])).await;
    assert_eq!((wrong.status, wrong.text("error")), (401, "invalid_client".to_owned()));
    assert_eq!(wrong.header("www-authenticate"), Some("Basic realm=\"oauth\""));
    assert_eq!(server.send(exchange(&basic(CLIENT_ID, CLIENT_SECRET), &[])).await.status, 200);
}

#[tokio::test]
async fn the_bodys_credentials_win() {
    let server = TestServer::spawn().await;
    let body = [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
    assert_eq!(server.send(exchange(&basic("an-api-key", ""), &body)).await.status, 200);
    let wrong = [("client_id", CLIENT_ID), ("client_secret", "wrong")];
    let answer = server.send(exchange(&basic(CLIENT_ID, CLIENT_SECRET), &wrong)).await;
    assert_eq!((answer.status, answer.text("error")), (400, "invalid_client".to_owned()));
}

#[tokio::test]
async fn what_is_no_client_in_the_header_counts_as_none() {
    let server = TestServer::spawn().await;
    for authorization in ["Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Bearer x", &basic("an-api-key", "")] {
        let answer = server.send(exchange(authorization, &[])).await;
        assert_eq!(answer.text("error_description"), "Parameter client_id is missing", "{authorization}");
    }
}

#[tokio::test]
async fn both_parts_of_basic_are_form_encoded() {
    let server = TestServer::spawn_with(|config| {
        config.fixtures.api_apps[0].client_secret = Some("p+l us%&".into());
    })
    .await;
    assert_eq!(server.send(exchange(&basic(CLIENT_ID, "p%2Bl+us%25%26"), &[])).await.status, 200);
}

#[tokio::test]
async fn credentials_in_the_url_are_refused_whatever_the_body_says() {
    let server = TestServer::spawn().await;
    let body = form(&[
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("code", CODE),
    ]);
    for query in ["client_secret=x", "a=b&code=x", "refresh&refresh_token=x", "client%5Fsecret=x"] {
        let answer = server
            .send(Request::new("POST", &format!("/oauth/token?{query}")).body(FORM, body.clone()))
            .await;
        assert_eq!((answer.status, answer.text("error")), (400, "invalid_request".to_owned()), "{query}");
        assert!(answer.text("error_description").contains("send it in the body"));
    }
    for query in ["refresh", "refresh=", "refresh=1"] {
        let path = format!("/oauth/token?{query}");
        let answer = server.send(Request::new("POST", &path).body(FORM, body.replace(CODE, "other"))).await;
        assert_eq!(answer.text("error"), "invalid_request", "the grant type decides, not the query");
    }
    assert_eq!(server.send(Request::new("POST", "/oauth/token?refresh").body(FORM, body)).await.status, 200);
}
