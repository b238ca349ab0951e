//! Why there is no answer.

use std::error::Error;
use std::fmt;

/// A failed request. What an HTTP library said about it is its source and nothing more.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing was sent.
    Connect(Box<dyn Error + Send + Sync>),
    /// Nothing was sent, and nothing ever will be: the host is an https one.
    #[cfg(not(feature = "tls"))]
    NoTls,
    /// It took longer than it may.
    Timeout,
    /// The answer is larger than what is read.
    TooLarge { limit: usize },
    /// The connection ended, or what came is not HTTP: whether the server acted is unknown.
    Broken(Box<dyn Error + Send + Sync>),
}

impl Failure {
    /// Whether the same request may succeed later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            #[cfg(not(feature = "tls"))]
            Self::NoTls => false,
            Self::TooLarge { .. } => false,
            _ => true,
        }
    }

    pub(crate) fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Connect(source) | Self::Broken(source) => Some(source.as_ref()),
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(_) => f.write_str(
                "no connection to the server could be made; check the configured host, the proxy if there is one, and the network",
            ),
            #[cfg(not(feature = "tls"))]
            Self::NoTls => f.write_str(
                "nothing is sent to an https host by a program that was built without TLS; enable hellosign-sdk's feature tls",
            ),
            Self::Timeout => f.write_str("the server did not answer in time; it may have acted all the same"),
            Self::TooLarge { limit } => write!(f, "the answer is larger than {limit} bytes and was not read"),
            Self::Broken(_) => f.write_str(
                "the connection broke before the answer was whole; the server may have acted all the same",
            ),
        }
    }
}
