//! From the user's browser to a grant: where to send it, and what to make of what it comes back with.
//!
//! ```no_run
//! use std::time::SystemTime;
//!
//! use hellosign_sdk::authorization::{AuthorizationRequest, PendingAuthorization};
//! use hellosign_sdk::tokens::{SealingKeys, TokenManager};
//! use hellosign_sdk::Configuration;
//!
//! # async fn example(
//! #     manager: TokenManager, keys: SealingKeys, session: &str, callback_url: &str, now: SystemTime,
//! # ) -> Result<(), Box<dyn std::error::Error>> {
//! // In the handler that sends the user away:
//! let request = AuthorizationRequest::new(&Configuration::default(), "cc91c61d00f8bb2ece1428035716b");
//! let pending = request.start(now);
//! let cookie = pending.seal(&keys, session);
//! let redirect_to = pending.url();
//!
//! // In the handler of the callback, with that cookie:
//! let pending = PendingAuthorization::open(&keys, session, &cookie).ok_or("start again")?;
//! let authorized = pending.complete(callback_url, now)?;
//! let jill = manager.exchange("jill", &authorized).await?;
//! # Ok(())
//! # }
//! ```

mod error;
mod loopback;
mod pending;
mod request;

pub use self::error::AuthorizationError;
pub use self::loopback::LoopbackListener;
pub use self::pending::{Authorized, PendingAuthorization};
pub use self::request::AuthorizationRequest;
