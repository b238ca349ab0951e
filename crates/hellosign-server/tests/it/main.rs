//! The server as a client meets it. Files are named after routes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod account;
mod api_app;
mod at_once;
mod authorize;
mod data_dir;
mod emulator;
mod fixtures;
mod introspect;
mod operations;
mod profile;
mod revoke;
mod routes;
mod server_keys;
mod token;
