//! The way through a proxy.

use hellosign_wire::secret::Password;
use http::Uri;

use super::ConfigurationError;

/// An HTTP proxy. To https hosts it is asked for a tunnel (CONNECT) and sees nothing of what goes
/// through; requests to http hosts it reads.
///
/// ```
/// use hellosign_sdk::{Configuration, Proxy};
///
/// let proxy = Proxy::new("http://proxy.example:3128")
///     .with_credentials("me", "not a real password")
///     .without(["localhost", ".internal.example", "10.0.0.0/8"]);
/// let configuration = Configuration::builder().proxy(proxy).build()?;
/// # Ok::<(), hellosign_sdk::ConfigurationError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Proxy {
    pub(crate) url: String,
    pub(crate) credentials: Option<(String, Password)>,
    pub(crate) without: Vec<String>,
}

impl Proxy {
    /// The proxy at `http://HOST:PORT`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), credentials: None, without: Vec::new() }
    }

    /// Sent to the proxy as HTTP Basic, and to nobody else.
    pub fn with_credentials(mut self, user: impl Into<String>, password: impl Into<Password>) -> Self {
        self.credentials = Some((user.into(), password.into()));
        self
    }

    /// Hosts that are reached without it: names, which stand for what is below them, too
    /// (`example.com` or `.example.com`), addresses, networks (`10.0.0.0/8`), or `*` for all.
    pub fn without<S: Into<String>>(mut self, hosts: impl IntoIterator<Item = S>) -> Self {
        self.without.extend(hosts.into_iter().map(Into::into));
        self
    }

    pub(super) fn check(&self) -> Result<(), ConfigurationError> {
        let invalid = || ConfigurationError::InvalidProxy(super::builder::without_user_info(&self.url));
        let uri: Uri = self.url.parse().map_err(|_| invalid())?;
        let is_bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        let has_user_info = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        if uri.scheme_str() != Some("http")
            || uri.host().is_none_or(str::is_empty)
            || !is_bare
            || has_user_info
        {
            return Err(invalid());
        }
        if let Some((user, password)) = &self.credentials {
            let is_broken = |text: &str| text.chars().any(char::is_control);
            // The first colon ends the user name (RFC 7617 §2).
            if is_broken(user) || is_broken(password.expose()) || user.contains(':') {
                return Err(ConfigurationError::InvalidHeader("proxy's user name or password"));
            }
        }
        let is_bad =
            |host: &&String| host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == ',');
        match self.without.iter().find(is_bad) {
            Some(host) => Err(ConfigurationError::InvalidNoProxy(host.clone())),
            None => Ok(()),
        }
    }
}
