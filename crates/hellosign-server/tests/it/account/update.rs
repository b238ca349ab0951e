//! `PUT /v3/account`

use hellosign_testkit::{OWNER, REFRESH_TOKEN, TestServer};
use serde_json::json;

#[tokio::test]
async fn what_is_given_is_changed_and_kept() {
    let server = TestServer::spawn().await;
    let changes = json!({"callback_url": "https://app.example/events", "locale": "de-DE"});
    let answer = server.api("PUT", "/v3/account", Some(&changes)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let server = server.restart().await;
    let account = server.api("GET", "/v3/account", None).await.json();
    assert_eq!(account["account"]["callback_url"], "https://app.example/events");
    assert_eq!(account["account"]["locale"], "de-DE");
    assert_eq!(account["account"]["email_address"], OWNER);
    assert_eq!(account["account"].get("warnings"), None);

    // Old clients update with POST; what is empty is taken away, what is absent stays.
    let answer = server.api("POST", "/v3/account", Some(&json!({"callback_url": ""}))).await.json();
    assert!(answer["account"]["callback_url"].is_null(), "{answer}");
    assert_eq!(answer["account"]["locale"], "de-DE");
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_name() {
    let server = TestServer::spawn().await;
    for (changes, status, path) in [
        (json!({"callback_url": "ftp://x"}), 400, json!("callback_url")),
        (json!({"callback_url": ["https://a.example/"]}), 400, json!("callback_url")),
        (json!({"locale": "klingon"}), 400, json!("locale")),
        (json!({"account_id": "00"}), 404, json!(null)),
        (json!([]), 400, json!(null)),
    ] {
        let answer = server.api("PUT", "/v3/account", Some(&changes)).await;
        assert_eq!((answer.status, &answer.json()["error"]["error_path"]), (status, &path), "{answer:?}");
    }
}

#[tokio::test]
async fn an_app_needs_account_access() {
    let server = TestServer::spawn().await;
    let token = server.refresh(REFRESH_TOKEN).await.text("access_token");
    let answer = server.api_as(&format!("Bearer {token}"), "PUT", "/v3/account", Some(&json!({}))).await;
    assert_eq!((answer.status, &answer.json()["error"]["error_name"]), (403, &"forbidden".into()));
    assert!(answer.body.contains("account_access"), "{answer:?}");
    assert!(answer.header("x-ratelimit-limit").is_some());
}
