//! Collecting settings, and checking them.

use std::time::Duration;

use hellosign_wire::secret::{AccessToken, ApiKey};
use http::Uri;

use super::{Configuration, ConfigurationError, DefaultHeaders, Proxy};
use crate::retry::RetryPolicy;
#[cfg(feature = "tls")]
use crate::transport::Pem;
use crate::transport::Tls;

const API_HOST: &str = "https://api.hellosign.com/v3";
const OAUTH_HOST: &str = "https://app.hellosign.com";

/// Collects settings; [`ConfigurationBuilder::build`] checks them.
#[derive(Debug, Clone)]
#[must_use]
pub struct ConfigurationBuilder {
    pub(super) settings: Configuration,
    allow_plain_http: bool,
    #[cfg(feature = "tls")]
    pem: Pem,
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
            max_idle_connections: 16,
            user_agent: concat!("hellosign-sdk/", env!("CARGO_PKG_VERSION")).to_owned(),
            default_headers: DefaultHeaders::default(),
            proxy: None,
            tls: Tls::default(),
            retry: RetryPolicy::none(),
        };
        Self {
            settings,
            allow_plain_http: false,
            #[cfg(feature = "tls")]
            pem: Pem::default(),
        }
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
    /// default; [`ApiClient::with_timeout`](crate::ApiClient::with_timeout) is for single calls. Where a
    /// policy retries, each attempt has it.
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

    /// Sent with every request, beside what an operation needs. Headers that the SDK writes itself are
    /// refused. An error shows no value.
    pub fn default_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.default_headers.add(name.into(), value.into());
        self
    }

    /// How many connections to a host are kept for the next request, 16 by default; 0 keeps none.
    pub fn max_idle_connections(mut self, connections: usize) -> Self {
        self.settings.max_idle_connections = connections;
        self
    }

    /// Goes through a proxy. Nothing is read from the environment.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.settings.proxy = Some(proxy);
        self
    }

    /// What is sent again after it failed, and when; nothing by default.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = policy;
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
    /// A host that is no URL, http to a host that is not loopback, a zero time-out, a credential that no
    /// header can carry, a certificate that cannot be read: [`ConfigurationError`] says which.
    pub fn build(mut self) -> Result<Configuration, ConfigurationError> {
        for host in [&mut self.settings.api_host, &mut self.settings.oauth_host] {
            host.truncate(host.trim_end_matches('/').len());
            check_host(host, self.allow_plain_http)?;
        }
        self.settings.default_headers.check()?;
        #[cfg(feature = "tls")]
        {
            self.settings.tls = Tls::parse(&self.pem)?;
        }
        let settings = self.settings;
        settings.proxy.iter().try_for_each(Proxy::check)?;
        settings.retry.check()?;
        if settings.timeout.is_zero() || settings.connect_timeout.is_zero() {
            return Err(ConfigurationError::ZeroTimeout);
        }
        settings.check_headers()?;
        Ok(settings)
    }
}

/// What TLS shows and trusts.
#[cfg(feature = "tls")]
impl ConfigurationBuilder {
    /// Trusts these certificates too, beside those that the system trusts: PEM, one or more.
    pub fn root_certificates_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.pem.roots.push(pem.as_ref().to_vec());
        self
    }

    /// Shows this certificate to a server that asks for one: PEM, the certificate first and then those
    /// that lead to its root; and its private key, PEM too (PKCS #8, PKCS #1 or SEC 1).
    pub fn client_certificate_pem(mut self, certificates: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        let key = zeroize::Zeroizing::new(key.as_ref().to_vec());
        self.pem.client = Some((certificates.as_ref().to_vec(), key));
        self
    }

    /// Expects servers' certificates to be for this name or address, whatever host the URL names.
    pub fn tls_server_name(mut self, name: impl Into<String>) -> Self {
        self.pem.server_name = Some(name.into());
        self
    }
}

impl Configuration {
    /// Whether a header can carry what headers are made of.
    pub(crate) fn check_headers(&self) -> Result<(), ConfigurationError> {
        let headers = [
            ("access token", self.access_token.as_ref().map(AccessToken::expose)),
            ("API key", self.api_key.as_ref().map(ApiKey::expose)),
            ("user agent", Some(self.user_agent.as_str())),
        ];
        for (name, value) in headers {
            if value.is_some_and(|value| value.is_empty() || value.chars().any(|c| !(' '..='~').contains(&c)))
            {
                return Err(ConfigurationError::InvalidHeader(name));
            }
        }
        Ok(())
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
pub(super) fn without_user_info(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, rest)) => format!("[redacted]@{rest}"),
        None => url.split(['?', '#']).next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests;
