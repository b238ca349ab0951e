//! The same operations, waiting.

use std::thread;
use std::time::Duration;

use hellosign_sdk::blocking::{AccountApi, ApiClient, OAuthApi};
use hellosign_sdk::{ConfigurationBuilder, RetryPolicy};

use crate::peer::{Act, Peer, TOKENS, answer, generate, refresh};

/// A peer that lives on a runtime of its own: the callers have none.
fn peer(act: Act) -> Peer {
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            sender.send(Peer::start(act).await).unwrap();
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().unwrap()
}

fn client(configuration: ConfigurationBuilder) -> ApiClient {
    ApiClient::new(configuration.build().unwrap()).unwrap()
}

#[test]
fn sends_what_the_others_send() {
    let peer = peer(answer("200 OK", "", TOKENS));
    let client = client(peer.configuration().access_token("token"));
    let oauth = OAuthApi::new(&client);
    assert_eq!(oauth.oauth_token_generate(&generate()).unwrap().expires_in, Some(86400));
    assert_eq!(oauth.oauth_token_refresh_with_http_info(&refresh()).unwrap().status, 200);
    AccountApi::new(&client).account_get(None, None).unwrap_err();
    let lines: Vec<String> =
        peer.heard().iter().map(|heard| heard.lines().next().unwrap().to_owned()).collect();
    assert_eq!(
        lines,
        ["POST /oauth/token HTTP/1.1", "POST /oauth/token?refresh HTTP/1.1", "GET /v3/account HTTP/1.1"]
    );
}

#[test]
fn times_out_and_retries() {
    let frozen = peer(Act::Freeze);
    let hasty = client(frozen.configuration().timeout(Duration::from_millis(100)));
    assert!(OAuthApi::new(&hasty).oauth_token_refresh(&refresh()).unwrap_err().is_timeout());

    let peer = peer(Act::InTurn(vec![answer("503 Unavailable", "", "{}"), answer("200 OK", "", TOKENS)]));
    let policy = RetryPolicy::new(1).with_delays(Duration::from_millis(1), Duration::from_millis(1));
    OAuthApi::new(&client(peer.configuration().retry(policy))).oauth_token_refresh(&refresh()).unwrap();
}

#[test]
fn many_threads_share_a_client() {
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{TOKENS}", TOKENS.len());
    let peer = peer(Act::Converse(answer));
    let oauth = OAuthApi::new(&client(peer.configuration()));
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| (0..10).for_each(|_| drop(oauth.oauth_token_refresh(&refresh()).unwrap())));
        }
    });
    assert_eq!(peer.heard().len(), 160);
}

#[tokio::test]
async fn can_be_called_from_a_task() {
    let peer = peer(answer("200 OK", "", TOKENS));
    let oauth = OAuthApi::new(&client(peer.configuration()));
    oauth.oauth_token_refresh(&refresh()).unwrap();
}
