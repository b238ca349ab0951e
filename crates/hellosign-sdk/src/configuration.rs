//! Settings, checked when they are built.

use std::time::Duration;

use hellosign_wire::secret::{AccessToken, ApiKey};
use http::Uri;

const API_HOST: &str = "https://api.hellosign.com/v3";
const OAUTH_HOST: &str = "https://app.hellosign.com";

/// Where requests go, on whose behalf, and how long they may take. Built once, then immutable.
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
    pub(crate) user_agent: String,
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

/// Why a setting cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// A host is not an absolute http or https URL with nothing behind its path.
    #[error("the host {0:?} is not a URL of the form https://HOST[:PORT][/PATH]")]
    InvalidHost(String),
    /// A host would be sent credentials in the clear.
    #[error(
        "{0} would carry credentials over the network in the clear; use https, or allow_plain_http where the network is safe"
    )]
    PlainHttp(String),
    /// A time-out is zero.
    #[error("a time-out of zero would fail every request; leave it out for the default")]
    ZeroTimeout,
    /// A credential or the user agent has a character that no header can carry.
    #[error("the {0} has a character that no HTTP header can carry; was it read with its line break?")]
    InvalidHeader(&'static str),
}

/// Collects settings; [`ConfigurationBuilder::build`] checks them.
#[derive(Debug, Clone)]
#[must_use]
pub struct ConfigurationBuilder {
    settings: Configuration,
    allow_plain_http: bool,
}

impl Default for ConfigurationBuilder {
    fn default() -> Self {
        let settings = Configuration {
            api_host: API_HOST.to_owned(),
            oauth_host: OAUTH_HOST.to_owned(),
            api_key: None,
            access_token: None,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            max_response_bytes: 1024 * 1024,
            user_agent: concat!("hellosign-sdk/", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        Self { settings, allow_plain_http: false }
    }
}

impl ConfigurationBuilder {
    /// Points both hosts at a server of your own, for example `http://127.0.0.1:8065`: the OAuth
    /// operations to it, API calls to `/v3` on it.
    pub fn server(self, url: &str) -> Self {
        let url = url.trim_end_matches('/');
        self.oauth_host(url).api_host(format!("{url}/v3"))
    }

    /// Where API calls go, `/v3` included.
    pub fn api_host(mut self, url: impl Into<String>) -> Self {
        self.settings.api_host = url.into();
        self
    }

    /// Where the OAuth operations go.
    pub fn oauth_host(mut self, url: impl Into<String>) -> Self {
        self.settings.oauth_host = url.into();
        self
    }

    /// Sent with API calls as the user name of HTTP Basic, with an empty password. An access token
    /// counts before it.
    pub fn api_key(mut self, api_key: impl Into<ApiKey>) -> Self {
        self.settings.api_key = Some(api_key.into());
        self
    }

    /// Sent with API calls as `Authorization: Bearer`.
    pub fn access_token(mut self, access_token: impl Into<AccessToken>) -> Self {
        self.settings.access_token = Some(access_token.into());
        self
    }

    /// How long a TCP connection may take to be made, 10 seconds by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How long a request may take in all, connecting and the answer's body included, 30 seconds by
    /// default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// The largest answer that is read, in bytes, 1 MiB by default.
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_response_bytes = bytes;
        self
    }

    /// The User-Agent, `hellosign-sdk/VERSION` by default.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.settings.user_agent = user_agent.into();
        self
    }

