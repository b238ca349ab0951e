//! Requests of the API on behalf of an account.

use std::sync::Arc;
use std::time::Duration;

use hellosign_sdk::apis::AccountApi;
use hellosign_sdk::tokens::{Clock as _, TokenError};
use hellosign_sdk::{ApiClient, ApiRequest};

use super::{DAY, TestClock, builder, expired, tokens};
use crate::peer::{Act, Peer, TOKENS, answer};

const ACCOUNT: &str = r#"{"account":{"account_id":"1","email_address":"jill@example.com"}}"#;

fn takes_at_only(request: &str) -> Act {
    if request.starts_with("POST") {
        answer("200 OK", "", TOKENS)
    } else if request.contains("authorization: Bearer at\r\n") {
        answer("200 OK", "", ACCOUNT)
    } else {
        answer("401 Unauthorized", "", r#"{"error":{"error_msg":"no","error_name":"unauthorized"}}"#)
    }
}

fn api(peer: &Peer) -> ApiClient {
    ApiClient::new(peer.configuration().api_key("not this one").build().unwrap())
}

#[tokio::test]
async fn a_token_that_the_api_refuses_is_renewed_once() {
    let (peer, clock) = (Peer::start(Act::By(takes_at_only)).await, Arc::<TestClock>::default());
    let manager = builder(&peer, &clock).build();
    let jill = manager.insert("jill", tokens("revoked", "rt", DAY), clock.wall()).await.unwrap();
    let client = api(&peer).with_account(&jill);
    let account = AccountApi::new(&client).account_get(None, None).await.unwrap();
    assert_eq!(account.account.email_address, "jill@example.com");
    assert_eq!(peer.heard().len(), 3, "refused, renewed, answered");
    AccountApi::new(&client).account_get(None, None).await.unwrap();
    assert_eq!(peer.heard().len(), 4);
}

fn takes_none(request: &str) -> Act {
    if request.starts_with("POST") {
        answer("200 OK", "", TOKENS)
    } else {
        answer("401 Unauthorized", "", r#"{"error":{"error_msg":"no","error_name":"unauthorized"}}"#)
    }
}

#[tokio::test]
async fn an_api_that_refuses_every_token_is_not_asked_for_ever() {
    let (peer, clock) = (Peer::start(Act::By(takes_none)).await, Arc::<TestClock>::default());
    let manager = builder(&peer, &clock).build();
    let jill = manager.insert("jill", tokens("revoked", "rt", DAY), clock.wall()).await.unwrap();
    let jills = AccountApi::new(&api(&peer).with_account(&jill));
    for _ in 0..10 {
        let error = jills.account_get(None, None).await.unwrap_err();
        assert_eq!(error.status(), Some(401));
    }
    let renewals = peer.heard().iter().filter(|request| request.starts_with("POST")).count();
    assert_eq!((renewals, peer.heard().len()), (1, 12));
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let refused = r#"{"error":"invalid_grant","error_description":"no"}"#;
    let (peer, clock) = (Peer::start(answer("400 Bad Request", "", refused)).await, Arc::default());
    let manager = builder(&peer, &clock).build();
    let jill = expired(&manager, &clock, "jill", "rt").await;
    let error = AccountApi::new(&api(&peer).with_account(&jill)).account_get(None, None).await.unwrap_err();
    assert!(matches!(error.token(), Some(TokenError::GrantDead { .. })), "{error}");
    assert!(error.is_grant_dead() && !error.is_transient());
    assert!(error.to_string().starts_with("account_get: the grant has ended"), "{error}");
    assert_eq!(peer.heard().len(), 1, "the renewal, and nothing else");

    let (silent, clock) = (Peer::start(Act::Say(Vec::new())).await, Arc::default());
    let manager = builder(&silent, &clock).build();
    let jill = expired(&manager, &clock, "jill", "rt").await;
    let error = AccountApi::new(&api(&silent).with_account(&jill)).account_get(None, None).await.unwrap_err();
    assert!(error.is_transient() && !error.is_grant_dead());
    clock.advance(Duration::from_secs(1));
}

#[tokio::test]
async fn any_request_of_the_api_has_a_token_and_gives_its_body() {
    let (peer, clock) = (Peer::start(Act::By(takes_at_only)).await, Arc::<TestClock>::default());
    let manager = builder(&peer, &clock).build();
    let jill = manager.insert("jill", tokens("revoked", "rt", DAY), clock.wall()).await.unwrap();
    let client = api(&peer).with_account(&jill);
    let request = ApiRequest::put("/signature_request/x").query("a b", "&").json(r#"{"title":"NDA"}"#);
    let updated = client.send(&request).await.unwrap();
    assert_eq!((updated.status, updated.data.as_slice()), (200, ACCOUNT.as_bytes()));
    let heard = peer.heard();
    assert_eq!(heard.len(), 3, "refused, renewed, answered");
    let last = &heard[2];
    assert!(last.starts_with("PUT /v3/signature_request/x?a+b=%26 HTTP/1.1\r\n"), "{last}");
    assert!(
        last.contains("content-type: application/json\r\n") && last.ends_with(r#"{"title":"NDA"}"#),
        "{last}"
    );
    assert!(!format!("{request:?}").contains("NDA"));

    let pdf = Peer::start(answer("200 OK", "", "%PDF")).await;
    let file = api(&pdf).send(&ApiRequest::get("signature_request/files/x")).await.unwrap();
    assert!(pdf.heard()[0].starts_with("GET /v3/signature_request/files/x "), "with its slash");
    assert_eq!(file.data, b"%PDF");
    let gone =
        Peer::start(answer("410 Gone", "", r#"{"error":{"error_msg":"m","error_name":"deleted"}}"#)).await;
    let error = api(&gone).send(&ApiRequest::delete("/template/x")).await.unwrap_err();
    assert_eq!(error.api().unwrap().error_name.as_str(), "deleted");
}

#[cfg(feature = "tower")]
#[tokio::test]
async fn a_layer_gives_any_client_a_token_that_is_good() {
    use hellosign_sdk::tower::{AuthorizationError, AuthorizationLayer};
    use tower::{Layer as _, ServiceExt as _, service_fn};

    // A client that takes one token, and counts what it is asked.
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let client = service_fn(move |request: http::Request<&'static str>| {
        let seen = Arc::clone(&seen);
        async move {
            let authorization = request.headers()["authorization"].clone();
            assert!(authorization.is_sensitive() && request.headers().len() == 1);
            let status = if authorization == "Bearer at" { 200 } else { 401 };
            seen.lock().unwrap().push(*request.body());
            Ok::<_, std::io::Error>(http::Response::builder().status(status).body(()).unwrap())
        }
    });
    let (peer, clock) = (Peer::start(Act::By(takes_at_only)).await, Arc::<TestClock>::default());
    let manager = builder(&peer, &clock).build();
    let jill = manager.insert("jill", tokens("revoked", "rt", DAY), clock.wall()).await.unwrap();
    let authorized = AuthorizationLayer::new(&jill).layer(client.clone());
    let request = || http::Request::get("/").header("authorization", "Basic x").body("body").unwrap();
    assert_eq!(authorized.clone().oneshot(request()).await.unwrap().status(), 200);
    assert_eq!(authorized.oneshot(request()).await.unwrap().status(), 200);
    assert_eq!(*asked.lock().unwrap(), ["body"; 3], "refused, renewed and answered, answered");

    // Where there is no other token the refusal is the answer; where there is none, nothing is sent.
    let joan = manager.insert("joan", tokens("at", "rt", DAY), clock.wall()).await.unwrap();
    let refusing = service_fn(|_: http::Request<()>| async {
        Ok::<_, std::io::Error>(http::Response::builder().status(401).body(()).unwrap())
    });
    let authorized = AuthorizationLayer::new(&joan).layer(refusing);
    let answer = authorized.oneshot(http::Request::get("/").body(()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 401);
    let nobody = AuthorizationLayer::new(&manager.account("nobody")).layer(client);
    let error = nobody.oneshot(request()).await.unwrap_err();
    assert!(matches!(error, AuthorizationError::Token(TokenError::NoGrant)), "{error:?}");
    assert_eq!(asked.lock().unwrap().len(), 3);
}
