//! Every switch under both profiles that a client can see: what the vendor's sees of it, and what ours does.
//!
//! No client sends a stray `code_verifier`, or credentials in two places, and ours asks for no scopes, as the vendor's page
//! has it: `profile.rs` of the server's tests does.

use std::time::Duration;

use hellosign_sdk::apis::{AccountApi, OAuthApi};
use hellosign_sdk::authorization::{AuthorizationRequest, PendingAuthorization};
use hellosign_sdk::models::{AccountCreateRequest, OAuthTokenGenerateRequest, OAuthTokenRefreshRequest};
use hellosign_sdk::tokens::{Clock as _, SystemClock, TokenManager};
use hellosign_sdk::{ApiClient, ApiError, Configuration};
use hellosign_server::{Profile, Switches};
use hellosign_testkit::{
    ACCOUNT, API_KEY, CALLBACK, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, Request, TestServer,
};
use serde_json::{Value, json};

use super::asked;

/// Each with what it is in the two profiles.
const SWITCHES: [(&str, bool, bool); 9] = [
    ("refresh_token_rotation", false, true),
    ("refresh_credentials_required", true, true),
    ("pkce_required", false, true),
    ("redirect_uri_repeated", false, true),
    ("rfc_error_codes", false, true),
    ("issuer_in_response", false, true),
    ("scope_accepted", false, true),
    ("refresh_token_idle", false, true),
    ("confirmation_required", false, true),
];

/// What an app is told for one switch to be so. The vendor's client sends no challenge: only the switch that wants
/// one is left to do so.
fn settings(switch: &str, is_on: Option<bool>) -> Value {
    let mut switches = json!({});
    if switch != "pkce_required" {
        switches["pkce_required"] = json!(false);
    }
    match (switch, is_on) {
        ("refresh_token_rotation", Some(is_on)) => {
            return json!({"refresh_token_rotation": is_on, "switches": switches});
        }
        ("refresh_token_idle", Some(is_on)) => switches[switch] = json!(if is_on { 30 * 86400 } else { 0 }),
        (_, Some(is_on)) => switches[switch] = json!(is_on),
        (_, None) => {}
    }
    json!({"switches": switches})
}

#[tokio::test(flavor = "multi_thread")]
async fn every_switch_is_seen_by_the_vendors_client_and_by_ours() {
    for profile in [Profile::HelloSign, Profile::Strict] {
        let server = TestServer::spawn_in_real_time(|config| {
            config.profile = profile;
            config.auto_approve = Some(ACCOUNT.to_owned());
        })
        .await;
        let mut cases = Vec::new();
        for (switch, in_hellosign, in_strict) in SWITCHES {
            let default = if profile == Profile::Strict { in_strict } else { in_hellosign };
            for is_on in [None, Some(true), Some(false)] {
                cases.push((switch, settings(switch, is_on), is_on.unwrap_or(default)));
            }
        }
        let app = json!({
            "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN,
            "callback_url": CALLBACK, "api_key": API_KEY,
        });
        let asking: Value = cases.iter().map(|(switch, settings, _)| json!([switch, settings])).collect();
        let seen = asked(&server, "switches.py", &app, &asking);
        assert_eq!(seen.len(), cases.len());
        for ((switch, settings, is_on), seen) in cases.into_iter().zip(seen) {
            assert_eq!(seen, is_on, "{profile:?} {switch} {settings}: the vendor's client");
            let Some(seen) = seen_by_ours(&server, switch, &settings).await else { continue };
            assert_eq!(seen, is_on, "{profile:?} {switch} {settings}: ours");
        }
    }
}

