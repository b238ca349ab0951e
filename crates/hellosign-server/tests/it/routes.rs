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
    for method in ["POST", "PUT", "DELETE", "BREW"] {
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
