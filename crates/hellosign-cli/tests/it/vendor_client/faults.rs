//! Every fault of the control API: what the vendor's client makes of it, and what ours does.

use std::time::Duration;

use hellosign_sdk::apis::OAuthApi;
use hellosign_sdk::models::OAuthTokenRefreshRequest;
use hellosign_sdk::{ApiClient, ApiError, Configuration};
use hellosign_testkit::{CLIENT_SECRET, ROTATING_ID, ROTATING_TOKEN, TestServer};
use serde_json::{Value, json};

use super::asked;

/// Longer than any answer takes that is not held back.
const PATIENCE: Duration = Duration::from_secs(2);

struct Case {
    fault: Value,
    /// The vendor's exception and its status.
    vendor: Value,
    ours: fn(&ApiError) -> bool,
}

/// What fails, and how it looks.
fn cases() -> Vec<Case> {
    let case = |fault, vendor, ours| Case { fault, vendor, ours };
    vec![
        case(
            json!({"status": 503, "retry_after": 7}),
            json!({"exception": "ServiceException", "status": 503}),
            |error| error.is_transient() && error.retry_after() == Some(Duration::from_secs(7)),
        ),
        case(json!({"status": 429}), json!({"exception": "ApiException", "status": 429}), |error| {
            error.is_transient()
                && error.api().is_some_and(|error| error.error_name.as_str() == "exceeded_rate")
        }),
        case(
            json!({"status": 400, "error": "invalid_grant"}),
            json!({"exception": "BadRequestException", "status": 400}),
            |error| error.is_grant_dead() && !error.is_transient(),
        ),
        case(
            json!({"status": 502, "html": true}),
            json!({"exception": "ServiceException", "status": 502}),
            |error| error.is_transient() && error.body().is_some_and(|body| body.contains("502")),
        ),
        case(
            json!({"status": 400, "html": true, "grant_type": "refresh_token"}),
            json!({"exception": "BadRequestException", "status": 400}),
            |error| error.is_transient() && !error.is_grant_dead(),
        ),
        case(
            json!({"status": 200, "body": "{\"access_token\":7}"}),
            json!({"exception": "ValidationError"}),
            |error| error.status() == Some(200) && !error.is_grant_dead(),
        ),
        case(json!({"truncate": true}), json!({"exception": "ProtocolError"}), ApiError::is_transient),
        // The vendor's client has a time-out for each read only.
        case(json!({"bytes_per_second": 100}), json!({"token_type": "Bearer"}), ApiError::is_timeout),
        case(json!({"delay_ms": 5000}), json!({"exception": "ReadTimeoutError"}), ApiError::is_timeout),
        case(json!({"cut": "before_request"}), json!({"exception": "ProtocolError"}), ApiError::is_transient),
        case(json!({"cut": "after_request"}), json!({"exception": "ProtocolError"}), ApiError::is_transient),
        case(
            json!({"cut": "after_commit", "client_id": ROTATING_ID}),
            json!({"exception": "ProtocolError"}),
            ApiError::is_transient,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_seen_by_the_vendors_client_and_by_ours() {
    let server = TestServer::spawn_in_real_time(|_| {}).await;
    let cases = cases();
    let faults: Value = cases.iter().map(|case| case.fault.clone()).collect();
    let request = json!({
        "grant_type": "refresh_token", "refresh_token": ROTATING_TOKEN,
        "client_id": ROTATING_ID, "client_secret": CLIENT_SECRET,
    });
    let seen = asked(&server, "faults.py", &request, &faults);
    assert_eq!(seen.len(), cases.len());
    for (case, seen) in cases.iter().zip(&seen) {
        assert_eq!(seen[0], case.vendor, "{}", case.fault);
        assert_eq!(seen[1], json!({"token_type": "Bearer"}), "the next one is answered: {}", case.fault);

        server.control().reset().await.unwrap();
        server.control().add_fault(serde_json::from_value(case.fault.clone()).unwrap()).unwrap();
        let error = refresh(&server).await.expect_err("a fault");
        assert!((case.ours)(&error), "{}: {error} {error:?}", case.fault);
        refresh(&server).await.unwrap_or_else(|error| panic!("{}: {error}", case.fault));
    }
}

async fn refresh(server: &TestServer) -> Result<(), ApiError> {
    let configuration = Configuration::builder().server(&server.url()).timeout(PATIENCE).build().unwrap();
    let request = OAuthTokenRefreshRequest::new(ROTATING_TOKEN).with_client(ROTATING_ID, CLIENT_SECRET);
    OAuthApi::new(&ApiClient::new(configuration)).oauth_token_refresh(&request).await.map(drop)
}
