//! The vendor's `AccountApi`.

use hellosign_wire::account::AccountGetResponse;

use super::call_api;
use crate::client::ApiClient;
use crate::error::ApiError;
use crate::protocol::Request;
use crate::response::ApiResponse;

/// The account that a credential acts for.
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
}
