//! What a server does not take on, over real sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hellosign_server::Server;
use hellosign_testkit::{
    ACCOUNT, Answer, CLIENT_ID, CLIENT_SECRET, CODE, REFRESH_TOKEN, Request, TestServer, config, form, send,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{Metrics, ask};

/// Long enough for whatever is to happen, on a slow machine too.
const PATIENCE: Duration = Duration::from_secs(30);
const SOON: Duration = Duration::from_millis(200);

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// What comes until the other side hangs up or resets.
async fn until_the_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut read)).await;
    let _ = end.expect("the server hangs up");
    read
}

/// An answer on a connection that stays open.
async fn get(stream: &mut TcpStream, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

/// Looks at the metrics until they are so.
async fn until(server: &TestServer, is_so: impl Fn(&Metrics) -> bool) -> Metrics {
    until_at(server.operations_address(), is_so).await
}

async fn until_at(operations: SocketAddr, is_so: impl Fn(&Metrics) -> bool) -> Metrics {
    let looking = async {
        loop {
            let metrics = Metrics::at(operations).await;
            if is_so(&metrics) {
                return metrics;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("it becomes so")
}

fn refresh() -> Request {
    let parameters = [
        ("grant_type", "refresh_token"),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
        ("refresh_token", REFRESH_TOKEN),
    ];
    Request::new("POST", "/oauth/token").body("application/x-www-form-urlencoded", form(&parameters))
}

#[tokio::test]
async fn one_connection_too_many_is_closed_at_once_and_others_are_not_disturbed() {
    let server = TestServer::spawn_with(|config| config.limits.max_connections = 3).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(server.address()).await;
        assert!(get(&mut stream, "/healthz").await.starts_with("HTTP/1.1 200"));
        open.push(stream);
    }
    assert_eq!(until_the_end(&mut connect(server.address()).await).await, b"");
    let metrics = Metrics::of(&server).await;
    assert_eq!(metrics.value("hellosign_connections_refused_total"), 1.0);
    assert_eq!(metrics.value("hellosign_connections_open"), 3.0);
    assert!(get(&mut open[0], "/healthz").await.starts_with("HTTP/1.1 200"));
    drop(open.pop());
    until(&server, |metrics| metrics.value("hellosign_connections_open") < 3.0).await;
    let mut next = connect(server.address()).await;
    assert!(get(&mut next, "/healthz").await.starts_with("HTTP/1.1 200"), "there is room again");
}

/// What every answer of an endpoint has, this one has, too.
fn assert_told_to_come_again(answer: &Answer, error: &str) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
    assert!(answer.body.contains(error), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.header("x-request-id").is_some());
}

#[tokio::test]
async fn what_there_is_no_room_for_is_told_to_come_again_in_its_endpoint_s_own_way() {
    let server = TestServer::spawn_with(|config| {
        (config.limits.max_in_flight, config.limits.max_waiting) = (0, 0);
    })
    .await;
    for path in ["/oauth/token", "/v3/oauth/token", "/oauth/revoke", "/oauth/introspect"] {
        let body = form(&[("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET), ("token", "x")]);
        let request = Request::new("POST", path).body("application/x-www-form-urlencoded", body);
        for request in [request, Request::new("POST", path), Request::new("GET", path)] {
            let answer = server.send(request).await;
            assert_told_to_come_again(&answer, "\"error\":\"temporary_unavailable\"");
            assert!(answer.header("x-ratelimit-limit").is_some(), "{path}: {answer:?}");
        }
    }
    for (method, path) in [("GET", "/v3/account"), ("GET", "/openapi.json"), ("DELETE", "/v3/api_app/x")] {
        assert_told_to_come_again(
            &server.send(Request::new(method, path)).await,
            "\"error_name\":\"unavailable\"",
        );
    }
    let body =
        Request::new("POST", "/v3/account/verify").body("application/json", "{\"email_address\":\"a@b.c\"}");
    // With an API key, so that the body is read.
    let body = body.header("Authorization", &hellosign_testkit::basic(hellosign_testkit::API_KEY, ""));
    assert_told_to_come_again(&server.send(body).await, "\"error_name\":\"unavailable\"");
    assert_told_to_come_again(&server.send(Request::new("GET", "/oauth/authorize")).await, "<html");
    let posted = Request::new("POST", "/oauth/authorize/sign_in");
    let posted = posted.body("application/x-www-form-urlencoded", "email_address=a");
    assert_told_to_come_again(&server.send(posted).await, "<html");

    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.send(Request::new("GET", path)).await.status, 200, "{path}");
    }
    assert!(Metrics::of(&server).await.value("hellosign_requests_shed_total") >= 18.0);
}

#[tokio::test]
async fn so_many_wait_and_the_next_one_does_not() {
    let server = TestServer::spawn_with(|config| {
        (config.limits.max_in_flight, config.limits.max_waiting) = (0, 2);
        config.limits.max_wait = Duration::from_secs(5);
    })
    .await;
    let address = server.address();
    let mut waiting = JoinSet::new();
    for _ in 0..2 {
        waiting.spawn(send(address, refresh()));
    }
    until(&server, |metrics| metrics.value("hellosign_requests_waiting") == 2.0).await;
    assert_told_to_come_again(&server.send(refresh()).await, "temporary_unavailable");
    let metrics = Metrics::of(&server).await;
    assert_eq!(metrics.value("hellosign_requests_waiting"), 2.0, "they still do");
    assert_eq!(metrics.value("hellosign_requests_shed_total"), 1.0);
    while let Some(answer) = waiting.join_next().await {
        assert_told_to_come_again(&answer.unwrap().unwrap(), "temporary_unavailable");
    }
    assert_eq!(Metrics::of(&server).await.value("hellosign_requests_shed_total"), 3.0);
}

#[tokio::test]
async fn bodies_that_are_on_their_way_take_no_room_from_others() {
    // A server that tests control has read a body before it counts.
    let data_dir = tempfile::tempdir().unwrap();
    let mut config = config(&data_dir, &Arc::default());
    config.control = false;
    (config.limits.max_in_flight, config.limits.max_waiting) = (1, 0);
    let mut server = Server::open(config).await.unwrap();
    let (listener, operated) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let (address, operations) = (listener.local_addr().unwrap(), operated.local_addr().unwrap());
    server.operations_on(operated);
    let serving = tokio::spawn(server.serve(vec![listener], std::future::pending()));

    let head = "POST /oauth/token HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{";
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut stream = connect(address).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    until_at(operations, |metrics| metrics.value("hellosign_request_bodies_bytes") == 20.0).await;
    for _ in 0..5 {
        assert_eq!(send(address, refresh()).await.unwrap().status, 200);
    }
    drop(slow);
    until_at(operations, |metrics| metrics.value("hellosign_request_bodies_bytes") == 0.0).await;
    serving.abort();
}

#[tokio::test]
async fn all_bodies_together_are_only_so_large() {
    let server = TestServer::spawn_with(|config| config.limits.max_body_bytes = 1000).await;
    assert_eq!(server.send(refresh()).await.status, 200);
    let large = Request::new("POST", "/oauth/token").body("application/json", vec![b' '; 1001]);
    assert_told_to_come_again(&server.send(large).await, "temporary_unavailable");
    assert_eq!(server.send(refresh()).await.status, 200, "what was refused has left");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_told_to_come_again() {
    let server = TestServer::spawn_with(|config| config.limits.request_timeout = SOON).await;
    let database = rusqlite::Connection::open(server.data_dir().join("hellosign.db")).unwrap();
    database.busy_timeout(PATIENCE).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_told_to_come_again(&server.exchange(CODE).await, "temporary_unavailable");
    let metrics = Metrics::of(&server).await;
    assert_eq!(metrics.value("hellosign_requests_timed_out_total"), 1.0);
    assert_eq!(metrics.value("hellosign_requests_in_flight"), 0.0);
    database.execute_batch("ROLLBACK").unwrap();
    // What had been asked for was written: the code is spent.
    until(&server, |metrics| metrics.value("hellosign_store_writes_waiting") == 0.0).await;
    assert_eq!(server.send(refresh()).await.status, 200);
}

#[tokio::test]
async fn who_says_nothing_or_dribbles_is_let_go() {
    let server = TestServer::spawn_with(|config| config.limits.head_timeout = SOON).await;
    let mut silent = connect(server.address()).await;
    assert_eq!(until_the_end(&mut silent).await, b"");
    let mut dribbling = connect(server.address()).await;
    let started = tokio::time::Instant::now();
    let mut sent = b"GET /healthz HTTP/1.1\r\nX: ".iter().chain(std::iter::repeat(&b'x'));
    while dribbling.write_all(&[*sent.next().unwrap()]).await.is_ok() {
        assert!(started.elapsed() < PATIENCE, "each byte is not another chance");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let metrics = Metrics::of(&server).await;
    assert_eq!(metrics.value("hellosign_connections_cut_total{waiting_for=\"request\"}"), 2.0);
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_a_while_and_then_closed() {
    let server = TestServer::spawn_with(|config| {
        (config.limits.head_timeout, config.limits.keep_alive) = (SOON, SOON * 5);
    })
    .await;
    let mut stream = connect(server.address()).await;
    for _ in 0..3 {
        assert!(get(&mut stream, "/healthz").await.starts_with("HTTP/1.1 200"));
        // Longer than a head may take.
        tokio::time::sleep(SOON * 2).await;
    }
    assert_eq!(until_the_end(&mut stream).await, b"");
    let metrics = Metrics::of(&server).await;
    assert_eq!(
        metrics.value("hellosign_connections_cut_total{waiting_for=\"request\"}"),
        0.0,
        "nobody's fault"
    );
}

#[tokio::test]
async fn who_does_not_read_is_let_go() {
    let server = TestServer::spawn_with(|config| config.limits.answer_timeout = SOON).await;
    let (mut reading, mut writing) = connect(server.address()).await.into_split();
    // As much as the system takes on its way, and more.
    let asking = tokio::spawn(async move {
        for _ in 0..2000 {
            let request = b"GET /openapi.json HTTP/1.1\r\nHost: test\r\n\r\n";
            if writing.write_all(request).await.is_err() {
                break;
            }
        }
    });
    until(&server, |metrics| {
        metrics.value("hellosign_connections_cut_total{waiting_for=\"answer\"}") == 1.0
            && metrics.value("hellosign_connections_open") == 0.0
    })
    .await;
    asking.await.unwrap();
    // It did get what was on its way.
    assert!(reading.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0));
}

#[tokio::test]
async fn a_flood_does_not_keep_those_out_who_run_the_server() {
    let server = TestServer::spawn_with(|config| config.limits.max_connections = 1).await;
    let mut only = connect(server.address()).await;
    get(&mut only, "/healthz").await;
    assert_eq!(ask(&server, "/readyz").await.status, 200);
    assert!(server.control().set_account(ACCOUNT, Some(true), None).await.is_ok());
}
