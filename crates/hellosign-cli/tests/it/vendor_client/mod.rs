//! The vendor's own Python client, unchanged, with the literal values of the vendor's page.

use std::process::Command as StdCommand;

use serde_json::{Value, json};

use crate::harness::{App, Command, FixtureFile, JILL, python, vendor_page};

const BAD_CODE: &str = "Either the combo client_id/code is wrong or this request was made more than 1 hour after the inital grant";

#[test]
fn the_vendors_client_works_unchanged() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut file = FixtureFile::default();
    file.account("jack@example.com");
    file.table("accounts", &[("email_address", JILL), ("api_key", "jill's API key")], "");
    file.app(App {
        client_id: vendor_page::CLIENT_ID,
        client_secret: vendor_page::CLIENT_SECRET,
        rotates: false,
    });
    file.code(vendor_page::CLIENT_ID, JILL, vendor_page::CODE);
    file.grant(vendor_page::CLIENT_ID, JILL, vendor_page::REFRESH_TOKEN);
    let fixtures = file.write(directory.path());
    let server = Command::server(&directory.path().join("data")).fixtures(&fixtures).start();

    let answers = calls(&format!("http://{}", server.address()));

    let generated = &answers["generate"];
    assert_tokens(generated);
    assert_eq!(generated["data"]["state"], vendor_page::STATE);
    assert_tokens(&answers["refresh"]);
    assert_eq!(
        answers["refresh"]["data"]["refresh_token"],
        vendor_page::REFRESH_TOKEN,
        "the app does not rotate"
    );
    assert_eq!(answers["refresh"]["data"].get("state"), None);
    assert_tokens(&answers["refresh_of_generated"]);
    assert_eq!(answers["refresh_of_generated"]["data"]["refresh_token"], generated["data"]["refresh_token"]);
    let access_token = |call: &str| answers[call]["data"]["access_token"].as_str().map(str::to_owned);
    assert_ne!(access_token("generate"), access_token("refresh_of_generated"));

    assert_account(&answers["account"]);
    assert_account(&answers["account_after_refresh"]);
    assert_account(&answers["account_by_api_key"]);
    assert_eq!(answers["account"]["data"], answers["account_by_api_key"]["data"]);

    let refused = |call: &str, error: &str, description: Option<&str>| {
        let answer = &answers[call];
        assert_eq!(answer["exception"], "BadRequestException", "{call}: {answer}");
        assert_eq!(answer["status"], 400, "{call}: {answer}");
        let body = answer["body"].as_object().unwrap_or_else(|| panic!("{call}: {answer}"));
        assert_eq!(body.len(), 2, "error and error_description, flat: {answer}");
        assert_eq!(body["error"], error, "{call}: {answer}");
        let sentence = body["error_description"].as_str().unwrap_or_default();
        assert!(!sentence.is_empty(), "{call}: {answer}");
        assert_eq!(sentence, description.unwrap_or(sentence), "{call}");
    };
    refused("generate_with_wrong_secret", "invalid_client", None);
    refused("generate_with_unknown_code", "invalid_request", Some(BAD_CODE));
    refused("generate_with_unknown_client", "invalid_request", Some(BAD_CODE));
    refused("generate_again", "invalid_request", Some(BAD_CODE));
    refused("refresh_of_unknown", "invalid_grant", Some("Invalid grant data (refresh token)"));
    refused("refresh_with_wrong_secret", "invalid_client", None);
    refused("refresh_without_credentials", "invalid_request", Some("Parameter client_id is missing"));

    let unauthorized = &answers["account_by_wrong_token"];
    assert_eq!(unauthorized["status"], 401, "{unauthorized}");
    assert_eq!(unauthorized["exception"], "UnauthorizedException", "{unauthorized}");
    assert_eq!(unauthorized["body"]["error"]["error_name"], "unauthorized", "the vendor's envelope");
    assert!(unauthorized["body"]["error"]["error_msg"].is_string(), "{unauthorized}");
}

fn calls(server: &str) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/vendor_client/calls.py");
    let output = StdCommand::new(python()).arg(script).arg(server).output().expect("python");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {:?} {stderr}", output.stdout))
}

fn assert_tokens(answer: &Value) {
    assert_eq!(answer["status"], 200, "{answer}");
    assert_eq!(answer["model"], "OAuthTokenResponse");
    let data = &answer["data"];
    assert_eq!(data["token_type"], "Bearer", "{answer}");
    assert_eq!(data["expires_in"], 86400, "{answer}");
    for token in ["access_token", "refresh_token"] {
        assert!(data[token].as_str().is_some_and(|token| token.len() >= 16), "{token}: {answer}");
    }
    let headers = &answer["headers"];
    assert_eq!(headers["cache-control"], "no-store", "{answer}");
    assert_eq!(headers["content-type"], "application/json", "{answer}");
    let number = |name: &str| {
        let value = headers[name].as_str().and_then(|value| value.parse::<i64>().ok());
        value.unwrap_or_else(|| panic!("{name} in {answer}"))
    };
    assert_eq!(number("x-ratelimit-limit"), 6000);
    assert!((1..6000).contains(&number("x-ratelimit-remaining")), "{answer}");
    assert_eq!(number("x-ratelimit-remaining"), number("x-ratelimit-limit-remaining"));
    assert!(number("x-ratelimit-reset") > 1_700_000_000, "Unix seconds: {answer}");
}

fn assert_account(answer: &Value) {
    assert_eq!(answer["status"], 200, "{answer}");
    assert_eq!(answer["model"], "AccountGetResponse");
    let account = &answer["data"]["account"];
    assert_eq!(account["email_address"], JILL);
    let account_id = account["account_id"].as_str().unwrap_or_default();
    assert!(account_id.len() == 40 && account_id.bytes().all(|b| b.is_ascii_hexdigit()), "{answer}");
    for flag in ["is_locked", "is_paid_hs", "is_paid_hf"] {
        assert_eq!(account[flag], json!(false), "{flag}: {answer}");
    }
    assert!(account["quotas"].is_object(), "{answer}");
}
