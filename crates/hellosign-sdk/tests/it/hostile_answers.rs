//! Answers that no server should give: each is an error with a name or is read leniently, none is a
//! panic.

use std::time::Duration;

use hellosign_sdk::Configuration;
use hellosign_sdk::apis::OAuthApi;
use hellosign_sdk::{ApiClient, ApiError};
use proptest::prelude::*;

use crate::peer::{Act, Peer, answer, impatient, refresh, refreshed, refusal, say};

#[tokio::test]
async fn expires_in_may_be_a_string() {
    let body = r#"{"access_token":"at","expires_in":"3600","surprise":[1]}"#;
    let tokens = refreshed(answer("200 OK", "", body)).await.unwrap();
    assert_eq!(
        (tokens.expires_in, tokens.token_type.as_str(), tokens.refresh_token),
        (Some(3600), "Bearer", None)
    );
}

#[tokio::test]
async fn html_in_place_of_json_is_transient_whatever_its_status() {
    let page = "<html><h1>Bad Gateway</h1></html>";
    for status in ["502 Bad Gateway", "200 OK", "403 Forbidden"] {
        let error = refusal(answer(status, "Content-Type: text/html\r\n", page)).await;
        assert!(error.is_transient() && !error.is_grant_dead(), "{error}");
        assert_eq!(error.body(), Some(page));
        assert!(error.to_string().contains("not JSON"), "{error}");
    }
}

#[tokio::test]
async fn an_empty_body_is_no_token() {
    let error = refusal(answer("200 OK", "", "")).await;
    assert!(error.is_transient() && error.status() == Some(200), "{error}");
    let error = refusal(say("HTTP/1.1 204 No Content\r\n\r\n")).await;
    assert_eq!(error.status(), Some(204));
}

#[tokio::test]
async fn json_without_a_token_is_no_token() {
    for body in ["{}", "[]", "null", "7", "\"x\"", r#"{"access_token":null}"#, r#"{"access_token":7}"#] {
        let error = refusal(answer("200 OK", "", body)).await;
        assert!(error.status() == Some(200) && !error.is_grant_dead(), "{body}: {error}");
        assert!(error.to_string().contains("not what was asked for"), "{error}");
    }
}

#[tokio::test]
async fn an_error_with_status_200_is_an_error() {
    let error = refusal(answer("200 OK", "", r#"{"error":"invalid_grant","error_description":"x"}"#)).await;
    assert!(error.is_grant_dead() && error.status() == Some(200));
}

#[tokio::test]
async fn a_body_cut_short_is_transient() {
    for cut in [
        "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"access_token\":\"at\"}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n15\r\n{\"access_token\":\"at\"}\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "",
    ] {
        let error = refusal(say(cut)).await;
        assert!(error.is_transient() && error.status().is_none() && !error.is_timeout(), "{cut}: {error}");
        assert!(error.to_string().contains("may have acted"), "{error}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_transient() {
    for garbage in
        [&b"\x16\x03\x01\x00\x00"[..], b"SSH-2.0-x\r\n", b"HTTP/9.9 abc\r\n\r\n", b"HTTP/1.1 99999 x\r\n\r\n"]
    {
        let error = refusal(say(garbage)).await;
        assert!(error.is_transient() && error.status().is_none(), "{error}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    let error = refusal(Act::SayForever(head.into(), chunk.into())).await;
    assert!(error.to_string().contains("larger than 1048576 bytes") && !error.is_transient(), "{error}");
    let endless_head = Act::SayForever("HTTP/1.1 200 OK\r\n".into(), "X-A: b\r\n".into());
    assert!(refusal(endless_head).await.status().is_none());
}

#[tokio::test]
async fn the_cap_is_ones_own() {
    let peer = Peer::start(answer("200 OK", "", r#"{"access_token":"at"}"#)).await;
    let with_cap = |bytes| {
        let configuration = peer.configuration().max_response_bytes(bytes).build().unwrap();
        OAuthApi::new(&ApiClient::new(configuration))
    };
    assert!(with_cap(21).oauth_token_refresh(&refresh()).await.is_ok());
    assert!(with_cap(20).oauth_token_refresh(&refresh()).await.is_err());
}

#[tokio::test]
async fn who_is_too_slow_is_not_waited_for() {
    let drip = Act::SayForever("HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n".into(), " ".into());
    for act in [Act::Freeze, drip] {
        let error = impatient(act).await;
        assert!(error.is_timeout() && error.is_transient() && !error.is_connect(), "{error}");
    }
}

#[tokio::test]
async fn nobody_there_is_a_connect_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let configuration = Configuration::builder()
        .server(&format!("http://{address}"))
        .connect_timeout(Duration::from_secs(1))
        .build()
        .unwrap();
    let oauth = OAuthApi::new(&ApiClient::new(configuration));
    let error: ApiError = oauth.oauth_token_refresh(&refresh()).await.unwrap_err();
    assert!(error.is_connect() && error.is_transient(), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a server says, there is a result, and its text can be had.
    #[test]
    fn no_answer_is_a_panic(
        status in 100_u16..1000,
        header in "[ -~]{0,40}",
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300),
            "\\{\"(access_token|error|expires_in)\":(\"[a-z]{0,8}\"|[0-9eE.+-]{1,8}|null|\\[\\]|\\{\\})\\}".prop_map(String::into_bytes),
        ],
    ) {
        let mut answer = format!(
            "HTTP/1.1 {status} x\r\nRetry-After: {header}\r\nDate: {header}\r\nX-Ratelimit-Reset: {header}\r\nContent-Length: {}\r\n\r\n",
            body.len(),
        )
        .into_bytes();
        answer.extend_from_slice(&body);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        if let Err(error) = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(10), impatient_or_ok(answer)).await.unwrap() }) {
            let _ = (error.to_string(), format!("{error:?}"), error.retry_after(), error.rate_limit());
            prop_assert!(!(error.is_grant_dead() && error.is_transient()));
        }
    }
}

async fn impatient_or_ok(bytes: Vec<u8>) -> Result<(), ApiError> {
    let peer = Peer::start(say(bytes)).await;
    let configuration = peer.configuration().timeout(Duration::from_secs(5)).build().expect("good");
    OAuthApi::new(&ApiClient::new(configuration)).oauth_token_refresh(&refresh()).await.map(drop)
}
