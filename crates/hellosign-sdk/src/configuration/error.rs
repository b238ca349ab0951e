//! Why a setting cannot be used.

/// Why a setting cannot be used. The text says what to do, and shows no secret.
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
    /// A default header's name or value is none that HTTP can carry.
    #[error("the default header {0:?} has a name or a value that HTTP cannot carry")]
    InvalidDefaultHeader(String),
    /// A default header is one that the SDK writes itself.
    #[error("the header {0} is written by the SDK; there is a setting for it where it can be changed")]
    ManagedHeader(String),
    /// A proxy is not an http URL of a host and a port.
    #[error(
        "the proxy {0:?} is not a URL of the form http://HOST:PORT; credentials are given apart from it, and what \
         goes through it to an https host is encrypted all the same"
    )]
    InvalidProxy(String),
    /// An entry of the list of hosts that are reached without the proxy is empty or has a space.
    #[error("{0:?} is not a host, a domain or a network that the proxy could be left out for")]
    InvalidNoProxy(String),
    /// Extra certificates cannot be read.
    #[error("the root certificates are not PEM with at least one certificate in it: {0}")]
    InvalidRootCertificates(String),
    /// The client certificate cannot be read or used.
    #[error("the client certificate cannot be used: {0}")]
    InvalidClientCertificate(String),
    /// The name to expect in certificates is none.
    #[error("{0:?} is neither a host name nor an IP address that a certificate could be for")]
    InvalidServerName(String),
    /// A retry policy asks for more than is reasonable, or for no wait at all.
    #[error(
        "a retry policy takes at most 10 retries and a base delay that is not zero and no longer than the longest"
    )]
    InvalidRetryPolicy,
}
