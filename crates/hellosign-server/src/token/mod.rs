//! Tokens that carry their grant: what they say, how they are sealed, and with which keys.

mod credential;
pub(crate) mod key_file;
mod keys;
pub(crate) mod roll;

pub(crate) use credential::{Credential, GrantId, Kind, Seed};
pub(crate) use key_file::KeyFileFailure;
pub(crate) use keys::{Key, KeyLookup, KeyRing, KeyRingError, KeyedHash, ListedKey, Purpose};
pub use keys::{KeyFileError, KeyId, KeyIdError, KeyState, ServerKeys};

#[cfg(test)]
mod tests;
