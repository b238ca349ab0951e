//! The vendor's headers, and what happens when a budget is used up.

use std::time::Duration;

use hellosign_testkit::{Answer, REFRESH_TOKEN, ROTATING_TOKEN, Request, TestServer, send};

fn headers(answer: &Answer) -> [Option<i64>; 4] {
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-limit-remaining", "x-ratelimit-reset"]
        .map(|name| answer.header(name).map(|value| value.parse().expect("a number")))
}

#[tokio::test]
async fn every_answer_has_the_headers() {
    let server = TestServer::spawn().await;
    let post =
        |content_type: &str, body: String| Request::new("POST", "/oauth/token").body(content_type, body);
    let large = "x".repeat(100_000);
    for request in [
        post("application/json", "{}".into()),
        post("text/plain", "x".into()),
        post("application/json", large),
        Request::new("POST", "/v3/oauth/token?client_secret=x"),
        Request::new("GET", "/oauth/token"),
        Request::new("DELETE", "/v3/oauth/token"),
    ] {
        let answer = server.send(request).await;
        assert!(answer.status >= 400 && answer.status < 500, "{answer:?}");
        assert!(headers(&answer).iter().all(Option::is_some), "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("pragma"), Some("no-cache"));
    }
}

#[tokio::test]
async fn a_budget_is_an_apps_and_comes_back() {
    let server = TestServer::spawn_with(|config| config.rate_limit = Some(2)).await;
    assert_eq!(&headers(&server.refresh(REFRESH_TOKEN).await)[..3], [Some(2), Some(1), Some(1)]);
    assert_eq!(&headers(&server.refresh(REFRESH_TOKEN).await)[..3], [Some(2), Some(0), Some(0)]);
    let refused = server.refresh(REFRESH_TOKEN).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["error"]["error_name"], "exceeded_rate");
    assert_eq!(refused.header("retry-after"), None, "the vendor sends none");
    assert_eq!(headers(&refused)[3], Some(1_790_000_031));
    assert_eq!(server.rotate(ROTATING_TOKEN).await.status, 200, "another app has its own");
    server.clock().advance(Duration::from_secs(30));
    assert_eq!(server.refresh(REFRESH_TOKEN).await.status, 200);
}

#[tokio::test]
async fn who_is_refused_is_charged_by_address() {
    let server = TestServer::spawn_with(|config| config.rate_limit = Some(2)).await;
    let bad = || server.token(&[("grant_type", "x")]);
    assert_eq!((bad().await.status, bad().await.status, bad().await.status), (400, 400, 429));
    assert_eq!(server.refresh(REFRESH_TOKEN).await.status, 200, "an app from there is still answered");
}

#[tokio::test]
async fn behind_a_named_proxy_it_is_the_clients_address() {
    let asked = |server: &TestServer, forwarded: &str| {
        let request = Request::new("POST", "/oauth/token").header("X-Forwarded-For", forwarded);
        let (address, request) = (server.address(), request.header("Content-Length", "0"));
        async move { send(address, request).await.unwrap().status }
    };
    let server = TestServer::spawn_with(|config| {
        config.rate_limit = Some(1);
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    assert_eq!(asked(&server, "198.51.100.1").await, 415);
    assert_eq!(asked(&server, "203.0.113.7, 198.51.100.1").await, 429, "the same, whatever it says itself");
    assert_eq!(asked(&server, "198.51.100.2").await, 415, "another one");

    let server = TestServer::spawn_with(|config| config.rate_limit = Some(1)).await;
    assert_eq!(asked(&server, "198.51.100.1").await, 415);
    assert_eq!(asked(&server, "198.51.100.2").await, 429, "no proxy is named");
}

#[tokio::test]
async fn off_still_sends_the_headers() {
    let server = TestServer::spawn_with(|config| config.rate_limit = None).await;
    for _ in 0..3 {
        let [limit, remaining, wire, reset] = headers(&server.refresh(REFRESH_TOKEN).await);
        assert_eq!((limit, remaining, wire), (Some(i32::MAX.into()), limit, limit));
        assert_eq!(reset, Some(1_790_000_000));
    }
}
