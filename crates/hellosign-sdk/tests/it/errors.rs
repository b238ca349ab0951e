//! What an error means.

use std::time::Duration;

use hellosign_sdk::ApiError;
use hellosign_sdk::models::{ErrorCode, ErrorName};

use crate::peer::{answer, refusal};

async fn oauth(status: &str, code: &str) -> ApiError {
    refusal(answer(status, "", &format!(r#"{{"error":"{code}","error_description":"why"}}"#))).await
}

async fn with_headers(status: &str, headers: &str) -> ApiError {
    refusal(answer(status, headers, r#"{"error":{"error_msg":"m","error_name":"exceeded_rate"}}"#)).await
}

#[tokio::test]
async fn only_invalid_grant_is_a_dead_grant() {
    for status in ["400 Bad Request", "401 Unauthorized"] {
        assert!(oauth(status, "invalid_grant").await.is_grant_dead());
    }
    for code in ["invalid_client", "invalid_request", "unauthorized_client", "quota_reached", "brand_new"] {
        let error = oauth("400 Bad Request", code).await;
        assert!(!error.is_grant_dead() && !error.is_transient(), "{code}");
        assert_eq!(error.oauth().unwrap().error, ErrorCode::from(code));
    }
}

#[tokio::test]
async fn what_may_pass_is_transient_and_never_dead() {
    for status in [408, 425, 429, 500, 502, 503, 504, 599] {
        let error = oauth(&format!("{status} x"), "invalid_grant").await;
        assert!(error.is_transient() && !error.is_grant_dead(), "{status}");
    }
    for code in ["temporary_unavailable", "temporarily_unavailable", "server_error"] {
        assert!(oauth("400 Bad Request", code).await.is_transient(), "{code}");
    }
}

#[tokio::test]
async fn both_shapes_are_read() {
    let flat = oauth("400 Bad Request", "invalid_request").await;
    assert_eq!(flat.oauth().unwrap().error_description.as_deref(), Some("why"));
    assert!(flat.api().is_none());
    assert_eq!(flat.to_string(), "oauth_token_refresh: the server answered 400 invalid_request (why)");

    let body = r#"{"error":{"error_msg":"Not found.","error_name":"not_found","error_path":"x[0]"}}"#;
    let nested = refusal(answer("404 Not Found", "", body)).await;
    let api = nested.api().unwrap();
    assert_eq!((&api.error_name, api.error_path.as_deref()), (&ErrorName::NotFound, Some("x[0]")));
    assert!(nested.oauth().is_none() && nested.status() == Some(404));
}

#[tokio::test]
async fn retry_after_is_seconds_or_a_date_or_the_rate_limits_reset() {
    let wait = |seconds| Some(Duration::from_secs(seconds));
    let date = "Date: Tue, 18 Aug 2026 10:00:00 GMT\r\n";
    let reset = |seconds: u64| {
        format!("{date}X-RateLimit-Limit-Remaining: 0\r\nX-Ratelimit-Reset: {}\r\n", 1_787_047_200 + seconds)
    };
    for (status, headers, expected) in [
        ("503 x", "Retry-After: 7\r\n".to_owned(), wait(7)),
        ("503 x", format!("{date}Retry-After: Tue, 18 Aug 2026 10:00:09 GMT\r\n"), wait(9)),
        ("503 x", format!("{date}Retry-After: Tue, 18 Aug 2026 09:00:00 GMT\r\n"), wait(0)),
        ("429 x", reset(11), wait(11)),
        ("429 x", format!("Retry-After: 3\r\n{}", reset(11)), wait(3)),
        ("400 x", reset(11), None),
        ("429 x", String::new(), None),
        ("503 x", "Retry-After: soon\r\n".to_owned(), None),
        ("503 x", "Retry-After: -5\r\n".to_owned(), None),
    ] {
        assert_eq!(with_headers(status, &headers).await.retry_after(), expected, "{status} {headers}");
    }
    let past = format!("{date}X-Ratelimit-Reset: 5\r\n");
    assert_eq!(with_headers("429 x", &past).await.retry_after(), wait(0));
}

#[tokio::test]
async fn the_rate_limit_of_a_refusal_can_be_read() {
    let error = with_headers("429 x", "X-RateLimit-Limit: 10\r\nX-RateLimit-Remaining: 0\r\n").await;
    assert_eq!((error.rate_limit().limit, error.rate_limit().remaining), (Some(10), Some(0)));
    assert_eq!(error.headers().unwrap().get("x-ratelimit-limit"), Some("10"));
}
