//! The three bodies, and what is none of them.

use hellosign_testkit::{CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, Request, TestServer, form};

fn json() -> String {
    format!(
        r#"{{"grant_type":"refresh_token","refresh_token":"{REFRESH_TOKEN}","client_id":"{CLIENT_ID}","client_secret":"{CLIENT_SECRET}","state":null,"expires_in":86400,"token":{{"a":[1]}}}}"#
    )
}

fn multipart() -> String {
    let part = |(name, value): (&str, &str)| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let parts = [
        ("grant_type", "refresh_token"),
        ("refresh_token", REFRESH_TOKEN),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
    ];
    format!("{}--XX--\r\n", parts.map(part).concat())
}

async fn post(server: &TestServer, content_type: &str, body: impl Into<Vec<u8>>) -> (u16, String) {
    let answer = server.send(Request::new("POST", "/v3/oauth/token?refresh").body(content_type, body)).await;
    let error = answer.json()["error"].as_str().unwrap_or_default().to_owned();
    if answer.status != 200 {
        assert!(!answer.text("error_description").is_empty());
    }
    (answer.status, error)
}

#[tokio::test]
async fn all_three_are_read() {
    let server = TestServer::spawn().await;
    let good = (200, String::new());
    for content_type in ["application/json", "Application/JSON; charset=utf-8"] {
        assert_eq!(post(&server, content_type, json()).await, good);
    }
    assert_eq!(post(&server, "application/json", format!("\u{feff}{}", json())).await, good);
    assert_eq!(post(&server, "multipart/form-data; boundary=XX", multipart()).await, good);
    let encoded = form(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", REFRESH_TOKEN),
        ("client_id", CLIENT_ID),
        ("client_secret", CLIENT_SECRET),
    ]);
    assert_eq!(post(&server, "application/x-www-form-urlencoded", encoded).await, good);
}

#[tokio::test]
async fn another_content_type_is_415() {
    let server = TestServer::spawn().await;
    let refused = (415, "invalid_request".to_owned());
    for content_type in ["text/plain", "application/xml", "", "json", "application/jsonx"] {
        assert_eq!(post(&server, content_type, json()).await, refused, "{content_type}");
    }
    let none = server.send(Request::new("POST", "/oauth/token").header("Content-Length", "0")).await;
    assert_eq!(none.status, 415);
}

#[tokio::test]
async fn what_cannot_be_read_is_400() {
    let server = TestServer::spawn().await;
    let refused = (400, "invalid_request".to_owned());
    let nested = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    for body in
        ["", "{", "[]", "7", "\"x\"", "null", "{\"a\":1}x", "\u{0}", &nested, &format!("{{\"x\":{nested}}}")]
    {
        assert_eq!(post(&server, "application/json", body).await, refused, "{body:.20}");
    }
    for body in [&b"a=%"[..], b"a=%4", b"a=%zz", b"a=%ff", b"a=\xff", b"%ff=a"] {
        assert_eq!(post(&server, "application/x-www-form-urlencoded", body).await, refused, "{body:?}");
    }
    for body in
        [multipart().replace("--XX--\r\n", ""), "--XX\r\n\r\nno name\r\n--XX--\r\n".into(), "x".into()]
    {
        assert_eq!(post(&server, "multipart/form-data; boundary=XX", body).await, refused);
    }
    assert_eq!(post(&server, "multipart/form-data", multipart()).await, refused);
}

#[tokio::test]
async fn a_parameter_is_sent_once_and_is_a_string() {
    let server = TestServer::spawn().await;
    let refused = (400, "invalid_request".to_owned());
    for twice in [r#"{"a":1,"a":2}"#, r#"{"code":"a","code":"a"}"#, r#"{"code":"a","\u0063ode":"a"}"#] {
        assert_eq!(post(&server, "application/json", twice).await, refused, "{twice}");
    }
    assert_eq!(post(&server, "application/x-www-form-urlencoded", "code=a&c%6fde=a").await, refused);
    let doubled = multipart()
        .replace("--XX--", "--XX\r\nContent-Disposition: form-data; name=\"client_id\"\r\n\r\nx\r\n--XX--");
    assert_eq!(post(&server, "multipart/form-data; boundary=XX", doubled).await, refused);
    for wrong in ["7", "true", "[\"x\"]", "{}", "1.5", "-1"] {
        let body = format!(r#"{{"grant_type":{wrong}}}"#);
        assert_eq!(post(&server, "application/json", body).await, refused, "{wrong}");
    }
    let value = server
        .send(Request::new("POST", "/oauth/token").body("application/json", r#"{"hunter2":1,"hunter2":2}"#))
        .await;
    assert!(value.text("error_description").contains("hunter2"), "the name helps");
}

#[tokio::test]
async fn too_large_a_body_is_413() {
    let server = TestServer::spawn().await;
    let large = format!("code={}", "x".repeat(64 * 1024));
    let refused = (413, "invalid_request".to_owned());
    assert_eq!(post(&server, "application/x-www-form-urlencoded", large).await, refused);
    let longest = format!("code={}", "x".repeat(64 * 1024 - 5));
    assert_eq!(post(&server, "application/x-www-form-urlencoded", longest).await.0, 400);
}
