//! For tests of programs that use HelloSign's OAuth, and of hellosign-rs itself: an in-process server, a clock that
//! the test owns, an HTTP client that does nothing of its own accord, ways to a server that fail, and a throw-away
//! PostgreSQL.
//!
//! ```
//! use hellosign_sdk::{ApiClient, Configuration, apis::OAuthApi, models::OAuthTokenRefreshRequest};
//! use hellosign_testkit::emulator::Fault;
//! use hellosign_testkit::{CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, TestServer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = TestServer::spawn().await;
//! server.control().add_fault(Fault::answer(503))?;
//!
//! let configuration = Configuration::builder().server(&server.url()).build()?;
//! let oauth = OAuthApi::new(&ApiClient::new(configuration));
//! let request = OAuthTokenRefreshRequest::new(REFRESH_TOKEN).with_client(CLIENT_ID, CLIENT_SECRET);
//! let busy = oauth.oauth_token_refresh(&request).await.unwrap_err();
//! assert!(busy.is_transient());
//! assert_eq!(oauth.oauth_token_refresh(&request).await?.expires_in, Some(86400));
//! # Ok(())
//! # }
//! ```

mod clock;
mod http;
mod kept;
mod postgres;
mod proxy;
mod sample;
mod server;
mod tcp_proxy;

pub use clock::FakeClock;
pub use hellosign_server::{emulator, fixtures};
pub use http::{Answer, Request, basic, form, send};
pub use kept::once_across_processes;
pub use postgres::{Postgres, psql, try_psql};
pub use proxy::{Fault, FaultProxy};
pub use sample::{
    ACCOUNT, API_KEY, CALLBACK, CLIENT_ID, CLIENT_SECRET, CODE, CONTROL_TOKEN, OWNER, PASSWORD,
    REFRESH_TOKEN, ROTATING_ID, ROTATING_TOKEN, STATE, sample,
};
pub use server::{TestServer, config};
pub use tcp_proxy::TcpProxy;

/// The documentation's examples, so that they cannot go stale.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
#[doc = include_str!("../../../docs/emulator.md")]
struct Documentation;
