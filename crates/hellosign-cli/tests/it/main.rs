//! The `hellosign` binary as its users meet it: a process, its two streams, a socket and a directory.
//!
//! `harness` starts it and talks to it; the other modules are named after what they hold it to.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#![allow(clippy::print_stdout, reason = "what a failed test has printed is shown")]

mod harness;

mod browser;
mod command_line;
mod concurrency;
mod deployment;
mod documentation;
mod durability;
mod emulator;
mod fixtures;
mod hostile;
mod log;
mod moving;
mod nodes;
mod oauth_commands;
mod openapi;
mod operations;
mod recipes;
mod restored;
mod sdk_examples;
mod secrets;
mod server_keys;
mod service_manager;
mod shared_settings;
mod standard_client;
mod vendor_client;