    /// Allows http to hosts that are not loopback. Whoever sees that traffic has the credentials.
    pub fn allow_plain_http(mut self) -> Self {
        self.allow_plain_http = true;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// A host that is no URL, http to a host that is not loopback, a zero time-out, a credential
    /// that no header can carry: [`ConfigurationError`] says which.
    pub fn build(mut self) -> Result<Configuration, ConfigurationError> {
        for host in [&mut self.settings.api_host, &mut self.settings.oauth_host] {
            host.truncate(host.trim_end_matches('/').len());
            check_host(host, self.allow_plain_http)?;
        }
        let settings = self.settings;
        if settings.timeout.is_zero() || settings.connect_timeout.is_zero() {
            return Err(ConfigurationError::ZeroTimeout);
        }
        let headers = [
            ("access token", settings.access_token.as_ref().map(AccessToken::expose)),
            ("API key", settings.api_key.as_ref().map(ApiKey::expose)),
            ("user agent", Some(settings.user_agent.as_str())),
        ];
        for (name, value) in headers {
            if value.is_some_and(|value| value.is_empty() || value.chars().any(|c| !(' '..='~').contains(&c)))
            {
                return Err(ConfigurationError::InvalidHeader(name));
            }
        }
        Ok(settings)
    }
}

fn check_host(host: &str, allow_plain_http: bool) -> Result<(), ConfigurationError> {
    let invalid = || ConfigurationError::InvalidHost(without_user_info(host));
    let uri: Uri = host.parse().map_err(|_| invalid())?;
    let name = uri.host().filter(|name| !name.is_empty()).ok_or_else(invalid)?;
    let has_user_info = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if has_user_info || uri.query().is_some() || host.contains('#') {
        return Err(invalid());
    }
    let is_loopback = name == "localhost"
        || name
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_loopback || allow_plain_http => Ok(()),
        Some("http") => Err(ConfigurationError::PlainHttp(host.to_owned())),
        _ => Err(invalid()),
    }
}

/// A URL as it may stand in an error: what comes before an `@` may be a password.
fn without_user_info(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, rest)) => format!("[redacted]@{rest}"),
        None => url.split(['?', '#']).next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_vendors_hosts() {
        let configuration = Configuration::default();
        assert_eq!(configuration.api_host(), "https://api.hellosign.com/v3");
        assert_eq!(configuration.oauth_host(), "https://app.hellosign.com");
        assert!(Configuration::builder().build().is_ok());
    }

    #[test]
    fn a_trailing_slash_does_not_double() {
        let configuration = Configuration::builder().server("http://localhost:1/").build().unwrap();
        assert_eq!(configuration.api_host(), "http://localhost:1/v3");
    }

    #[test]
    fn hosts_are_urls_and_not_in_the_clear() {
        for bad in [
            "",
            "localhost:8065",
            "/v3",
            "ftp://a",
            "https://",
            "https://u:pw@a",
            "https://a/?pw",
            "https://a/#pw",
        ] {
            let error = Configuration::builder().oauth_host(bad).build().unwrap_err();
            assert!(matches!(error, ConfigurationError::InvalidHost(_)), "{bad}: {error:?}");
            assert!(!error.to_string().contains("pw"), "{error}");
        }
        for plain in ["http://sign.example", "http://10.0.0.1", "http://127.0.0.1.example"] {
            let error = Configuration::builder().server(plain).build().unwrap_err();
            assert!(matches!(error, ConfigurationError::PlainHttp(_)), "{plain}: {error:?}");
            assert!(Configuration::builder().server(plain).allow_plain_http().build().is_ok());
        }
        for loopback in ["http://localhost", "http://127.8.0.1:1", "http://[::1]:1"] {
            assert!(Configuration::builder().server(loopback).build().is_ok(), "{loopback}");
        }
    }

    #[test]
    fn what_no_header_can_carry_is_refused_without_being_shown() {
        let error = Configuration::builder().access_token("hunter2\n").build().unwrap_err();
        assert_eq!(error, ConfigurationError::InvalidHeader("access token"));
        assert!(Configuration::builder().api_key("").build().is_err());
        assert!(Configuration::builder().timeout(Duration::ZERO).build().is_err());
        let shown = format!("{:?}", Configuration::builder().api_key("hunter2").access_token("hunter2"));
        assert!(!shown.contains("hunter2"));
    }
}
