//! `/healthz` and `/readyz`, on either listener.

use std::fs;

use hellosign_testkit::{CODE, Request, TestServer};

use super::{Metrics, ask};

#[tokio::test]
async fn a_server_that_can_answer_is_healthy_and_ready() {
    let server = TestServer::spawn().await;
    for (path, body) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        for answer in [ask(&server, path).await, server.send(Request::new("GET", path)).await] {
            assert_eq!((answer.status, answer.body.as_str()), (200, body), "{path}");
        }
    }
    assert_eq!(Metrics::of(&server).await.value("hellosign_ready"), 1.0);
}

#[tokio::test]
async fn metrics_are_for_those_who_run_the_server() {
    let server = TestServer::spawn().await;
    assert_eq!(server.send(Request::new("GET", "/metrics")).await.status, 404);
    assert_eq!(ask(&server, "/oauth/token").await.status, 404);
    assert_eq!(ask(&server, "/v3/account").await.status, 404);
}

#[tokio::test]
async fn a_key_that_is_listed_and_not_held_is_why_a_server_is_not_ready() {
    let server = TestServer::spawn().await;
    let key_file = server.data_dir().join("server.key");
    let as_it_was = fs::read_to_string(&key_file).unwrap();
    fs::write(&key_file, format!("{as_it_was}key 00c0ffee {}\n", "42".repeat(32))).unwrap();
    // Listed from now on.
    let server = server.restart().await;
    assert_eq!(ask(&server, "/readyz").await.status, 200);
    fs::write(&key_file, as_it_was).unwrap();
    let server = server.restart().await;
    for answer in [ask(&server, "/readyz").await, server.send(Request::new("GET", "/readyz")).await] {
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
        assert_eq!(answer.body.lines().count(), 1, "{answer:?}");
        assert!(answer.body.contains("key"), "{answer:?}");
    }
    assert_eq!(ask(&server, "/healthz").await.status, 200);
    assert_eq!(Metrics::of(&server).await.value("hellosign_ready"), 0.0);
    assert_eq!(server.exchange(CODE).await.status, 200, "what it can answer it answers");
}
