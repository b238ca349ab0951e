//! The vendor's `OAuthApi`, waiting.

use super::ApiClient;
use crate::apis;
use crate::error::ApiError;
use crate::models::{OAuthTokenGenerateRequest, OAuthTokenRefreshRequest, OAuthTokenResponse};
use crate::response::ApiResponse;

/// A code for tokens, a refresh token for a new access token: [`apis::OAuthApi`], waiting.
#[derive(Debug, Clone)]
pub struct OAuthApi {
    client: ApiClient,
    api: apis::OAuthApi,
}

impl OAuthApi {
    /// The operations over this client.
    #[must_use]
    pub fn new(client: &ApiClient) -> Self {
        Self { api: apis::OAuthApi::new(&client.client), client: client.clone() }
    }

    /// [`apis::OAuthApi::oauth_token_generate`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::OAuthApi, models::OAuthTokenGenerateRequest};
    /// # fn example(oauth: OAuthApi) -> Result<(), ApiError> {
    /// let request = OAuthTokenGenerateRequest::new("id", "secret", "code", "state");
    /// println!("good for {:?} seconds", oauth.oauth_token_generate(&request)?.expires_in);
    /// # Ok(())
    /// # }
    /// ```
    pub fn oauth_token_generate(
        &self,
        request: &OAuthTokenGenerateRequest,
    ) -> Result<OAuthTokenResponse, ApiError> {
        self.client.background.wait(self.api.oauth_token_generate(request))
    }

    /// [`apis::OAuthApi::oauth_token_generate_with_http_info`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::OAuthApi, models::OAuthTokenGenerateRequest};
    /// # fn example(oauth: OAuthApi, request: OAuthTokenGenerateRequest) -> Result<(), ApiError> {
    /// println!("{:?}", oauth.oauth_token_generate_with_http_info(&request)?.rate_limit);
    /// # Ok(())
    /// # }
    /// ```
    pub fn oauth_token_generate_with_http_info(
        &self,
        request: &OAuthTokenGenerateRequest,
    ) -> Result<ApiResponse<OAuthTokenResponse>, ApiError> {
        self.client.background.wait(self.api.oauth_token_generate_with_http_info(request))
    }

    /// [`apis::OAuthApi::oauth_token_refresh`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::OAuthApi, models::OAuthTokenRefreshRequest};
    /// # fn example(oauth: OAuthApi) -> Result<(), ApiError> {
    /// let request = OAuthTokenRefreshRequest::new("refresh token").with_client("id", "secret");
    /// println!("good for {:?} seconds", oauth.oauth_token_refresh(&request)?.expires_in);
    /// # Ok(())
    /// # }
    /// ```
    pub fn oauth_token_refresh(
        &self,
        request: &OAuthTokenRefreshRequest,
    ) -> Result<OAuthTokenResponse, ApiError> {
        self.client.background.wait(self.api.oauth_token_refresh(request))
    }

    /// [`apis::OAuthApi::oauth_token_refresh_with_http_info`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::OAuthApi, models::OAuthTokenRefreshRequest};
    /// # fn example(oauth: OAuthApi, request: OAuthTokenRefreshRequest) -> Result<(), ApiError> {
    /// println!("{:?}", oauth.oauth_token_refresh_with_http_info(&request)?.rate_limit);
    /// # Ok(())
    /// # }
    /// ```
    pub fn oauth_token_refresh_with_http_info(
        &self,
        request: &OAuthTokenRefreshRequest,
    ) -> Result<ApiResponse<OAuthTokenResponse>, ApiError> {
        self.client.background.wait(self.api.oauth_token_refresh_with_http_info(request))
    }
}
