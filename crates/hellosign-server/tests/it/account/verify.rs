//! `POST /v3/account/verify`

use hellosign_testkit::{ACCOUNT, TestServer};
use serde_json::json;

#[tokio::test]
async fn who_has_an_account_is_named_and_nobody_is_an_empty_object() {
    let server = TestServer::spawn().await;
    let verify = async |address: &str| {
        server.api("POST", "/v3/account/verify", Some(&json!({"email_address": address}))).await
    };
    assert_eq!(verify("JILL@example.com").await.json(), json!({"account": {"email_address": ACCOUNT}}));
    let nobody = verify("nobody@example.com").await;
    assert_eq!((nobody.status, nobody.body.as_str()), (200, "{}"));
    let wrong = verify("nobody").await;
    assert_eq!((wrong.status, &wrong.json()["error"]["error_path"]), (400, &"email_address".into()));
    assert_eq!(server.api("POST", "/v3/account/verify", None).await.status, 400);
}
