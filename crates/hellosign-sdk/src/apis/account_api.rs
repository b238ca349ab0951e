//! The vendor's `AccountApi`.

use hellosign_wire::account::{
    AccountCreateRequest, AccountCreateResponse, AccountGetResponse, AccountUpdateRequest,
    AccountVerifyRequest, AccountVerifyResponse,
};

use super::call_api;
use crate::client::ApiClient;
use crate::error::ApiError;
use crate::protocol::Request;
use crate::response::ApiResponse;
use crate::retry::Repeat;

/// Accounts: that of a credential, and others by their address.
#[derive(Debug, Clone)]
pub struct AccountApi {
    client: ApiClient,
}

impl AccountApi {
    /// The operations over this client.
    #[must_use]
    pub fn new(client: &ApiClient) -> Self {
        Self { client: client.clone() }
    }

    /// Reads an account (`GET /account`): that of the credential, or the one that is named by its id
    /// or, where that is `None`, by its address.
    ///
    /// # Errors
    /// [`ApiError`] where no answer came, it could not be read, or it was a refusal: 401 where the
    /// access token has expired, 403 where the app lacks the scope. For a client
    /// [with an account](ApiClient::with_account) also where there is no token for it.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, Configuration, apis::AccountApi};
    /// # async fn example(access_token: &str) -> Result<(), Box<dyn std::error::Error>> {
    /// let configuration = Configuration::builder().access_token(access_token).build()?;
    /// let answer = AccountApi::new(&ApiClient::new(configuration)).account_get(None, None).await?;
    /// println!("{}", answer.account.email_address);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn account_get(
        &self,
        account_id: Option<&str>,
        email_address: Option<&str>,
    ) -> Result<AccountGetResponse, ApiError> {
        self.account_get_with_http_info(account_id, email_address).await.map(|response| response.data)
    }

    /// The same, with status, headers and rate limit.
    ///
    /// # Errors
    /// As [`AccountApi::account_get`].
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::AccountApi};
    /// # async fn example(client: ApiClient) -> Result<(), hellosign_sdk::ApiError> {
    /// let response = AccountApi::new(&client).account_get_with_http_info(None, None).await?;
    /// println!("{:?} requests are left", response.rate_limit.remaining);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn account_get_with_http_info(
        &self,
        account_id: Option<&str>,
        email_address: Option<&str>,
    ) -> Result<ApiResponse<AccountGetResponse>, ApiError> {
        let query = [("account_id", account_id), ("email_address", email_address)];
        call_api(&self.client, Request::get("account_get", "/account", &query, self.client.configuration()))
            .await
    }

    /// Changes the credential's account (`PUT /account`): what is `None` stays as it is.
    ///
    /// # Errors
    /// As [`AccountApi::account_get`]; 400 `bad_request` for a value that cannot be.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::AccountApi, models::AccountUpdateRequest};
    /// # async fn example(client: ApiClient) -> Result<(), hellosign_sdk::ApiError> {
    /// let mut request = AccountUpdateRequest::default();
    /// request.locale = Some("de-DE".to_owned());
    /// println!("{:?}", AccountApi::new(&client).account_update(&request).await?.account.locale);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn account_update(
        &self,
        request: &AccountUpdateRequest,
    ) -> Result<AccountGetResponse, ApiError> {
        self.account_update_with_http_info(request).await.map(|response| response.data)
    }

    /// The same, with status, headers and rate limit.
    ///
    /// # Errors
    /// As [`AccountApi::account_update`].
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::AccountApi, models::AccountUpdateRequest};
    /// # async fn example(client: ApiClient, request: AccountUpdateRequest) -> Result<(), hellosign_sdk::ApiError> {
    /// let response = AccountApi::new(&client).account_update_with_http_info(&request).await?;
    /// println!("{:?} requests are left", response.rate_limit.remaining);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn account_update_with_http_info(
        &self,
        request: &AccountUpdateRequest,
    ) -> Result<ApiResponse<AccountGetResponse>, ApiError> {
        let configuration = self.client.configuration();
        // The same once more is the same.
        let sent = Request::api("account_update", "PUT", "/account", configuration, Repeat::Safe);
        call_api(&self.client, sent.with_json(request)).await
    }

    /// Whether somebody has an account with this address (`POST /account/verify`): the answer's `account` is
    /// `None` where nobody has.
    ///
    /// # Errors
    /// As [`AccountApi::account_get`]; 400 `bad_request` for what is no address.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::AccountApi, models::AccountVerifyRequest};
    /// # async fn example(client: ApiClient) -> Result<(), hellosign_sdk::ApiError> {
    /// let request = AccountVerifyRequest::new("jill@example.com");
    /// let is_known = AccountApi::new(&client).account_verify(&request).await?.account.is_some();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn account_verify(
        &self,
        request: &AccountVerifyRequest,
    ) -> Result<AccountVerifyResponse, ApiError> {
        self.account_verify_with_http_info(request).await.map(|response| response.data)
    }

    /// The same, with status, headers and rate limit.
    ///
    /// # Errors
    /// As [`AccountApi::account_verify`].
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::AccountApi, models::AccountVerifyRequest};
    /// # async fn example(client: ApiClient, request: AccountVerifyRequest) -> Result<(), hellosign_sdk::ApiError> {
    /// let response = AccountApi::new(&client).account_verify_with_http_info(&request).await?;
    /// println!("{:?} requests are left", response.rate_limit.remaining);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn account_verify_with_http_info(
        &self,
        request: &AccountVerifyRequest,
    ) -> Result<ApiResponse<AccountVerifyResponse>, ApiError> {
        let configuration = self.client.configuration();
        let sent = Request::api("account_verify", "POST", "/account/verify", configuration, Repeat::Safe);
        call_api(&self.client, sent.with_json(request)).await
    }

    /// Makes an account (`POST /account/create`). With an app's credentials the answer's `oauth_data` has
    /// tokens for it, unless the server waits until the address has been confirmed.
    ///
    /// # Errors
    /// As [`AccountApi::account_get`]; 400 `bad_request` where somebody has the address, or the credentials
    /// are not those of an app.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::AccountApi, models::AccountCreateRequest};
    /// # async fn example(client: ApiClient) -> Result<(), hellosign_sdk::ApiError> {
    /// let request = AccountCreateRequest::new("joan@example.com")
    ///     .with_client("cc91c61d00f8bb2ece1428035716b", "1d14434088507ffa390e6f5528465");
    /// let tokens = AccountApi::new(&client).account_create(&request).await?.oauth_data;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn account_create(
        &self,
        request: &AccountCreateRequest,
    ) -> Result<AccountCreateResponse, ApiError> {
        self.account_create_with_http_info(request).await.map(|response| response.data)
    }

    /// The same, with status, headers and rate limit.
    ///
    /// # Errors
    /// As [`AccountApi::account_create`].
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiClient, apis::AccountApi, models::AccountCreateRequest};
    /// # async fn example(client: ApiClient, request: AccountCreateRequest) -> Result<(), hellosign_sdk::ApiError> {
    /// let response = AccountApi::new(&client).account_create_with_http_info(&request).await?;
    /// println!("{:?} requests are left", response.rate_limit.remaining);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn account_create_with_http_info(
        &self,
        request: &AccountCreateRequest,
    ) -> Result<ApiResponse<AccountCreateResponse>, ApiError> {
        let configuration = self.client.configuration();
        let mut sent =
            Request::api("account_create", "POST", "/account/create", configuration, Repeat::IfRefused);
        if let Some(client_secret) = &request.client_secret {
            sent.secrets.add(client_secret.expose());
        }
        call_api(&self.client, sent.with_json(request)).await
    }
}
