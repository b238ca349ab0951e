//! The vendor's `OAuthApi`.

#[cfg(feature = "tokens")]
use hellosign_wire::secret::{ClientSecret, CodeVerifier, RefreshToken};
use hellosign_wire::token::{OAuthTokenGenerateRequest, OAuthTokenRefreshRequest, OAuthTokenResponse};

use super::call;
#[cfg(feature = "tokens")]
use crate::authorization::Authorized;
use crate::client::ApiClient;
use crate::error::ApiError;
use crate::protocol::{Request, Secrets};
use crate::response::ApiResponse;
use crate::retry::Repeat;

/// A code for tokens, a refresh token for a new access token.
///
/// Neither operation sends an `Authorization` header or follows a redirect. What is sent again, and when,
/// [`RetryPolicy`](crate::RetryPolicy) says: nothing by default.
#[derive(Debug, Clone)]
pub struct OAuthApi {
    client: ApiClient,
}

impl OAuthApi {
    /// The operations over this client.
    #[must_use]
    pub fn new(client: &ApiClient) -> Self {
        Self { client: client.clone() }
    }

    /// Exchanges a code for an access token and a refresh token (`POST /oauth/token`, RFC 6749
    /// §4.1.3). A code is good once: do not send it again after an answer was lost.
    ///
    /// # Errors
    /// [`ApiError`] where no answer came, it could not be read, or it was a refusal. The vendor's
    /// service answers a wrong code with `invalid_request`.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, Configuration, apis::OAuthApi, models::OAuthTokenGenerateRequest};
    /// # async fn example(client: ApiClient) -> Result<(), hellosign_sdk::ApiError> {
    /// let request = OAuthTokenGenerateRequest::new(
    ///     "cc91c61d00f8bb2ece1428035716b",
    ///     "1d14434088507ffa390e6f5528465",
    ///     "1b0d28d90c86c141",
    ///     "900e06e2",
    /// );
    /// let tokens = OAuthApi::new(&client).oauth_token_generate(&request).await?;
    /// println!("good for {:?} seconds", tokens.expires_in);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn oauth_token_generate(
        &self,
        request: &OAuthTokenGenerateRequest,
    ) -> Result<OAuthTokenResponse, ApiError> {
        self.oauth_token_generate_with_http_info(request).await.map(|response| response.data)
    }

    /// The same, with status, headers and rate limit.
    ///
    /// # Errors
    /// As [`OAuthApi::oauth_token_generate`].
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::OAuthApi, models::OAuthTokenGenerateRequest};
    /// # async fn example(client: ApiClient, request: OAuthTokenGenerateRequest) -> Result<(), hellosign_sdk::ApiError> {
    /// let response = OAuthApi::new(&client).oauth_token_generate_with_http_info(&request).await?;
    /// println!("{:?} requests are left", response.rate_limit.remaining);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn oauth_token_generate_with_http_info(
        &self,
        request: &OAuthTokenGenerateRequest,
    ) -> Result<ApiResponse<OAuthTokenResponse>, ApiError> {
        self.generate(request, request).await
    }

    /// The same with what the vendor's schema does not have: a `redirect_uri` that the authorization was
    /// started with, PKCE's proof.
    #[cfg(feature = "tokens")]
    pub(crate) async fn exchange(
        &self,
        client_id: &str,
        client_secret: ClientSecret,
        authorized: &Authorized,
    ) -> Result<OAuthTokenResponse, ApiError> {
        #[derive(serde::Serialize)]
        struct Proven<'a> {
            #[serde(flatten)]
            request: &'a OAuthTokenGenerateRequest,
            #[serde(skip_serializing_if = "Option::is_none")]
            redirect_uri: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            code_verifier: Option<&'a CodeVerifier>,
        }
        let (code, state) = (authorized.code.clone(), authorized.state.as_str());
        let request = OAuthTokenGenerateRequest::new(client_id, client_secret, code, state);
        let redirect_uri = authorized.redirect_uri.as_deref();
        let proven =
            Proven { request: &request, redirect_uri, code_verifier: authorized.code_verifier.as_ref() };
        Ok(self.generate(&request, &proven).await?.data)
    }

    /// Revokes a token (RFC 7009). It is none of the vendor's operations, whose service answers 404.
    #[cfg(feature = "tokens")]
    pub(crate) async fn revoke(
        &self,
        client_id: &str,
        client_secret: &ClientSecret,
        token: &RefreshToken,
    ) -> Result<(), ApiError> {
        #[derive(serde::Serialize)]
        struct Revoke<'a> {
            token: &'a RefreshToken,
            client_id: &'a str,
            client_secret: &'a ClientSecret,
        }
        let body = Revoke { token, client_id, client_secret };
        let secrets = Secrets::from([token.expose(), client_secret.expose()]);
        let configuration = self.client.configuration();
        let url = format!("{}/oauth/revoke", configuration.oauth_host());
        let request = Request::post_json("revoke", url, configuration, &body, Repeat::Safe, secrets);
        call::<Option<serde::de::IgnoredAny>>(&self.client, &request).await.map(drop)
    }

    async fn generate(
        &self,
        request: &OAuthTokenGenerateRequest,
        body: &impl serde::Serialize,
    ) -> Result<ApiResponse<OAuthTokenResponse>, ApiError> {
        let secrets = Secrets::from([request.client_secret.expose(), request.code.expose()]);
        let url = format!("{}/oauth/token", self.client.configuration().oauth_host());
        let configuration = self.client.configuration();
        let request =
            Request::post_json("oauth_token_generate", url, configuration, body, Repeat::IfUnsent, secrets);
        call(&self.client, &request).await
    }

    /// Exchanges a refresh token for a new access token (`POST /oauth/token?refresh`, RFC 6749 §6).
    /// Keep the answer's refresh token if there is one, and else the one that was sent.
    ///
    /// # Errors
    /// [`ApiError`] where no answer came, it could not be read, or it was a refusal;
    /// [`ApiError::is_grant_dead`] where the user has to authorize again.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::OAuthApi, models::OAuthTokenRefreshRequest};
    /// # async fn example(client: ApiClient) -> Result<(), hellosign_sdk::ApiError> {
    /// let request = OAuthTokenRefreshRequest::new("hNTI2MTFmM2VmZDQxZTZjOWRmZmFjZmVmMGMyNGFjMzI2MGI5YzgzNmE3")
    ///     .with_client("cc91c61d00f8bb2ece1428035716b", "1d14434088507ffa390e6f5528465");
    /// match OAuthApi::new(&client).oauth_token_refresh(&request).await {
    ///     Ok(tokens) => println!("good for {:?} seconds", tokens.expires_in),
    ///     Err(error) if error.is_grant_dead() => println!("ask the user to authorize again"),
    ///     Err(error) if error.is_transient() => println!("try again in {:?}", error.retry_after()),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn oauth_token_refresh(
        &self,
        request: &OAuthTokenRefreshRequest,
    ) -> Result<OAuthTokenResponse, ApiError> {
        self.oauth_token_refresh_with_http_info(request).await.map(|response| response.data)
    }

    /// The same, with status, headers and rate limit.
    ///
    /// # Errors
    /// As [`OAuthApi::oauth_token_refresh`].
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::OAuthApi, models::OAuthTokenRefreshRequest};
    /// # async fn example(client: ApiClient, request: OAuthTokenRefreshRequest) -> Result<(), hellosign_sdk::ApiError> {
    /// let response = OAuthApi::new(&client).oauth_token_refresh_with_http_info(&request).await?;
    /// println!("{} {:?}", response.status, response.headers.get("x-request-id"));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn oauth_token_refresh_with_http_info(
        &self,
        request: &OAuthTokenRefreshRequest,
    ) -> Result<ApiResponse<OAuthTokenResponse>, ApiError> {
        let client_secret = request.client_secret.as_ref().map(|secret| secret.expose());
        let secrets = Secrets::from([request.refresh_token.expose(), client_secret.unwrap_or_default()]);
        let url = format!("{}/oauth/token?refresh", self.client.configuration().oauth_host());
        let request = Request::post_json(
            "oauth_token_refresh",
            url,
            self.client.configuration(),
            request,
            Repeat::IfRefused,
            secrets,
        );
        call(&self.client, &request).await
    }
}
