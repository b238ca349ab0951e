//! Nothing secret can be printed.

use hellosign_sdk::ApiClient;
use hellosign_sdk::apis::{AccountApi, OAuthApi};

use crate::peer::{Peer, SECRETS, TOKENS, answer, generate, refresh, refusal};

fn assert_silent(shown: &str) {
    for secret in SECRETS.into_iter().chain(["leaked-at", "leaked-rt", "the-api-key", "the-access-token"]) {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn what_a_server_repeats_is_taken_out_of_every_text() {
    let echo = SECRETS.join(" ");
    for body in [
        format!(r#"{{"error":"invalid_request","error_description":"you sent {echo}"}}"#),
        format!(r#"{{"error":{{"error_msg":"you sent {echo}","error_name":"bad_request"}}}}"#),
        format!("<p>{echo}</p>"),
        r#"{"access_token":"leaked-at","refresh_token":"leaked-rt","expires_in":[]}"#.to_owned(),
        r#"{"access_token":"leaked-at","refresh_token":"leaked-rt"#.to_owned(),
    ] {
        let peer = Peer::start(answer("400 Bad Request", "", &body)).await;
        let generated = peer.oauth().oauth_token_generate(&generate()).await.unwrap_err();
        let refreshed = peer.oauth().oauth_token_refresh(&refresh()).await.unwrap_err();
        for error in [refreshed, generated] {
            let own = error.to_string().replace(SECRETS[1], "").replace(SECRETS[2], "");
            assert!(!own.contains(SECRETS[0]));
            for text in
                [format!("{error}"), format!("{error:?}"), error.body().unwrap_or_default().to_owned()]
            {
                assert!(!text.contains(SECRETS[0]) && !text.contains("leaked"), "{text}");
            }
        }
    }
    let error = refusal(answer("400 x", "", &format!("<p>{}</p>", SECRETS[2]))).await;
    assert_silent(&format!("{error} {error:?} {:?}", error.body()));
}

#[tokio::test]
async fn debug_of_what_holds_secrets_is_silent() {
    let peer = Peer::start(answer(
        "200 OK",
        "Set-Cookie: s=leaked-at\r\n",
        &TOKENS.replace("\"at\"", "\"leaked-at\""),
    ))
    .await;
    let response = peer.oauth().oauth_token_generate_with_http_info(&generate()).await.unwrap();
    let configuration =
        peer.configuration().api_key("the-api-key").access_token("the-access-token").build().unwrap();
    let client = ApiClient::new(configuration.clone());
    assert_silent(&format!("{response:?} {:?} {:?} {configuration:?} {client:?}", generate(), refresh()));
    assert_silent(&format!("{:?} {:?}", OAuthApi::new(&client), AccountApi::new(&client)));
}

#[tokio::test]
async fn an_account_error_shows_neither_credential_nor_query() {
    let body = r#"{"error":{"error_msg":"no the-access-token here","error_name":"unauthorized"}}"#;
    let peer = Peer::start(answer("401 x", "", body)).await;
    let client = ApiClient::new(peer.configuration().access_token("the-access-token").build().unwrap());
    let error = AccountApi::new(&client).account_get(None, Some("jill@example.com")).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert_silent(&shown);
    assert!(!shown.contains("jill"), "{shown}");
}
