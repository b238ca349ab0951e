//! Settings, each against a listener that sees what they do.

#[cfg(feature = "tls")]
mod proxy;
#[cfg(feature = "tls")]
mod tls;

use std::time::{Duration, Instant};

use hellosign_sdk::apis::{AccountApi, OAuthApi};
use hellosign_sdk::{ApiClient, Configuration};
use tokio::net::TcpListener;

use crate::peer::{Act, Peer, TOKENS, answer, generate, refresh};

const ACCOUNT: &str = r#"{"account":{"email_address":"me@example.com"}}"#;

fn client(configuration: hellosign_sdk::ConfigurationBuilder) -> ApiClient {
    ApiClient::new(configuration.build().expect("a good configuration"))
}

#[tokio::test]
async fn default_headers_go_with_every_request() {
    let peer = Peer::start(answer("200 OK", "", TOKENS)).await;
    let configuration =
        peer.configuration().default_header("X-Gateway-Key", "k 1").default_header("x-b", "2");
    let client = client(configuration);
    OAuthApi::new(&client).oauth_token_generate(&generate()).await.unwrap();
    AccountApi::new(&client).account_get(None, None).await.unwrap_err();
    for heard in peer.heard() {
        assert!(heard.contains("\r\nx-gateway-key: k 1\r\n") && heard.contains("\r\nx-b: 2\r\n"), "{heard}");
    }
}

#[tokio::test]
async fn a_single_call_may_have_its_own_time_out_and_its_own_token() {
    let frozen = Peer::start(Act::Freeze).await;
    let usual = client(frozen.configuration());
    let hasty = OAuthApi::new(&usual.with_timeout(Duration::from_millis(100)));
    let began = Instant::now();
    assert!(hasty.oauth_token_refresh(&refresh()).await.unwrap_err().is_timeout());
    assert!(began.elapsed() < Duration::from_secs(10), "not the usual thirty");
    assert_eq!(
        usual.with_timeout(Duration::from_secs(1)).configuration().oauth_host(),
        usual.configuration().oauth_host()
    );

    let peer = Peer::start(answer("200 OK", "", ACCOUNT)).await;
    let client = client(peer.configuration().access_token("jacks"));
    for (api, token) in [
        (AccountApi::new(&client), "Bearer jacks"),
        (AccountApi::new(&client.with_access_token("jills").unwrap()), "Bearer jills"),
    ] {
        api.account_get(None, None).await.unwrap();
        assert!(peer.heard().last().unwrap().contains(token));
    }
    assert!(client.with_access_token("two\nlines").is_err());
}

#[tokio::test]
async fn the_connect_time_out_is_for_hosts_that_do_not_answer() {
    // A listener whose queue is full answers no further connection.
    let full = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = full.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(300), tokio::net::TcpStream::connect(address)).await
    {
        waiting.push(stream);
        assert!(waiting.len() < 10_000, "the queue does not fill");
    }
    let configuration = Configuration::builder()
        .server(&format!("http://{address}"))
        .connect_timeout(Duration::from_millis(200));
    let error = OAuthApi::new(&client(configuration)).oauth_token_refresh(&refresh()).await.unwrap_err();
    assert!(error.is_connect() && !error.is_timeout(), "{error:?}");
}

#[tokio::test]
async fn as_many_idle_connections_are_kept_as_one_wants() {
    for (kept, connections) in [(4, 1), (0, 3)] {
        let peer = Peer::start(Act::Converse(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{TOKENS}",
            TOKENS.len()
        )))
        .await;
        let oauth = OAuthApi::new(&client(peer.configuration().max_idle_connections(kept)));
        for _ in 0..3 {
            oauth.oauth_token_refresh(&refresh()).await.unwrap();
            // The answer is there before its connection is back in the pool.
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(peer.connections(), connections, "{kept} kept");
    }
}

#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn without_tls_nothing_is_sent_to_an_https_host() {
    let peer = Peer::start(Act::Freeze).await;
    let https = format!("https://{}", peer.address);
    let client = ApiClient::new(Configuration::builder().server(&https).build().unwrap());
    let error = AccountApi::new(&client).account_get(None, None).await.unwrap_err();
    assert!(!error.is_transient() && error.to_string().contains("feature tls"), "{error}");
    assert_eq!(peer.connections(), 0);
}