/// Whether a switch is on, as far as our SDK can tell.
async fn seen_by_ours(server: &TestServer, switch: &str, settings: &Value) -> Option<bool> {
    let control = server.control();
    control.reset().await.unwrap();
    let switches: Switches = serde_json::from_value(settings["switches"].clone()).unwrap();
    let rotation = settings["refresh_token_rotation"].as_bool();
    control.set_app(CLIENT_ID, &switches, rotation, None).await.unwrap();

    let configuration = Configuration::builder().server(&server.url()).build().unwrap();
    let client = ApiClient::new(configuration.clone());
    let oauth = OAuthApi::new(&client);
    let refresh = || {
        let request = OAuthTokenRefreshRequest::new(REFRESH_TOKEN).with_client(CLIENT_ID, CLIENT_SECRET);
        let oauth = oauth.clone();
        async move { oauth.oauth_token_refresh(&request).await }
    };
    let error = |error: &ApiError| error.oauth().map(|error| error.error.as_str().to_owned());
    let generate = async |code: &str| {
        let request = OAuthTokenGenerateRequest::new(CLIENT_ID, CLIENT_SECRET, code, "x");
        oauth.oauth_token_generate(&request).await
    };
    let request = AuthorizationRequest::new(&configuration, CLIENT_ID);
    let now = SystemClock.wall();
    Some(match switch {
        "refresh_token_rotation" => refresh().await.unwrap().refresh_token != Some(REFRESH_TOKEN.into()),
        "refresh_credentials_required" => {
            let refused = oauth.oauth_token_refresh(&OAuthTokenRefreshRequest::new(REFRESH_TOKEN)).await;
            refused.is_err_and(|refused| error(&refused).as_deref() == Some("invalid_request"))
        }
        "pkce_required" => {
            let pending = request.start(now);
            let without = pending.complete(&callback(server, &pending).await, now);
            let pending = request.pkce().start(now);
            let with = pending.complete(&callback(server, &pending).await, now).unwrap();
            assert!(manager(&client).exchange("jill", &with).await.is_ok(), "with the proof it is answered");
            without.is_err()
        }
        "redirect_uri_repeated" => {
            let request = request.redirect_uri(CALLBACK);
            let pending = request.start(now);
            let authorized = pending.complete(&callback(server, &pending).await, now).unwrap();
            let unrepeated = generate(authorized.code().expose()).await;
            let pending = request.start(now);
            let authorized = pending.complete(&callback(server, &pending).await, now).unwrap();
            assert!(manager(&client).exchange("jill", &authorized).await.is_ok(), "the manager repeats it");
            unrepeated.is_err()
        }
        "rfc_error_codes" => {
            error(&generate("unknown").await.unwrap_err()).as_deref() == Some("invalid_grant")
        }
        "issuer_in_response" => {
            let pending = request.start(now);
            let callback = callback(server, &pending).await;
            assert!(pending.complete(&callback, now).is_ok(), "it is the one that was asked");
            callback.contains("iss=")
        }
        "refresh_token_idle" => {
            refresh().await.unwrap();
            control.advance(Duration::from_secs(31 * 86400)).await.unwrap();
            refresh().await.is_err_and(|error| error.is_grant_dead())
        }
        "confirmation_required" => {
            let configuration =
                Configuration::builder().server(&server.url()).api_key(API_KEY).build().unwrap();
            let request = AccountCreateRequest::new("joan@example.com").with_client(CLIENT_ID, CLIENT_SECRET);
            let created = AccountApi::new(&ApiClient::new(configuration)).account_create(&request).await;
            created.unwrap().oauth_data.is_none()
        }
        "scope_accepted" => return None,
        other => panic!("{other} is not looked at"),
    })
}

fn manager(client: &ApiClient) -> TokenManager {
    TokenManager::builder(client, CLIENT_ID, CLIENT_SECRET).build()
}

/// Where the user's browser is sent, who has allowed.
async fn callback(server: &TestServer, pending: &PendingAuthorization) -> String {
    let target = pending.url().strip_prefix(&server.url()).expect("a URL of this server");
    let host = server.address().to_string();
    let answer = server.send(Request::new("GET", target).host(&host)).await;
    answer.header("location").unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}
