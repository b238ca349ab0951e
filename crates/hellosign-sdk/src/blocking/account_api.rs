//! The vendor's `AccountApi`, waiting.

use super::ApiClient;
use crate::apis;
use crate::error::ApiError;
use crate::models::AccountGetResponse;
use crate::response::ApiResponse;

/// The account that a credential acts for: [`apis::AccountApi`], waiting.
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
}
