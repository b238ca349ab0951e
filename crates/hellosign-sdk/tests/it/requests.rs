//! What is sent.

use hellosign_sdk::apis::AccountApi;
use hellosign_sdk::models::OAuthTokenRefreshRequest;
use hellosign_sdk::{ApiClient, ConfigurationBuilder};

use crate::peer::{Peer, TOKENS, answer, generate, refresh};

/// The request line, the headers in order, the body.
fn parts(request: &str) -> (&str, Vec<String>, &str) {
    let (head, body) = request.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.lines();
    let line = lines.next().expect("a request line");
    let mut headers: Vec<String> = lines.map(str::to_owned).collect();
    headers.sort();
    (line, headers, body)
}

async fn account(configure: impl FnOnce(ConfigurationBuilder) -> ConfigurationBuilder) -> String {
    let peer = Peer::start(answer("200 OK", "", r#"{"account":{"email_address":"me@example.com"}}"#)).await;
    let client = ApiClient::new(configure(peer.configuration()).build().expect("a good configuration"));
    let read = AccountApi::new(&client).account_get(Some("a/b c"), Some("me+x@example.com")).await;
    let read = read.expect("an account");
    assert_eq!(read.account.email_address, "me@example.com");
    peer.heard().remove(0)
}

#[tokio::test]
async fn generate_is_what_the_vendors_clients_send() {
    let peer = Peer::start(answer("200 OK", "", TOKENS)).await;
    peer.oauth().oauth_token_generate(&generate()).await.unwrap();
    let heard = peer.heard();
    let (line, headers, body) = parts(&heard[0]);
    assert_eq!(line, "POST /oauth/token HTTP/1.1");
    assert_eq!(
        headers,
        [
            "accept: application/json".to_owned(),
            format!("content-length: {}", body.len()),
            "content-type: application/json".to_owned(),
            format!("host: {}", peer.address),
            format!("user-agent: hellosign-sdk/{}", env!("CARGO_PKG_VERSION")),
        ]
    );
    assert_eq!(
        body,
        r#"{"client_id":"the-client","client_secret":"the-client-secret","code":"the-code","state":"900e06e2","grant_type":"authorization_code"}"#
    );
}

#[tokio::test]
async fn refresh_has_the_bare_query_and_leaves_out_what_is_absent() {
    let peer = Peer::start(answer("200 OK", "", TOKENS)).await;
    peer.oauth().oauth_token_refresh(&refresh()).await.unwrap();
    peer.oauth().oauth_token_refresh(&OAuthTokenRefreshRequest::new("rt")).await.unwrap();
    let heard = peer.heard();
    assert_eq!(parts(&heard[0]).0, "POST /oauth/token?refresh HTTP/1.1");
    assert_eq!(
        parts(&heard[0]).2,
        r#"{"grant_type":"refresh_token","refresh_token":"the-refresh-token","client_id":"the-client","client_secret":"the-client-secret"}"#
    );
    assert_eq!(parts(&heard[1]).2, r#"{"grant_type":"refresh_token","refresh_token":"rt"}"#);
}

#[tokio::test]
async fn the_oauth_operations_send_no_authorization() {
    let peer = Peer::start(answer("200 OK", "", TOKENS)).await;
    let configuration = peer.configuration().api_key("key").access_token("token").build().unwrap();
    let oauth = hellosign_sdk::apis::OAuthApi::new(&ApiClient::new(configuration));
    oauth.oauth_token_generate(&generate()).await.unwrap();
    oauth.oauth_token_refresh(&refresh()).await.unwrap();
    assert!(peer.heard().iter().all(|request| !request.to_lowercase().contains("authorization:")));
}

#[tokio::test]
async fn an_api_key_is_the_user_name_and_an_access_token_counts_before_it() {
    let by_key = account(|configuration| configuration.api_key("key")).await;
    let (line, headers, _) = parts(&by_key);
    assert_eq!(line, "GET /v3/account?account_id=a%2Fb+c&email_address=me%2Bx%40example.com HTTP/1.1");
    assert!(headers.contains(&"authorization: Basic a2V5Og==".to_owned()), "{headers:?}");
    let by_both = account(|configuration| configuration.api_key("key").access_token("token")).await;
    assert!(parts(&by_both).1.contains(&"authorization: Bearer token".to_owned()), "{by_both}");
    assert!(!account(|configuration| configuration).await.contains("authorization"));
}

#[tokio::test]
async fn the_user_agent_is_ones_own_if_one_wants() {
    let heard = account(|configuration| configuration.user_agent("portal/1")).await;
    assert!(heard.contains("user-agent: portal/1\r\n"), "{heard}");
}

#[tokio::test]
async fn with_http_info_tells_what_http_said() {
    let headers =
        "X-RateLimit-Limit: 100\r\nx-ratelimit-limit-remaining: 97\r\nX-Ratelimit-Reset: 1787051516\r\n";
    let peer = Peer::start(answer("200 OK", headers, TOKENS)).await;
    let response = peer.oauth().oauth_token_generate_with_http_info(&generate()).await.unwrap();
    assert_eq!((response.status, response.rate_limit.remaining), (200, Some(97)));
    assert_eq!(response.headers.get("X-RATELIMIT-LIMIT"), Some("100"));
    assert_eq!(response.data.state.as_deref(), Some("900e06e2"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Peer::start(answer("200 OK", "", TOKENS)).await;
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("Location: http://{}/oauth/token\r\n", elsewhere.address);
        let error = crate::peer::refusal(answer(status, &location, "")).await;
        assert!(error.status().unwrap() > 300 && !error.is_grant_dead());
    }
    assert!(elsewhere.heard().is_empty());
}
