//! What is sent again.

use std::time::Duration;

use hellosign_sdk::apis::{AccountApi, OAuthApi};
use hellosign_sdk::{ApiClient, Configuration, RetryPolicy};
use tokio::net::TcpListener;

use crate::peer::{Act, Peer, TOKENS, answer, generate, refresh, say};

fn policy(retries: u32) -> RetryPolicy {
    RetryPolicy::new(retries).with_delays(Duration::from_millis(1), Duration::from_secs(2))
}

fn unavailable() -> Act {
    answer("503 Service Unavailable", "Retry-After: 0\r\n", "{}")
}

/// How often a peer that does this is asked.
async fn asked(act: Act, what: &str) -> usize {
    let peer = Peer::start(act).await;
    let client = ApiClient::new(peer.configuration().retry(policy(2)).build().unwrap());
    let oauth = OAuthApi::new(&client);
    let failed = match what {
        "account_get" => AccountApi::new(&client).account_get(None, None).await.is_err(),
        "refresh" => oauth.oauth_token_refresh(&refresh()).await.is_err(),
        _ => oauth.oauth_token_generate(&generate()).await.is_err(),
    };
    assert!(failed, "{what}");
    peer.heard().len()
}

#[tokio::test]
async fn what_is_safe_is_sent_again() {
    let bad_gateway = || answer("502 Bad Gateway", "", "<h1>Bad Gateway</h1>");
    let cut = || say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
    let refused = || answer("400 Bad Request", "", r#"{"error":"invalid_grant"}"#);
    for (what, after_503, after_502, after_cut, after_400) in
        [("account_get", 3, 3, 3, 1), ("refresh", 3, 1, 1, 1), ("generate", 1, 1, 1, 1)]
    {
        assert_eq!(asked(unavailable(), what).await, after_503, "{what} after 503");
        assert_eq!(asked(bad_gateway(), what).await, after_502, "{what} after 502");
        assert_eq!(asked(cut(), what).await, after_cut, "{what} after half an answer");
        assert_eq!(asked(refused(), what).await, after_400, "{what} after 400");
    }
}

#[tokio::test]
async fn nothing_is_unless_one_wants_it() {
    let peer = Peer::start(unavailable()).await;
    peer.oauth().oauth_token_refresh(&refresh()).await.unwrap_err();
    assert_eq!(peer.heard().len(), 1);
}

#[tokio::test]
async fn the_second_answer_counts() {
    let peer = Peer::start(Act::InTurn(vec![unavailable(), answer("200 OK", "", TOKENS)])).await;
    let client = ApiClient::new(peer.configuration().retry(policy(2)).build().unwrap());
    OAuthApi::new(&client).oauth_token_refresh(&refresh()).await.unwrap();
    assert_eq!(peer.heard().len(), 2);
}

#[tokio::test]
async fn a_wait_longer_than_the_longest_is_not_waited() {
    let hour = answer("429 Too Many Requests", "Retry-After: 3600\r\n", "{}");
    assert_eq!(asked(hour, "account_get").await, 1);
}

#[tokio::test]
async fn what_was_not_sent_is_sent_again_even_a_code() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let policy = RetryPolicy::new(10).with_delays(Duration::from_millis(400), Duration::from_millis(400));
    let configuration =
        Configuration::builder().server(&format!("http://{address}")).retry(policy).build().unwrap();
    let exchanging = tokio::spawn(async move {
        OAuthApi::new(&ApiClient::new(configuration)).oauth_token_generate(&generate()).await
    });
    // The server comes up late; nobody has listened so far.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let peer = Peer::start_at(TcpListener::bind(address).await.unwrap(), answer("200 OK", "", TOKENS));
    exchanging.await.unwrap().unwrap();
    assert_eq!(peer.heard().len(), 1, "sent once");
}
