//! Where grants are kept between two runs of a program.

mod file;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt;
use std::sync::Arc;

pub use self::file::FileTokenStore;
pub use self::memory::MemoryTokenStore;
#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteTokenStore;
use super::environment::BoxFuture;

/// What a store does: it keeps a few hundred bytes for each account, and replaces them only for those who
/// know what is there. Leases, renewals and sealing are the manager's, the same over every store.
///
/// An implementation must hold to this:
/// - `replace` is atomic and durable: when it returns, what was written survives a power cut, whole.
/// - Of two that replace the same version, in whatever process, one succeeds.
/// - A version is never given to two contents of one account.
pub trait TokenStore: fmt::Debug + Send + Sync {
    /// What is kept for an account.
    fn load<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Option<Stored>, StoreError>>;

    /// Replaces what is kept by `content`, or by nothing, if its version is `expected`, where `None` says
    /// that there is nothing yet. `Ok(false)`: it is not, and nothing was changed.
    ///
    /// `next` becomes the version; the manager never gives the same one twice.
    fn replace<'a>(
        &'a self,
        account: &'a str,
        expected: Option<Version>,
        next: Version,
        content: Option<&'a [u8]>,
    ) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Accounts that something is kept for, in the order of their names, after this one, at most so
    /// many.
    fn accounts<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>>;
}

/// Tells two contents apart: 64 random bits.
pub type Version = u64;

/// What a store keeps for an account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// Which content it is.
    pub version: Version,
    /// The sealed grant.
    pub content: Vec<u8>,
}

impl Stored {
    /// What `replace` was given.
    #[must_use]
    pub fn new(version: Version, content: Vec<u8>) -> Self {
        Self { version, content }
    }
}

/// A store could not be read or written.
#[derive(Debug, Clone)]
pub struct StoreError(Arc<dyn std::error::Error + Send + Sync>);

impl StoreError {
    /// An error with a text or a cause.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(Arc::from(cause.into()))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
