//! The operations, one type for each of the vendor's tags.

mod account_api;
mod oauth_api;

pub use account_api::AccountApi;
pub use oauth_api::OAuthApi;

use serde::de::DeserializeOwned;

use crate::client::ApiClient;
use crate::error::ApiError;
use crate::protocol::{Request, read};
use crate::response::ApiResponse;

/// Build, send, decode: all that an operation does, again where the policy says so.
async fn call<T: DeserializeOwned>(client: &ApiClient, request: Request) -> Result<ApiResponse<T>, ApiError> {
    for retry in 0.. {
        let error = match client.http().send(&request).await {
            Ok(answer) => match read(&request, answer) {
                Ok(response) => return Ok(response),
                Err(error) => error,
            },
            Err(failure) => ApiError::unanswered(request.operation, failure),
        };
        let policy = &client.configuration().retry;
        match policy.wait(retry, request.repeat, &error, fastrand::f64()) {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return Err(error),
        }
    }
    unreachable!("a policy allows ten retries at most")
}
