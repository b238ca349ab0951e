//! The operations for programs that do not run on tokio: each call waits until its answer is there.
//!
//! Names, settings, errors and requests are those of [`apis`](crate::apis); only the waiting differs.
//!
//! ```no_run
//! use hellosign_sdk::Configuration;
//! use hellosign_sdk::blocking::{ApiClient, OAuthApi};
//! use hellosign_sdk::models::OAuthTokenRefreshRequest;
//!
//! let oauth = OAuthApi::new(&ApiClient::new(Configuration::default())?);
//! let request = OAuthTokenRefreshRequest::new("hNTI2MTFmM2VmZDQxZTZjOWRmZmFjZmVmMGMyNGFjMzI2MGI5YzgzNmE3")
//!     .with_client("cc91c61d00f8bb2ece1428035716b", "1d14434088507ffa390e6f5528465");
//! let tokens = oauth.oauth_token_refresh(&request)?;
//! println!("good for {:?} seconds", tokens.expires_in);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod account_api;
mod api_app_api;
mod oauth_api;
mod waiting;

use std::io;
use std::sync::Arc;
use std::time::Duration;

pub use self::account_api::AccountApi;
pub use self::api_app_api::{ApiAppApi, ApiApps};
pub use self::oauth_api::OAuthApi;
use self::waiting::Background;
use crate::configuration::{Configuration, ConfigurationError};
use crate::models::AccessToken;

/// Sends requests by one configuration, from a thread of its own that ends with the last clone. Clones
/// share their connections.
///
/// ```
/// use hellosign_sdk::Configuration;
/// use hellosign_sdk::blocking::ApiClient;
///
/// let client = ApiClient::new(Configuration::default())?;
/// assert_eq!(client.configuration().oauth_host(), "https://app.hellosign.com");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ApiClient {
    client: crate::ApiClient,
    background: Arc<Background>,
}

impl ApiClient {
    /// A client without connections yet: they are made when they are needed.
    ///
    /// # Errors
    /// Where the system does not give it a thread.
    pub fn new(configuration: Configuration) -> io::Result<Self> {
        Ok(Self { background: Arc::new(Background::start()?), client: crate::ApiClient::new(configuration) })
    }

    /// The same connections, where a request may take this long.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { client: self.client.with_timeout(timeout), background: Arc::clone(&self.background) }
    }

    /// The same connections, on behalf of whoever this access token acts for.
    ///
    /// # Errors
    /// [`ConfigurationError::InvalidHeader`] for a token that no header can carry.
    pub fn with_access_token(
        &self,
        access_token: impl Into<AccessToken>,
    ) -> Result<Self, ConfigurationError> {
        let client = self.client.with_access_token(access_token)?;
        Ok(Self { client, background: Arc::clone(&self.background) })
    }

    /// The settings that it goes by.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        self.client.configuration()
    }
}
