//! Requests are built and answers are read here, without any I/O: every transport uses the same.

mod read;
mod redact;
mod request;

pub(crate) use read::{Answer, json, read, whole};
pub(crate) use redact::Secrets;
pub(crate) use request::Request;
