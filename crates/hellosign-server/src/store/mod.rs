//! What the server remembers: one trait, and its backends.

#[cfg(test)]
mod contract;
mod dispatch;
mod embedded;
pub(crate) mod model;
mod postgres;
mod transfer;

pub(crate) use dispatch::{Backend, Ended, Import, Page, Store};
pub use embedded::{DataDir, DataDirError};
pub(crate) use embedded::{Embedded, OpenError};
pub(crate) use model::{
    Account, AccountId, Client, Code, Grant, Inserted, NewAccount, NewClient, NewCode, NewGrant, Redeemed,
    Rehash, Rotation, Session, Updated, VoidRange,
};
pub use model::{KeyEntry, KeyUse};
pub use postgres::{
    DatabaseUrl, DatabaseUrlError, PendingMigration, PostgresConfig, SharedDatabase, SharedDatabaseError,
};
pub(crate) use postgres::{Postgres, PostgresError};

pub use transfer::{TransferError, TransferProgress, take_back, transfer};

/// Why the store gave no answer. The details are in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoreError {
    /// The database cannot be reached or has failed; what was asked for did not happen, or is not
    /// known to have happened.
    #[error("the database is unavailable")]
    Unavailable,
}
