//! The server as a client meets it. Files are named after routes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod account;
mod authorize;
mod data_dir;
mod fixtures;
mod introspect;
mod revoke;
mod routes;
mod server_keys;
mod token;
