//! How requests travel: the only place that knows an HTTP library.

mod connector;
mod failure;
mod hyper;
#[cfg(not(feature = "tls"))]
mod no_tls;
#[cfg(feature = "tls")]
mod tls;

pub(crate) use self::failure::Failure;
pub(crate) use self::hyper::Http;
#[cfg(not(feature = "tls"))]
pub(crate) use self::no_tls::Tls;
#[cfg(feature = "tls")]
pub(crate) use self::tls::{Pem, Tls};
