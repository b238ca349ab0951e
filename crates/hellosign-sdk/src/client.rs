//! The connections that operations share.

use std::sync::Arc;

use crate::configuration::Configuration;
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
}

impl ApiClient {
    /// A client without connections yet: they are made when they are needed. Where a host is https
    /// the system's certificates are read here.
    #[must_use]
    pub fn new(configuration: Configuration) -> Self {
        Self { http: Http::new(&configuration), configuration: Arc::new(configuration) }
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
