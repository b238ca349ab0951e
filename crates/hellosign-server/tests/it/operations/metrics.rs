//! `/metrics`: what is counted, and that nothing that a client wrote gets in.

use std::collections::BTreeSet;
use std::time::Duration;

use hellosign_testkit::{
    ACCOUNT, CLIENT_ID, CLIENT_SECRET, CODE, REFRESH_TOKEN, ROTATING_ID, ROTATING_TOKEN, Request, TestServer,
};

use super::{Metrics, ask};

const GRACE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn they_come_in_prometheus_s_text_format() {
    let server = TestServer::spawn().await;
    let answer = ask(&server, "/metrics").await;
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(answer.body.contains("# TYPE hellosign_store_commit_duration_seconds histogram\n"));
    let build = format!("hellosign_build_info{{version=\"{}\"}} 1\n", env!("CARGO_PKG_VERSION"));
    assert!(answer.body.contains(&build), "{answer:?}");
}

#[tokio::test]
async fn requests_are_counted_by_route_and_class_of_status() {
    let server = TestServer::spawn().await;
    let count = |route: &str, status: &str| {
        format!("hellosign_http_request_duration_seconds_count{{route=\"{route}\",status=\"{status}\"}}")
    };
    for _ in 0..3 {
        assert_eq!(server.refresh(REFRESH_TOKEN).await.status, 200);
    }
    assert_eq!(server.refresh("another").await.status, 400);
    let app = format!("/v3/api_app/{CLIENT_ID}");
    assert_eq!(server.api("GET", &app, None).await.status, 200);
    assert_eq!(server.send(Request::new("GET", "/secret/path")).await.status, 404);
    let metrics = Metrics::of(&server).await;
    assert_eq!(metrics.value(&count("/oauth/token", "2xx")), 3.0);
    assert_eq!(metrics.value(&count("/oauth/token", "4xx")), 1.0);
    assert_eq!(metrics.value(&count("/v3/api_app/{client_id}", "2xx")), 1.0);
    assert_eq!(metrics.value(&count("none", "4xx")), 1.0);
}

#[tokio::test]
async fn refusals_are_counted_by_the_error_that_was_answered() {
    let server = TestServer::spawn_with(|config| config.rate_limit = Some(60)).await;
    let refusal =
        |route: &str, error: &str| format!("hellosign_refusals_total{{route=\"{route}\",error=\"{error}\"}}");
    server.refresh("another").await;
    server.token(&[("grant_type", "password")]).await;
    let wrong_secret = [
        ("client_id", CLIENT_ID),
        ("client_secret", "x"),
        ("grant_type", "authorization_code"),
        ("code", CODE),
    ];
    server.token(&wrong_secret).await;
    server.account("no token").await;
    let target = format!("/oauth/authorize?client_id={CLIENT_ID}&response_type=code&scope=x");
    let redirected = server.send(Request::new("GET", &target)).await;
    assert_eq!(redirected.status, 303, "{redirected:?}");
    server.send(Request::new("GET", "/oauth/authorize?client_id=nobody")).await;
    let metrics = Metrics::of(&server).await;
    for (route, error) in [
        ("/oauth/token", "invalid_grant"),
        ("/oauth/token", "unsupported_grant_type"),
        ("/oauth/token", "invalid_client"),
        ("/v3/account", "unauthorized"),
        ("/oauth/authorize", "invalid_scope"),
        ("/oauth/authorize", "invalid_request"),
    ] {
        assert_eq!(metrics.value(&refusal(route, error)), 1.0, "{route} {error}: {metrics:?}");
    }
    // The address has asked for some of its 60 already.
    for _ in 0..60 {
        server.refresh("another").await;
    }
    let metrics = Metrics::of(&server).await;
    let limited = metrics.value("hellosign_rate_limited_requests_total{subject=\"address\"}");
    assert!(limited > 0.0);
    assert_eq!(metrics.value(&refusal("/oauth/token", "exceeded_rate")), limited);
}

