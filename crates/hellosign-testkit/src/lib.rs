//! For tests of hellosign-rs: an in-process server, a clock that the test owns, and an HTTP client
//! that does nothing of its own accord.

mod clock;
mod http;
mod proxy;
mod sample;
mod server;

pub use clock::FakeClock;
pub use http::{Answer, Request, basic, form, send};
pub use proxy::{Fault, FaultProxy};
pub use sample::{
    ACCOUNT, API_KEY, CALLBACK, CLIENT_ID, CLIENT_SECRET, CODE, CONTROL_TOKEN, OWNER, PASSWORD,
    REFRESH_TOKEN, ROTATING_ID, ROTATING_TOKEN, STATE, sample,
};
pub use server::{TestServer, config};

/// The README's example, so that it cannot go stale.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
