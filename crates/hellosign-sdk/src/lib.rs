//! HelloSign's (Dropbox Sign's) OAuth operations for Rust, under the names of the vendor's SDKs.
//!
//! ```no_run
//! use hellosign_sdk::apis::{AccountApi, OAuthApi};
//! use hellosign_sdk::models::{OAuthTokenGenerateRequest, OAuthTokenRefreshRequest};
//! use hellosign_sdk::{ApiClient, Configuration};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let oauth = OAuthApi::new(&ApiClient::new(Configuration::default()));
//! let tokens = oauth
//!     .oauth_token_generate(&OAuthTokenGenerateRequest::new(
//!         "cc91c61d00f8bb2ece1428035716b",
//!         "1d14434088507ffa390e6f5528465",
//!         "1b0d28d90c86c141", // what the callback was called with
//!         "900e06e2",
//!     ))
//!     .await?;
//!
//! let configuration = Configuration::builder().access_token(tokens.access_token).build()?;
//! let account = AccountApi::new(&ApiClient::new(configuration)).account_get(None, None).await?;
//! println!("signed in as {}", account.account.email_address);
//! # Ok(())
//! # }
//! ```
//!
//! Against a server of your own it is [`ConfigurationBuilder::server`] that changes, and nothing else.
//!
//! | where | what |
//! |---|---|
//! | [`Configuration`] | hosts, credentials, time-outs, limits; built once, then immutable |
//! | [`ApiClient`] | the connections; cheap to clone |
//! | [`apis`] | the operations, one type for each of the vendor's tags |
//! | [`ApiRequest`] | any other request of the API |
//! | [`models`] | what is sent and received |
//! | [`authorization`] | from the user's browser to a code |
//! | [`tokens`] | from a code to tokens that stay fresh |
//! | [`events`] | whether an event callback comes from the vendor |
//! | [`ApiError`] | what went wrong, and what it means for the grant |
//! | [`RateLimit`] | the vendor's rate-limit headers |
//! | [`RetryPolicy`] | what is sent again, and when: nothing by default |
//! | `tower` | fresh tokens for an HTTP client of one's own (feature `tower`) |
//! | `blocking` | the operations for programs that do not run on tokio (feature `blocking`) |
//!
//! | feature | what it adds |
//! |---|---|
//! | `tls` (default) | https hosts, such as the vendor's |
//! | `tokens` (default) | [`tokens`] and [`authorization`] |
//! | `events` (default) | [`events`] |
//! | `sqlite` | `tokens::SqliteTokenStore`, with SQLite built in |
//! | `tracing` | spans and events about renewals, with the account's name and no token |
//! | `metrics` | how many renewals, how long, how they ended, who waits: listed in `docs/tokens.md` |
//! | `tower` | a layer, with types of `http` and `tower` in its interface |
//! | `blocking` | the module of that name, and a thread for each client made there |
//!
//! The operations run on the caller's tokio runtime. No type of another crate is in this crate's interface, but for
//! the feature `tower` and for traits: serde's, and `Stream`.

pub mod apis;
#[cfg(feature = "tokens")]
pub mod authorization;
#[cfg(feature = "blocking")]
pub mod blocking;
mod client;
mod configuration;
mod error;
#[cfg(feature = "events")]
pub mod events;
pub mod models;
mod protocol;
mod rate_limit;
mod request;
mod response;
mod retry;
#[cfg(feature = "tokens")]
pub mod tokens;
#[cfg(feature = "tower")]
pub mod tower;
mod transport;

pub use client::ApiClient;
pub use configuration::{Configuration, ConfigurationBuilder, ConfigurationError, Proxy};
pub use error::ApiError;
pub use rate_limit::RateLimit;
pub use request::ApiRequest;
pub use response::{ApiResponse, Headers};
pub use retry::RetryPolicy;
