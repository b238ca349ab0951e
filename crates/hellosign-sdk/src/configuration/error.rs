//! Why a setting cannot be used.

use std::fmt;

/// Why a setting cannot be used. The text says what to do, and shows no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// A host is not an absolute http or https URL with nothing behind its path.
    InvalidHost(String),
    /// A host would be sent credentials in the clear.
    PlainHttp(String),
    /// A time-out is zero.
    ZeroTimeout,
    /// A credential or the user agent has a character that no header can carry.
    InvalidHeader(&'static str),
    /// A default header's name or value is none that HTTP can carry.
    InvalidDefaultHeader(String),
    /// A default header is one that the SDK writes itself.
    ManagedHeader(String),
    /// A proxy is not an http URL of a host and a port.
    InvalidProxy(String),
    /// An entry of the list of hosts that are reached without the proxy is empty or has a space.
    InvalidNoProxy(String),
    /// Extra certificates cannot be read.
    InvalidRootCertificates(String),
    /// The client certificate cannot be read or used.
    InvalidClientCertificate(String),
    /// The name to expect in certificates is none.
    InvalidServerName(String),
    /// A retry policy asks for more than is reasonable, or for no wait at all.
    InvalidRetryPolicy,
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidHost(host) => write!(f, "the host {host:?} is not a URL of the form https://HOST[:PORT][/PATH]"),
            Self::PlainHttp(host) => write!(
                f,
                "{host} would carry credentials over the network in the clear; use https, or allow_plain_http where the network is safe"
            ),
            Self::ZeroTimeout => {
                f.write_str("a time-out of zero would fail every request; leave it out for the default")
            }
            Self::InvalidHeader(what) => write!(
                f,
                "the {what} has a character that no HTTP header can carry; was it read with its line break?"
            ),
            Self::InvalidDefaultHeader(name) => {
                write!(f, "the default header {name:?} has a name or a value that HTTP cannot carry")
            }
            Self::ManagedHeader(name) => write!(
                f,
                "the header {name} is written by the SDK; there is a setting for it where it can be changed"
            ),
            Self::InvalidProxy(url) => write!(
                f,
                "the proxy {url:?} is not a URL of the form http://HOST:PORT; credentials are given apart from it, \
                 and what goes through it to an https host is encrypted all the same"
            ),
            Self::InvalidNoProxy(host) => write!(
                f,
                "{host:?} is not a host, a domain or a network that the proxy could be left out for"
            ),
            Self::InvalidRootCertificates(why) => {
                write!(f, "the root certificates are not PEM with at least one certificate in it: {why}")
            }
            Self::InvalidClientCertificate(why) => {
                write!(f, "the client certificate cannot be used: {why}")
            }
            Self::InvalidServerName(name) => write!(
                f,
                "{name:?} is neither a host name nor an IP address that a certificate could be for"
            ),
            Self::InvalidRetryPolicy => f.write_str(
                "a retry policy takes at most 10 retries and a base delay that is not zero and no longer than the longest",
            ),
        }
    }
}

impl std::error::Error for ConfigurationError {}
