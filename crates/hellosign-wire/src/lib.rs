//! What travels between a HelloSign (Dropbox Sign) OAuth client and server.
//!
//! This crate does no I/O, reads no clock and draws no randomness. It is the one thing that
//! `hellosign-sdk`, which asks, and `hellosign-server`, which answers, agree on.
//!
//! | module | holds | source |
//! |---|---|---|
//! | [`token`] | the token endpoint's requests and response | RFC 6749 §4.1.3, §5.1, §6 |
//! | [`error`] | both error shapes, and the open set of their codes | RFC 6749 §5.2; the vendor's envelope |
//! | [`scope`] | scopes as an open set | RFC 6749 §3.3 |
//! | [`authorization`] | names at the authorization endpoint | RFC 6749 §4.1.1, §4.1.2 |
//! | [`introspection`] | what is said of a token | RFC 7662 §2.2 |
//! | [`metadata`] | what an authorization server says of itself | RFC 8414 §2 |
//! | [`account`] | `/v3/account` | the vendor's API |
//! | [`api_app`] | `/v3/api_app` | the vendor's API |
//! | [`rate_limit`] | header names | the vendor's API |
//! | [`secret`] | strings that cannot be printed | |
//!
//! ```
//! use hellosign_wire::token::OAuthTokenResponse;
//!
//! let answer: OAuthTokenResponse = serde_json::from_str(
//!     r#"{"access_token": "…", "token_type": "Bearer", "expires_in": 86400, "new_key": 1}"#,
//! )?;
//! assert_eq!(answer.expires_in, Some(86400));
//! assert_eq!(format!("{:?}", answer.access_token), "AccessToken([redacted])");
//! # Ok::<(), serde_json::Error>(())
//! ```

pub mod account;
pub mod api_app;
pub mod authorization;
pub mod error;
pub mod introspection;
pub mod metadata;
mod open_enum;
pub mod rate_limit;
pub mod scope;
pub mod secret;
pub mod token;
