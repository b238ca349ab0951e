//! How requests travel: the only place that knows an HTTP library.

mod connector;
mod failure;
mod hyper;
mod tls;

pub(crate) use self::failure::Failure;
pub(crate) use self::hyper::Http;
pub(crate) use self::tls::{Pem, Tls};
