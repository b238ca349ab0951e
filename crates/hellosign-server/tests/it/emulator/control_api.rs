//! The same over HTTP, on a listener of its own.

use hellosign_testkit::{
    ACCOUNT, Answer, CLIENT_ID, CONTROL_TOKEN, REFRESH_TOKEN, Request, TestServer, send,
};
use serde_json::{Value, json};

async fn ask(server: &TestServer, method: &str, path: &str, body: Option<&Value>) -> Answer {
    let host = server.control_address().to_string();
    let request =
        Request::new(method, path).host(&host).header("Authorization", &format!("Bearer {CONTROL_TOKEN}"));
    let request = match body {
        Some(body) => request.body("application/json", body.to_string()),
        None => request.header("Content-Length", "0"),
    };
    send(server.control_address(), request).await.unwrap()
}

#[tokio::test]
async fn everything_can_be_done() {
    let server = TestServer::spawn().await;
    let token = server.refresh(REFRESH_TOKEN).await.text("access_token");
    let grant = json!({"client_id": CLIENT_ID, "account": ACCOUNT});

    let before = ask(&server, "GET", "/clock", None).await.json()["now_ms"].as_i64().unwrap();
    let after = ask(&server, "POST", "/clock/advance", Some(&json!({"seconds": 1.5}))).await.json();
    assert_eq!(after["now_ms"], before + 1500);

    assert_eq!(ask(&server, "POST", "/grants/expire", Some(&grant)).await.json(), json!({"grants": 1}));
    assert_eq!(server.account(&token).await.status, 401);

    let fault = json!({"path": "/oauth/token", "status": 503, "times": "always"});
    let added = ask(&server, "POST", "/faults", Some(&fault)).await;
    assert_eq!(added.status, 201, "{added:?}");
    assert_eq!(server.refresh(REFRESH_TOKEN).await.status, 503);
    let faults = ask(&server, "GET", "/faults", None).await.json();
    assert_eq!(faults["faults"][0]["id"], added.json()["id"]);
    assert_eq!(faults["faults"][0]["times"], "always");
    assert_eq!(ask(&server, "DELETE", "/faults", None).await.status, 204);
    assert_eq!(server.refresh(REFRESH_TOKEN).await.status, 200);

    let change = json!({"client_id": CLIENT_ID, "refresh_token_rotation": true, "switches": {"rfc_error_codes": true}});
    assert_eq!(ask(&server, "POST", "/api_apps", Some(&change)).await.status, 204);
    assert_eq!(server.exchange("unknown").await.text("error"), "invalid_grant");
    let next = server.refresh(REFRESH_TOKEN).await.text("refresh_token");
    assert_ne!(next, REFRESH_TOKEN);

    let change = json!({"email_address": ACCOUNT, "is_confirmed": false});
    assert_eq!(ask(&server, "POST", "/accounts", Some(&change)).await.status, 204);

    assert_eq!(ask(&server, "POST", "/grants/revoke", Some(&grant)).await.json(), json!({"grants": 1}));
    assert_eq!(server.refresh(&next).await.text("error"), "invalid_grant");

    let requests = ask(&server, "GET", "/requests", None).await.json();
    let paths: Vec<_> =
        requests["requests"].as_array().unwrap().iter().map(|request| &request["path"]).collect();
    assert_eq!(paths.len(), 7, "and none of the control API's: {paths:?}");
    assert_eq!(ask(&server, "DELETE", "/requests", None).await.status, 204);

    assert_eq!(ask(&server, "POST", "/reset", None).await.status, 204);
    assert_eq!(server.refresh(REFRESH_TOKEN).await.text("refresh_token"), REFRESH_TOKEN);
}

#[tokio::test]
async fn nobody_else_can_do_anything() {
    let server = TestServer::spawn().await;
    let address = server.control_address();
    let host = address.to_string();
    let bearer = format!("Bearer {CONTROL_TOKEN}");
    for (request, status) in [
        (Request::new("POST", "/reset").host(&host), 401),
        (Request::new("POST", "/reset").host(&host).header("Authorization", "Bearer wrong"), 401),
        (Request::new("POST", "/reset").host("evil.example").header("Authorization", &bearer), 403),
        (Request::new("GET", "/nothing").host(&host), 401),
        (Request::new("GET", "/nothing").host(&host).header("Authorization", &bearer), 404),
        (Request::new("GET", "/reset").host(&host).header("Authorization", &bearer), 405),
    ] {
        let answer = send(address, request.header("Content-Length", "0")).await.unwrap();
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.json()["error"].is_string(), "{answer:?}");
    }
    assert_eq!(
        server.send(Request::new("POST", "/reset").header("Authorization", &bearer)).await.status,
        404
    );
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let server = TestServer::spawn().await;
    for (path, body, status, word) in [
        ("/clock/advance", json!({"seconds": -1}), 400, "seconds"),
        ("/clock/advance", json!({}), 400, "seconds"),
        ("/clock/advance", json!({"seconds": 1e12}), 400, "9999"),
        ("/faults", json!({"status": 503, "tines": 1}), 400, "tines"),
        ("/faults", json!({}), 400, "status"),
        ("/grants/revoke", json!({"client_id": "nobody", "account": ACCOUNT}), 404, "nobody"),
        ("/accounts", json!({"email_address": "nobody@example.com"}), 404, "nobody@example.com"),
        ("/api_apps", json!({"client_id": CLIENT_ID, "switches": {"x": true}}), 400, "x"),
    ] {
        let answer = ask(&server, "POST", path, Some(&body)).await;
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
        assert!(answer.text("error").contains(word), "{path} {body}: {answer:?}");
    }
    assert_eq!(ask(&server, "POST", "/faults", None).await.status, 400);
}
