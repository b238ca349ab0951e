//! Settings, checked when they are built.

mod builder;
mod error;
mod headers;
mod proxy;

use std::time::Duration;

use hellosign_wire::secret::{AccessToken, ApiKey};

pub use self::builder::ConfigurationBuilder;
pub use self::error::ConfigurationError;
pub(crate) use self::headers::DefaultHeaders;
pub use self::proxy::Proxy;
use crate::retry::RetryPolicy;
use crate::transport::Tls;

/// Where requests go, by which way, on whose behalf, and how long they may take. Built once, then
/// immutable.
///
/// ```
/// use hellosign_sdk::Configuration;
///
/// let configuration = Configuration::builder().server("http://127.0.0.1:8065").build()?;
/// assert_eq!(configuration.oauth_host(), "http://127.0.0.1:8065");
/// assert_eq!(configuration.api_host(), "http://127.0.0.1:8065/v3");
/// # Ok::<(), hellosign_sdk::ConfigurationError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Configuration {
    pub(crate) api_host: String,
    pub(crate) oauth_host: String,
    pub(crate) api_key: Option<ApiKey>,
    pub(crate) access_token: Option<AccessToken>,
    pub(crate) connect_timeout: Duration,
    pub(crate) timeout: Duration,
    pub(crate) max_response_bytes: usize,
    pub(crate) max_idle_connections: usize,
    pub(crate) user_agent: String,
    pub(crate) default_headers: DefaultHeaders,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) tls: Tls,
    pub(crate) retry: RetryPolicy,
}

impl Default for Configuration {
    /// The vendor's hosts, no credentials, the default limits.
    fn default() -> Self {
        ConfigurationBuilder::default().settings
    }
}

impl Configuration {
    /// Starts from the defaults.
    pub fn builder() -> ConfigurationBuilder {
        ConfigurationBuilder::default()
    }

    /// Where API calls go, `https://api.hellosign.com/v3` by default.
    #[must_use]
    pub fn api_host(&self) -> &str {
        &self.api_host
    }

    /// Where the OAuth operations go, `https://app.hellosign.com` by default. The vendor's
    /// documentation names the API host for them; its service answers 404 there.
    #[must_use]
    pub fn oauth_host(&self) -> &str {
        &self.oauth_host
    }
}
