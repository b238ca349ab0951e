//! How requests travel: the only place that knows an HTTP library.

mod failure;
mod hyper;

pub(crate) use self::failure::Failure;
pub(crate) use self::hyper::Http;
