//! Tokens that stay fresh.
//!
//! | where | what |
//! |---|---|
//! | [`TokenManager`] | the tokens of all accounts |
//! | [`AccountToken`] | one account's, which is asked for a token again and again |
//! | [`TokenStore`] | where grants are kept: [`MemoryTokenStore`], [`FileTokenStore`], `SqliteTokenStore` (feature `sqlite`), or one of your own |
//! | [`SealingKeys`] | what they are sealed with |
//! | [`TokenError`] | why there is no token, and what to do |
//! | [`Clock`], [`Random`], [`Spawner`] | what a manager takes from the program that it is part of |

mod account;
mod accounts;
mod builder;
mod endpoint;
pub(crate) mod environment;
mod error;
mod event;
mod fresh;
mod host;
mod manager;
mod observe;
mod record;
mod renewal;
mod running;
#[cfg(test)]
mod schedules;
mod seal;
mod shared;
mod slot;
mod store;
mod sync;

pub use self::account::{AccountToken, FreshToken};
pub use self::builder::TokenManagerBuilder;
pub use self::environment::{BoxFuture, Clock, Random, Spawner, SystemClock, SystemRandom, TokioSpawner};
pub use self::error::TokenError;
pub use self::event::{TokenEvent, TokenEvents};
pub use self::manager::TokenManager;
pub use self::seal::SealingKeys;
#[cfg(feature = "sqlite")]
pub use self::store::SqliteTokenStore;
pub use self::store::{FileTokenStore, MemoryTokenStore, StoreError, Stored, TokenStore, Version};
