//! What is not there, and what every answer has.

use hellosign_testkit::{Request, TestServer};

#[tokio::test]
async fn what_is_not_there_is_404_in_the_vendors_envelope() {
    let server = TestServer::spawn().await;
    for path in ["/", "/v3", "/oauth", "/oauth/token/", "/v3/oauth/tokens", "/v3/account/../account"] {
        let answer = server.send(Request::new("GET", path)).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["error_name"]),
            (404, &"not_found".into()),
            "{path}"
        );
        assert!(answer.header("x-request-id").is_some());
    }
}

#[tokio::test]
async fn another_method_is_refused() {
    let server = TestServer::spawn().await;
    for method in ["PATCH", "DELETE", "BREW"] {
        let answer = server.send(Request::new(method, "/v3/account")).await;
        assert_eq!(answer.status, 405);
        assert_eq!(answer.json()["error"]["error_name"], "method_not_supported");
    }
    for method in ["GET", "PUT", "OPTIONS"] {
        let answer = server.send(Request::new(method, "/oauth/token")).await;
        assert_eq!((answer.status, answer.header("allow")), (400, Some("POST")));
        assert_eq!(answer.text("error"), "invalid_request");
    }
}

const METADATA: &str = "/.well-known/oauth-authorization-server";

#[tokio::test]
async fn what_the_server_says_of_itself_is_where_it_was_asked_on_loopback_only() {
    let server = TestServer::spawn().await;
    let host = server.address().to_string();
    let answer = server.send(Request::new("GET", METADATA).host(&host)).await;
    let said = answer.json();
    assert_eq!(said["issuer"], format!("http://{host}"));
    assert_eq!(said["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    for endpoint in ["token_endpoint", "revocation_endpoint", "introspection_endpoint"] {
        let url = said[endpoint].as_str().unwrap();
        let path = url.strip_prefix(&format!("http://{host}")).unwrap();
        let answer = server.send(Request::new("GET", path)).await;
        assert_eq!(answer.header("allow"), Some("POST"), "{endpoint} is there");
    }
    let elsewhere = server.send(Request::new("GET", METADATA).host("evil.example")).await;
    assert_eq!(elsewhere.status, 404);
    assert!(elsewhere.body.contains("--public-url"), "{elsewhere:?}");
}

#[tokio::test]
async fn a_public_url_is_what_it_says_of_itself() {
    let public = |url: &str| Some(url.to_owned());
    let server =
        TestServer::spawn_with(|config| config.public_url = public("https://sign.example.com")).await;
    for host in ["evil.example", "127.0.0.1"] {
        let said = server.send(Request::new("GET", METADATA).host(host)).await.json();
        assert_eq!(said["token_endpoint"], "https://sign.example.com/oauth/token");
    }
    for url in [
        "sign.example.com",
        "https://sign.example.com/",
        "https://a@b.example",
        "ftp://a.example",
        "https://a.example/x",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut config = hellosign_server::Config::new(directory.path());
        config.public_url = public(url);
        let error = hellosign_server::Server::open(config).await.unwrap_err();
        assert!(error.to_string().contains("is not an origin"), "{url}: {error}");
    }
}
