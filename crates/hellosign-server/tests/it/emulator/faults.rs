//! Each fault, on the wire.

use std::time::{Duration, Instant};

use hellosign_server::emulator::{Cut, Fault};
use hellosign_testkit::{
    Answer, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, ROTATING_ID, ROTATING_TOKEN, Request, TestServer, form,
    send,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn refresh_request(client_id: &str, token: &str) -> Request {
    let body = form(&[
        ("grant_type", "refresh_token"),
        ("client_id", client_id),
        ("client_secret", CLIENT_SECRET),
        ("refresh_token", token),
    ]);
    Request::new("POST", "/oauth/token").body("application/x-www-form-urlencoded", body)
}

async fn refresh(server: &TestServer) -> std::io::Result<Answer> {
    send(server.address(), refresh_request(ROTATING_ID, ROTATING_TOKEN)).await
}

#[tokio::test]
async fn an_answer_is_the_endpoints_own_error_of_that_status() {
    let server = TestServer::spawn().await;
    for (path, status, expected) in [
        ("/oauth/token", 503, r#"{"error":"temporary_unavailable""#),
        ("/oauth/token", 500, r#"{"error":"server_error""#),
        ("/oauth/token", 400, r#"{"error":"invalid_request""#),
        ("/oauth/token", 429, r#"{"error":{"error_msg":"Too many requests.","error_name":"exceeded_rate"}}"#),
        ("/v3/account", 503, r#"{"error":{"error_msg":"#),
        ("/v3/account", 401, r#"{"error":{"error_msg":"#),
    ] {
        server.control().add_fault(Fault::answer(status).on_path(path)).unwrap();
        let answer = server.send(Request::new("POST", path)).await;
        assert_eq!(answer.status, status);
        assert!(answer.body.starts_with(expected), "{path} {status}: {answer:?}");
    }
    let mut fault = Fault::answer(402);
    fault.error = Some("quota_reached".to_owned());
    fault.retry_after = Some(7);
    server.control().add_fault(fault).unwrap();
    let answer = refresh(&server).await.unwrap();
    assert_eq!((answer.text("error").as_str(), answer.header("retry-after")), ("quota_reached", Some("7")));
    assert!(answer.header("x-request-id").is_some() && answer.header("cache-control") == Some("no-store"));
    assert_eq!(refresh(&server).await.unwrap().status, 200, "nothing is left");
}

#[tokio::test]
async fn a_page_of_html_and_any_other_body() {
    let server = TestServer::spawn().await;
    let mut page = Fault::answer(502);
    page.html = true;
    let mut odd = Fault::answer(200);
    odd.body = Some(r#"{"access_token":7}"#.to_owned());
    server.control().add_fault(page).unwrap();
    server.control().add_fault(odd).unwrap();
    let answer = refresh(&server).await.unwrap();
    assert_eq!((answer.status, answer.header("content-type")), (502, Some("text/html")));
    assert!(answer.body.starts_with("<html>"), "{answer:?}");
    assert_eq!(refresh(&server).await.unwrap().body, r#"{"access_token":7}"#);
}

#[tokio::test]
async fn a_fault_is_for_the_requests_that_match_and_so_many_of_them() {
    let server = TestServer::spawn().await;
    let control = server.control();
    control.add_fault(Fault::answer(503).on_grant_type("refresh_token").times(2)).unwrap();
    let mut other = Fault::answer(500).always();
    other.client_id = Some(CLIENT_ID.to_owned());
    other.method = Some("post".to_owned());
    control.add_fault(other).unwrap();
    let account = |server: &TestServer| {
        let request = Request::new("GET", "/v3/account");
        let address = server.address();
        async move { send(address, request).await.unwrap().status }
    };
    assert_eq!(account(&server).await, 401, "no grant type");
    assert_eq!(refresh(&server).await.unwrap().status, 503);
    assert_eq!(control.faults()[0].fault.times, Some(1));
    assert_eq!(refresh(&server).await.unwrap().status, 503);
    assert_eq!(refresh(&server).await.unwrap().status, 200);
    for _ in 0..3 {
        assert_eq!(server.refresh(REFRESH_TOKEN).await.status, 500);
    }
    control.clear_faults();
    assert_eq!(server.refresh(REFRESH_TOKEN).await.status, 200);
    control.add_fault(Fault::answer(503).on_path("/v3/*").always()).unwrap();
    assert_eq!((account(&server).await, refresh(&server).await.unwrap().status), (503, 200));
    control.clear_faults();
    control.add_fault(Fault::answer(503).on_path("/oauth/token").times(2)).unwrap();
    for (path, status) in [("/v3/oauth/token", 503), ("/oauth/tokens", 404), ("/oauth/token", 503)] {
        assert_eq!(server.send(Request::new("POST", path)).await.status, status, "{path}");
    }
    assert!(control.add_fault(Fault::default()).is_err(), "it says nothing");
}

#[tokio::test]
async fn a_connection_cut_before_or_after_the_request_leaves_everything_as_it_was() {
    for cut in [Cut::BeforeRequest, Cut::AfterRequest] {
        let server = TestServer::spawn().await;
        server.control().add_fault(Fault::cut(cut)).unwrap();
        refresh(&server).await.expect_err("no answer");
        server.clock().advance(Duration::from_secs(60));
        let token = refresh(&server).await.unwrap().text("refresh_token");
        server.clock().advance(Duration::from_secs(60));
        // Generation 0 was rotated once, by the second request: its successor is in force.
        let answer = send(server.address(), refresh_request(ROTATING_ID, &token)).await.unwrap();
        assert_eq!(answer.status, 200, "{cut:?}");
        let recorded = server.control().requests();
        assert_eq!((recorded[0].status, recorded[0].has_fault), (None, true));
    }
}

#[tokio::test]
async fn before_the_request_is_before_its_body() {
    let server = TestServer::spawn().await;
    server.control().add_fault(Fault::cut(Cut::BeforeRequest)).unwrap();
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head = "POST /oauth/token HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The body is never sent.
    assert!(matches!(stream.read_to_end(&mut answer).await, Ok(0) | Err(_)), "{answer:?}");
}

#[tokio::test]
async fn a_connection_cut_after_the_commit_leaves_what_was_done() {
    let server = TestServer::spawn().await;
    server.control().add_fault(Fault::cut(Cut::AfterCommit).on_grant_type("refresh_token")).unwrap();
    refresh(&server).await.expect_err("no answer");
    let server = server.restart().await;
    let again = refresh(&server).await.unwrap();
    assert_eq!(again.status, 200, "the answer that was lost, within the grace period");
    assert_ne!(again.text("refresh_token"), ROTATING_TOKEN);
    server.clock().advance(Duration::from_secs(60));
    server.account(&again.text("access_token")).await;
    // It was seen, so the parent has been spent: the rotation did happen.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(refresh(&server).await.unwrap().text("error"), "invalid_grant");
}

#[tokio::test]
async fn half_of_an_answer_is_announced_as_a_whole_one() {
    let server = TestServer::spawn().await;
    server.control().add_fault(Fault::truncated()).unwrap();
    let answer = refresh(&server).await.unwrap();
    let announced: usize = answer.header("content-length").unwrap().parse().unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, announced / 2), "{answer:?}");
    let mut truncated = Fault::truncated();
    truncated.status = Some(502);
    truncated.html = true;
    server.control().add_fault(truncated).unwrap();
    let answer = refresh(&server).await.unwrap();
    assert!(answer.body.len() * 2 <= answer.header("content-length").unwrap().parse().unwrap());
}

#[tokio::test]
async fn a_slow_answer_and_a_late_one_arrive() {
    let server = TestServer::spawn().await;
    let mut slow = Fault::truncated();
    (slow.truncate, slow.bytes_per_second) = (false, Some(1000));
    server.control().add_fault(slow).unwrap();
    server.control().add_fault(Fault::delay(300)).unwrap();
    for least in [200, 300] {
        let started = Instant::now();
        let answer = refresh(&server).await.unwrap();
        assert_eq!(answer.json()["token_type"], "Bearer", "{answer:?}");
        assert!(started.elapsed() >= Duration::from_millis(least), "{:?}", started.elapsed());
    }
}
