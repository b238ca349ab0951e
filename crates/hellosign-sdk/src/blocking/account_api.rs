//! The vendor's `AccountApi`, waiting.

use super::ApiClient;
use crate::apis;
use crate::error::ApiError;
use crate::models::{
    AccountCreateRequest, AccountCreateResponse, AccountGetResponse, AccountUpdateRequest,
    AccountVerifyRequest, AccountVerifyResponse,
};
use crate::response::ApiResponse;

/// Accounts: [`apis::AccountApi`], waiting.
#[derive(Debug, Clone)]
pub struct AccountApi {
    client: ApiClient,
    api: apis::AccountApi,
}

impl AccountApi {
    /// The operations over this client.
    #[must_use]
    pub fn new(client: &ApiClient) -> Self {
        Self { api: apis::AccountApi::new(&client.client), client: client.clone() }
    }

    /// [`apis::AccountApi::account_get`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::AccountApi};
    /// # fn example(api: AccountApi) -> Result<(), ApiError> {
    /// println!("{}", api.account_get(None, None)?.account.email_address);
    /// # Ok(())
    /// # }
    /// ```
    pub fn account_get(
        &self,
        account_id: Option<&str>,
        email_address: Option<&str>,
    ) -> Result<AccountGetResponse, ApiError> {
        self.client.background.wait(self.api.account_get(account_id, email_address))
    }

    /// [`apis::AccountApi::account_get_with_http_info`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::AccountApi};
    /// # fn example(api: AccountApi) -> Result<(), ApiError> {
    /// println!("{:?}", api.account_get_with_http_info(None, None)?.rate_limit);
    /// # Ok(())
    /// # }
    /// ```
    pub fn account_get_with_http_info(
        &self,
        account_id: Option<&str>,
        email_address: Option<&str>,
    ) -> Result<ApiResponse<AccountGetResponse>, ApiError> {
        self.client.background.wait(self.api.account_get_with_http_info(account_id, email_address))
    }

    /// [`apis::AccountApi::account_update`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::AccountApi, models::AccountUpdateRequest};
    /// # fn example(api: AccountApi) -> Result<(), ApiError> {
    /// let request = AccountUpdateRequest::default();
    /// println!("{:?}", api.account_update(&request)?.account.locale);
    /// # Ok(())
    /// # }
    /// ```
    pub fn account_update(&self, request: &AccountUpdateRequest) -> Result<AccountGetResponse, ApiError> {
        self.client.background.wait(self.api.account_update(request))
    }

    /// [`apis::AccountApi::account_update_with_http_info`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::AccountApi, models::AccountUpdateRequest};
    /// # fn example(api: AccountApi) -> Result<(), ApiError> {
    /// let request = AccountUpdateRequest::default();
    /// println!("{:?}", api.account_update_with_http_info(&request)?.rate_limit);
    /// # Ok(())
    /// # }
    /// ```
    pub fn account_update_with_http_info(
        &self,
        request: &AccountUpdateRequest,
    ) -> Result<ApiResponse<AccountGetResponse>, ApiError> {
        self.client.background.wait(self.api.account_update_with_http_info(request))
    }

    /// [`apis::AccountApi::account_verify`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::AccountApi, models::AccountVerifyRequest};
    /// # fn example(api: AccountApi) -> Result<(), ApiError> {
    /// let request = AccountVerifyRequest::new("jill@example.com");
    /// println!("{:?}", api.account_verify(&request)?.account);
    /// # Ok(())
    /// # }
    /// ```
    pub fn account_verify(&self, request: &AccountVerifyRequest) -> Result<AccountVerifyResponse, ApiError> {
        self.client.background.wait(self.api.account_verify(request))
    }

    /// [`apis::AccountApi::account_verify_with_http_info`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::AccountApi, models::AccountVerifyRequest};
    /// # fn example(api: AccountApi) -> Result<(), ApiError> {
    /// let request = AccountVerifyRequest::new("jill@example.com");
    /// println!("{:?}", api.account_verify_with_http_info(&request)?.rate_limit);
    /// # Ok(())
    /// # }
    /// ```
    pub fn account_verify_with_http_info(
        &self,
        request: &AccountVerifyRequest,
    ) -> Result<ApiResponse<AccountVerifyResponse>, ApiError> {
        self.client.background.wait(self.api.account_verify_with_http_info(request))
    }

    /// [`apis::AccountApi::account_create`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::AccountApi, models::AccountCreateRequest};
    /// # fn example(api: AccountApi) -> Result<(), ApiError> {
    /// let request = AccountCreateRequest::new("joan@example.com");
    /// println!("{:?}", api.account_create(&request)?.account);
    /// # Ok(())
    /// # }
    /// ```
    pub fn account_create(&self, request: &AccountCreateRequest) -> Result<AccountCreateResponse, ApiError> {
        self.client.background.wait(self.api.account_create(request))
    }

    /// [`apis::AccountApi::account_create_with_http_info`].
    ///
    /// # Errors
    /// The same.
    ///
    /// ```no_run
    /// # use hellosign_sdk::{ApiError, blocking::AccountApi, models::AccountCreateRequest};
    /// # fn example(api: AccountApi) -> Result<(), ApiError> {
    /// let request = AccountCreateRequest::new("joan@example.com");
    /// println!("{:?}", api.account_create_with_http_info(&request)?.rate_limit);
    /// # Ok(())
    /// # }
    /// ```
    pub fn account_create_with_http_info(
        &self,
        request: &AccountCreateRequest,
    ) -> Result<ApiResponse<AccountCreateResponse>, ApiError> {
        self.client.background.wait(self.api.account_create_with_http_info(request))
    }
}
