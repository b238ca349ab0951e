//! Requests of the API on behalf of an account.

use std::sync::Arc;
use std::time::Duration;

use hellosign_sdk::ApiClient;
use hellosign_sdk::apis::AccountApi;
use hellosign_sdk::tokens::{Clock as _, TokenError};

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
