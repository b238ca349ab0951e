//! The server as a client meets it. Files are named after routes.

mod account;
mod authorize;
mod data_dir;
mod fixtures;
mod routes;
mod server_keys;
mod token;
