//! One file for each subcommand, and `signals`, which two of them wait for.

pub(crate) mod control;
pub(crate) mod emulator;
pub(crate) mod oauth;
pub(crate) mod quickstart;
pub(crate) mod server;
pub(crate) mod server_copy;
pub(crate) mod server_keys;
pub(crate) mod server_migrate;
pub(crate) mod server_restored;
pub(crate) mod server_settings;
mod signals;
