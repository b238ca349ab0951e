//! HTTP: parse, call, render. No rule of OAuth is in here, and no status code is anywhere else.

mod account;
mod authorize;
mod body;
mod client_credentials;
pub(crate) mod connection;
mod error;
mod middleware;
pub(crate) mod parameters;
pub(crate) mod router;
mod token;