#[tokio::test]
async fn what_was_issued_is_counted_and_what_is_alarming_too() {
    let server = TestServer::spawn().await;
    let issued = |by: &str| format!("hellosign_tokens_issued_total{{grant_type=\"{by}\"}}");
    let rotations = |outcome: &str| format!("hellosign_rotations_total{{outcome=\"{outcome}\"}}");
    let thefts = |evidence: &str| format!("hellosign_thefts_total{{evidence=\"{evidence}\"}}");

    assert_eq!(server.exchange(CODE).await.status, 200);
    server.refresh(REFRESH_TOKEN).await;
    let lost = server.rotate(ROTATING_TOKEN).await;
    server.rotate(ROTATING_TOKEN).await;
    let metrics = Metrics::of(&server).await;
    assert_eq!(metrics.value(&issued("authorization_code")), 1.0);
    assert_eq!(metrics.value(&issued("refresh_token")), 3.0);
    assert_eq!(metrics.value(&rotations("rotated")), 1.0);
    assert_eq!(metrics.value(&rotations("repeated")), 1.0);

    server.clock().advance(GRACE);
    assert_eq!(server.rotate(ROTATING_TOKEN).await.status, 200);
    assert_eq!(server.rotate(&lost.text("refresh_token")).await.status, 400);
    assert_eq!(server.exchange(CODE).await.status, 400);
    let metrics = Metrics::of(&server).await;
    assert_eq!(metrics.value(&rotations("replaced")), 1.0);
    assert_eq!(metrics.value(&thefts("refresh_token")), 1.0);
    assert_eq!(metrics.value(&thefts("code")), 1.0);
    assert_eq!(metrics.value(&thefts("access_token")), 0.0);
}

#[tokio::test]
async fn the_store_tells_what_it_does() {
    let server = TestServer::spawn().await;
    let before = Metrics::of(&server).await;
    let mut token = ROTATING_TOKEN.to_owned();
    for _ in 0..5 {
        token = server.rotate(&token).await.text("refresh_token");
    }
    let after = Metrics::of(&server).await;
    let more = |series: &str| after.value(series) - before.value(series);
    // The store has notes of its own to write, too, once in a while.
    for writes in ["hellosign_store_commit_duration_seconds_count", "hellosign_store_writes_per_commit_sum"] {
        assert!((5.0..10.0).contains(&more(writes)), "{writes}: {}", more(writes));
    }
    assert_eq!(after.value("hellosign_store_journal_grants"), 1.0);
    assert_eq!(more("hellosign_store_cache_misses_total{kind=\"grant\"}"), 1.0);
    assert!(more("hellosign_store_read_duration_seconds_count") >= 3.0, "a client, an account, a grant");
    assert_eq!(after.value("hellosign_store_cache_entries{kind=\"grant\"}"), 1.0);
    assert!(after.value("hellosign_store_database_bytes") > 0.0);
    assert!(after.value("hellosign_store_wal_bytes") > 0.0);
    assert!(after.value("process_resident_memory_bytes") > 1e6);
    assert!(after.value("process_open_fds") > 3.0);
}

/// Whatever clients send, there are the same series with other numbers.
#[tokio::test]
async fn nothing_that_a_client_wrote_is_in_them() {
    let server = TestServer::spawn().await;
    let series = |metrics: &Metrics| -> BTreeSet<String> {
        let lines = metrics.0.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect()
    };
    let ask = async |n: usize| {
        server.send(Request::new("GET", &format!("/planted-path-{n}"))).await;
        server.send(Request::new("GET", &format!("/v3/api_app/planted-id-{n}"))).await;
        server.send(Request::new(&format!("PLANTED{n}"), "/oauth/token")).await;
        let (method, id) = (format!("planted-grant-type-{n}"), format!("planted-client-{n}"));
        server.token(&[("grant_type", &method), ("client_id", &id)]).await;
        server
            .token(&[("grant_type", "refresh_token"), ("client_id", &id), ("refresh_token", "planted")])
            .await;
        let target =
            format!("/oauth/authorize?client_id={CLIENT_ID}&response_type=planted-{n}&state=planted");
        server.send(Request::new("GET", &target)).await;
        server.account(&format!("planted-token-{n}")).await;
    };
    ask(0).await;
    let first = series(&Metrics::of(&server).await);
    for n in 1..20 {
        ask(n).await;
    }
    let metrics = Metrics::of(&server).await;
    assert_eq!(series(&metrics), first);
    for secret in ["planted", "PLANTED", CLIENT_ID, ROTATING_ID, CLIENT_SECRET, ACCOUNT] {
        assert!(!metrics.0.contains(secret), "{secret}");
    }
    assert!(first.len() < 500, "{} series", first.len());
}
