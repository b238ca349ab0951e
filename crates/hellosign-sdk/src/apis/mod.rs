//! The operations, one type for each of the vendor's tags.

mod account_api;
mod api_app_api;
mod oauth_api;

pub use account_api::AccountApi;
pub use api_app_api::{ApiAppApi, ApiApps};
pub use oauth_api::OAuthApi;

use serde::de::DeserializeOwned;

use crate::client::ApiClient;
use crate::error::ApiError;
use crate::protocol::{Request, json, read};
use crate::response::ApiResponse;
#[cfg(feature = "tokens")]
use crate::tokens::AccountToken;

/// An operation of the API: on behalf of the client's account, where it has one.
async fn call_api<T: DeserializeOwned>(
    client: &ApiClient,
    request: Request,
) -> Result<ApiResponse<T>, ApiError> {
    call_api_for(client, request, json).await
}

/// The same, for an answer of any kind.
pub(crate) async fn call_api_for<T>(
    client: &ApiClient,
    request: Request,
    decode: fn(&[u8]) -> Option<T>,
) -> Result<ApiResponse<T>, ApiError> {
    #[cfg(feature = "tokens")]
    if let Some(account) = client.account() {
        return call_with(account, client, request, decode).await;
    }
    repeat(client, &request, decode).await
}

/// With a token that is good, and with another one where that is refused.
#[cfg(feature = "tokens")]
async fn call_with<T>(
    account: &AccountToken,
    client: &ApiClient,
    mut request: Request,
    decode: fn(&[u8]) -> Option<T>,
) -> Result<ApiResponse<T>, ApiError> {
    let operation = request.operation;
    let no_token = |error| ApiError::no_token(operation, error);
    let token = account.access_token().await.map_err(no_token)?;
    request.bear(token.access_token());
    let refused = match repeat(client, &request, decode).await {
        Err(error) if error.status() == Some(401) => error,
        answer => return answer,
    };
    account.invalidate(&token);
    let another = account.access_token().await.map_err(no_token)?;
    if another.access_token() == token.access_token() {
        return Err(refused);
    }
    request.bear(another.access_token());
    repeat(client, &request, decode).await
}

/// An operation that has its own credentials.
async fn call<T: DeserializeOwned>(
    client: &ApiClient,
    request: &Request,
) -> Result<ApiResponse<T>, ApiError> {
    repeat(client, request, json).await
}

/// Send and decode: all that an operation does, again where the policy says so.
async fn repeat<T>(
    client: &ApiClient,
    request: &Request,
    decode: fn(&[u8]) -> Option<T>,
) -> Result<ApiResponse<T>, ApiError> {
    for retry in 0.. {
        let error = match client.http().send(request).await {
            Ok(answer) => match read(request, answer, decode) {
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
