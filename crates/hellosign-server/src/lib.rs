//! HelloSign's (Dropbox Sign's) OAuth endpoints on your own machine: an emulator for tests, and an
//! authorization server that keeps what it has answered.
//!
//! ```no_run
//! use hellosign_server::{Config, Fixtures, Server};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let mut config = Config::new("data");
//! config.fixtures = Fixtures::parse("fixtures.toml", &std::fs::read_to_string("fixtures.toml")?)?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! println!("listening on http://{}", listener.local_addr()?);
//! let server = Server::open(config).await?;
//! server.serve(vec![listener], std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! | module | what is in it |
//! |---|---|
//! | `http` | parse, call, render: the routes, and every status code |
//! | `grant` | OAuth's rules: exchange, refresh, rotation, what an access token is good for |
//! | `consent` | who is at the browser, and what they answer |
//! | `account` | who has which address, and what may be changed about them |
//! | `client` | client authentication, PKCE, redirect URIs |
//! | `token` | the tokens' layout, and the server's keys |
//! | `live_keys`, `settings` | the keys and the settings in use, which change while the server runs |
//! | `store` | what is remembered, and how it becomes durable |
//! | `limits`, `admission` | how much it takes on, and what is turned away |
//! | `metrics` | what is counted and measured, for Prometheus |
//! | `readiness` | whether requests are better sent elsewhere, and why |
//! | `emulator` | what a test can do to a server that no client can |
//! | `fixtures` | accounts, apps, codes and grants to begin with |

mod account;
mod admission;
mod app;
mod client;
mod clock;
mod config;
mod consent;
pub mod emulator;
pub mod fixtures;
mod grant;
mod hex;
mod http;
mod limits;
mod live_keys;
mod metrics;
mod random;
mod rate_limit;
mod readiness;
mod server;
mod settings;
mod store;
mod token;

pub use client::switches::Switches;
pub use clock::{Clock, SystemClock, Timestamp};
pub use config::{Config, Database, KeySource, Profile};
pub use fixtures::Fixtures;
pub use http::forwarded::{ProxyNetwork, ProxyNetworkError};
pub use limits::Limits;
pub use random::{Random, SystemRandom};
pub use server::{Error, Server};
pub use settings::{SharedSetting, SharedSettingError};
pub use store::{
    DataDir, DataDirError, DatabaseUrl, DatabaseUrlError, KeyEntry, KeyUse, PendingMigration, PostgresConfig,
    SharedDatabase, SharedDatabaseError, TransferError, TransferProgress, take_back, transfer,
};
pub use token::{KeyFileError, KeyId, KeyIdError, KeyState, ServerKeys};

/// Entry points for the fuzzer, which has to reach what is private. No promise is made for them.
#[doc(hidden)]
pub mod fuzzing {
    /// The three body parsers.
    pub fn parse_parameters(content_type: Option<&str>, body: &[u8]) {
        use crate::http::parameters::{Parameters, TOKEN_REQUEST};

        let _ = Parameters::parse(content_type, body, &TOKEN_REQUEST);
    }

    /// The credential decoder.
    pub fn parse_credential(text: &[u8]) {
        if let Ok(text) = std::str::from_utf8(text) {
            let _ = crate::token::Credential::parse(text);
        }
    }
}
