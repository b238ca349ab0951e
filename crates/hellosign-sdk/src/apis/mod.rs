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

/// Build, send, decode: all that an operation does.
async fn call<T: DeserializeOwned>(client: &ApiClient, request: Request) -> Result<ApiResponse<T>, ApiError> {
    match client.http().send(&request).await {
        Ok(answer) => read(&request, answer),
        Err(failure) => Err(ApiError::unanswered(request.operation, failure)),
    }
}
