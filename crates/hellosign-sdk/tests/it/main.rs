//! The SDK against peers that say exactly what a test wants them to say, and against a real server.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

#[cfg(feature = "tokens")]
mod apis;
#[cfg(feature = "tokens")]
mod authorization;
#[cfg(feature = "blocking")]
#[cfg(feature = "blocking")]
mod blocking;
mod configuration;
mod errors;
mod hostile_answers;
mod peer;
mod requests;
mod retries;
mod secrets;
#[cfg(feature = "tokens")]
mod tokens;
