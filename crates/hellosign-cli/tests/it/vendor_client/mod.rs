//! The vendor's own clients, unchanged, with the literal values of the vendor's page.

mod faults;
mod switches;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command as StdCommand, Stdio};

use hellosign_testkit::{CONTROL_TOKEN, TestServer};
use serde_json::{Value, json};

use crate::harness::{App, Command, FixtureFile, JILL, node_directory, recipe, vendor_page, vendors_python};

const BAD_CODE: &str = "Either the combo client_id/code is wrong or this request was made more than 1 hour after the inital grant";

#[test]
fn the_vendors_python_client_works_unchanged() {
    let script = scripts().join("calls.py");
    works_unchanged(["BadRequestException", "UnauthorizedException"], |server| {
        outcomes(StdCommand::new(vendors_python()).arg(&script).arg(server))
    });
}

#[test]
fn the_vendors_node_client_works_unchanged() {
    let directory = node_directory(&recipe("node-test"));
    let script = directory.path().join("calls.mjs");
    fs::copy(scripts().join("calls.mjs"), &script).expect("the script");
    works_unchanged(["HttpError", "HttpError"], |server| {
        outcomes(StdCommand::new("node").arg(&script).arg(server))
    });
}

/// `exceptions` are what the client has for 400 and 401; `calls` makes all calls at a server.
fn works_unchanged(exceptions: [&str; 2], calls: impl FnOnce(&str) -> Value) {
    let directory = tempfile::tempdir().expect("a directory");
    let mut file = FixtureFile::default();
    file.table("accounts", &[("email_address", "jack@example.com"), ("api_key", "jack's API key")], "");
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
        assert_eq!(answer["exception"], exceptions[0], "{call}: {answer}");
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
    assert_eq!(unauthorized["exception"], exceptions[1], "{unauthorized}");
    assert_eq!(unauthorized["body"]["error"]["error_name"], "unauthorized", "the vendor's envelope");
    assert!(unauthorized["body"]["error"]["error_msg"].is_string(), "{unauthorized}");

    assert_account_operations(&answers["accounts"]);
    assert_api_app_operations(&answers["api_apps"]);
}

fn assert_account_operations(answers: &Value) {
    let data = |call: &str| {
        assert_eq!(answers[call]["status"], 200, "{call}: {}", answers[call]);
        &answers[call]["data"]
    };
    assert_eq!(data("verify")["account"]["email_address"], JILL);
    assert_eq!(data("verify_nobody").get("account"), None);
    assert_eq!(data("update")["account"]["callback_url"], "https://app.example/events");
    assert_eq!(data("update")["account"]["locale"], "de-DE");
    assert_eq!(data("create")["account"]["email_address"], "joan@example.com");
    assert_eq!(data("create")["oauth_data"]["expires_in"], 86400);
    let limit = &answers["create"]["headers"]["x-ratelimit-limit"];
    assert_eq!(limit, "6000", "an account has a budget, too");
    refused(&answers["create_again"], 400, "bad_request", Some("email_address"));
    refused(&answers["update_by_app"], 403, "forbidden", None);
}

fn assert_api_app_operations(answers: &Value) {
    let app = |call: &str, status: u16| {
        assert_eq!(answers[call]["status"], status, "{call}: {}", answers[call]);
        answers[call]["data"]["api_app"].clone()
    };
    let created = app("create", 201);
    assert_eq!(created["oauth"]["secret"].as_str().map(str::len), Some(64));
    assert_eq!(created["options"]["can_insert_everywhere"], true);
    let mut read = app("get", 200);
    read["oauth"]["secret"] = created["oauth"]["secret"].clone();
    assert_eq!(read, created, "but for the secret, which is said once");
    let list = &answers["list"]["data"];
    assert_eq!(list["list_info"], json!({"num_pages": 1, "num_results": 2, "page": 1, "page_size": 2}));
    let with_logo = app("create_with_logo", 201);
    for same in ["name", "domains", "options"] {
        assert_eq!(with_logo[same], created[same], "multipart and JSON mean the same");
    }
    assert_eq!(with_logo["oauth"]["scopes"], created["oauth"]["scopes"]);
    assert_eq!(answers["create_with_logo"]["data"]["warnings"][0]["warning_name"], "parameter_ignored");
    assert_eq!(app("update", 200)["name"], "Renamed");
    assert_eq!(answers["update"]["data"]["warnings"][0]["warning_name"], "oauth_grants_revoked");
    refused(&answers["create_with_both_kinds"], 400, "bad_request", Some("oauth[scopes]"));
    assert_eq!(answers["delete"]["status"], 204);
    refused(&answers["get_deleted"], 404, "not_found", None);
    refused(&answers["list_by_other_app"], 403, "forbidden", None);
}

/// The vendor's envelope.
fn refused(answer: &Value, status: u16, name: &str, path: Option<&str>) {
    let error = &answer["body"]["error"];
    assert_eq!((&answer["status"], &error["error_name"]), (&json!(status), &json!(name)), "{answer}");
    assert_eq!(error["error_path"].as_str(), path, "{answer}");
}

fn scripts() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/vendor_client"))
}

/// What a Python script makes of each of `cases` at a server that it controls.
fn asked(server: &TestServer, script: &str, with: &Value, cases: &Value) -> Vec<Value> {
    let mut script = StdCommand::new(vendors_python())
        .arg(scripts().join(script))
        .args([server.url(), format!("http://{}", server.control_address()), CONTROL_TOKEN.into()])
        .arg(with.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python");
    script.stdin.take().expect("piped").write_all(cases.to_string().as_bytes()).expect("the script reads");
    let output = script.wait_with_output().expect("the script ends");
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).expect("a list")
}

/// What a script printed.
fn outcomes(script: &mut StdCommand) -> Value {
    let output = script.output().unwrap_or_else(|error| panic!("{script:?}: {error}"));
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
