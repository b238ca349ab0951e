//! The connections that operations share.

use std::sync::Arc;
use std::time::Duration;

use hellosign_wire::secret::AccessToken;

use crate::configuration::{Configuration, ConfigurationError};
#[cfg(feature = "tokens")]
use crate::tokens::AccountToken;
use crate::transport::Http;

/// Sends requests by one configuration. Cheap to clone; clones share their connections.
///
/// ```
/// use hellosign_sdk::{ApiClient, Configuration};
///
/// let client = ApiClient::new(Configuration::default());
/// assert_eq!(client.configuration().oauth_host(), "https://app.hellosign.com");
/// ```
#[derive(Debug, Clone)]
pub struct ApiClient {
    configuration: Arc<Configuration>,
    http: Http,
    #[cfg(feature = "tokens")]
    account: Option<AccountToken>,
}

impl ApiClient {
    /// A client without connections yet: they are made when they are needed. Where a host is https
    /// the system's certificates are read here.
    #[must_use]
    pub fn new(configuration: Configuration) -> Self {
        Self {
            http: Http::new(&configuration),
            configuration: Arc::new(configuration),
            #[cfg(feature = "tokens")]
            account: None,
        }
    }

    /// The same connections, where a request may take this long: for single calls that may take more or
    /// less time than the others.
    ///
    /// ```
    /// use std::time::Duration;
    /// use hellosign_sdk::{ApiClient, Configuration, apis::AccountApi};
    ///
    /// let client = ApiClient::new(Configuration::default());
    /// let patient = AccountApi::new(&client.with_timeout(Duration::from_secs(60)));
    /// ```
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        let configuration = Configuration { timeout, ..Configuration::clone(&self.configuration) };
        let mut client = self.clone();
        client.http = self.http.with_timeout(timeout);
        client.configuration = Arc::new(configuration);
        client
    }

    /// The same connections, on behalf of whoever this access token acts for.
    ///
    /// # Errors
    /// [`ConfigurationError::InvalidHeader`] for a token that no header can carry.
    ///
    /// ```
    /// use hellosign_sdk::{ApiClient, Configuration, apis::AccountApi};
    ///
    /// let client = ApiClient::new(Configuration::default());
    /// let jills = AccountApi::new(&client.with_access_token("not a real token")?);
    /// # Ok::<(), hellosign_sdk::ConfigurationError>(())
    /// ```
    pub fn with_access_token(
        &self,
        access_token: impl Into<AccessToken>,
    ) -> Result<Self, ConfigurationError> {
        let mut configuration = Configuration::clone(&self.configuration);
        configuration.access_token = Some(access_token.into());
        configuration.check_headers()?;
        Ok(Self {
            configuration: Arc::new(configuration),
            http: self.http.clone(),
            #[cfg(feature = "tokens")]
            account: None,
        })
    }

    /// The same connections, on behalf of an account whose tokens a
    /// [`TokenManager`](crate::tokens::TokenManager) keeps fresh: each request of the API has a token that
    /// is good, and is sent once more with another one where the answer is 401 all the same.
    ///
    /// ```no_run
    /// use hellosign_sdk::{ApiClient, ApiError, apis::AccountApi, tokens::AccountToken};
    ///
    /// # async fn example(client: ApiClient, jill: AccountToken) -> Result<(), ApiError> {
    /// let account = AccountApi::new(&client.with_account(&jill)).account_get(None, None).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tokens")]
    #[must_use]
    pub fn with_account(&self, account: &AccountToken) -> Self {
        Self { account: Some(account.clone()), ..self.clone() }
    }

    #[cfg(feature = "tokens")]
    pub(crate) fn account(&self) -> Option<&AccountToken> {
        self.account.as_ref()
    }

    /// The same connections, where everything is sent once.
    #[cfg(feature = "tokens")]
    pub(crate) fn without_retries(&self) -> Self {
        let retry = crate::retry::RetryPolicy::none();
        let configuration = Configuration { retry, ..Configuration::clone(&self.configuration) };
        Self { configuration: Arc::new(configuration), http: self.http.clone(), account: None }
    }

    /// The settings that it goes by.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }
}
