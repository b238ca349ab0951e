//! HTTP: parse, call, render. No rule of OAuth is in here, and no status code is anywhere else.

mod api;
mod authorize;
mod body;
mod client_credentials;
mod client_request;
pub(crate) mod connection;
pub(crate) mod control;
mod emulate;
mod error;
pub(crate) mod forwarded;
mod host;
mod introspect;
mod limits;
mod metadata;
mod middleware;
mod openapi;
pub(crate) mod operations;
pub(crate) mod parameters;
mod revoke;
pub(crate) mod router;
mod token;
mod trace_context;
