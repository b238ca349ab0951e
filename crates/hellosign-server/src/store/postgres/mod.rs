//! PostgreSQL, which any number of nodes share. A node keeps nothing but what it has read within the last second;
//! whatever changes something is one statement, and is judged by the row as it is then.

mod administration;
mod backend;
mod failure;
mod import;
mod lane;
mod migrations;
mod open;
mod pool;
mod recent;
mod rows;
mod statements;
mod time;
mod url;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_postgres::Row;

pub(super) use self::administration::connect_and_migrate;
pub use self::administration::{SharedDatabase, SharedDatabaseError};
pub use self::migrations::PendingMigration;
use self::pool::{Answered, Pool};
use self::recent::Recent;
use self::rows::{Columns, Value, refs};
use self::statements::Sql;
use self::time::DatabaseTime;
pub use self::url::{DatabaseUrl, DatabaseUrlError, PostgresConfig};
use super::StoreError;
use super::model::{Account, AccountId, Client, Grant, Rehash};
use crate::clock::Timestamp;
use crate::metrics::{self, StoreMetrics};
use crate::token::{GrantId, KeyFileFailure, KeyRingError, KeyedHash};

/// Why a database cannot be served from. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PostgresError {
    #[error("the database cannot be used: {}", failure::told(.0))]
    Database(tokio_postgres::Error),
    #[error("the database cannot be used: {0}")]
    Connecting(url::ConnectError),
    #[error("the root certificates in {} cannot be used: {reason}", path.display())]
    RootCertificates { path: PathBuf, reason: String },
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    #[error(
        "the database was made by a newer release (schema {found}, this one knows {known}), and this one would harm \
         it; run that one"
    )]
    NewerSchema { found: i64, known: i64 },
    #[error(
        "a copy is being made into this database, or was not finished; finish it with `hellosign server copy`"
    )]
    Filling,
    #[error(
        "the database has keys, but the key file {} is not there; restore it: without it no token can be checked",
        .0.display()
    )]
    KeyFileMissing(PathBuf),
    #[error(
        "a PostgreSQL database has no place for the server's secret: name a --key-file, or give it in the environment"
    )]
    NoKeySource,
    #[error(transparent)]
    KeyFile(#[from] KeyFileFailure),
    #[error(transparent)]
    Keys(#[from] KeyRingError),
    #[error("synchronous_commit is {0}, so that what was answered could be lost; set it to on")]
    CommitsEarly(String),
    #[error("no connection to the database comes about: {0}")]
    NoConnection(String),
    #[error("the database gave no answer; the log says why")]
    Silent(#[from] StoreError),
}

impl From<tokio_postgres::Error> for PostgresError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error)
    }
}

impl From<url::ConnectError> for PostgresError {
    fn from(error: url::ConnectError) -> Self {
        Self::Connecting(error)
    }
}

/// The shared backend.
pub(crate) struct Postgres {
    pool: Arc<Pool>,
    time: Arc<DatabaseTime>,
    epoch: Arc<AtomicU32>,
    recent: RecentRows,
    notes: Mutex<Notes>,
    metrics: Arc<StoreMetrics>,
    /// Ends the measuring of the time when it is dropped.
    _beating: JoinSet<()>,
}

/// What this node has read or written within the last second.
struct RecentRows {
    clients: Recent<String, Arc<Client>>,
    accounts: Recent<AccountId, Arc<Account>>,
    grants: Recent<GrantId, Arc<Grant>>,
    /// Which grant an imported token is of, which never changes; for how long it counts does not matter.
    imported: Recent<KeyedHash, GrantId>,
}

impl RecentRows {
    fn new() -> Self {
        Self {
            clients: Recent::new(),
            accounts: Recent::new(),
            grants: Recent::new(),
            imported: Recent::new(),
        }
    }

    fn clear(&self) {
        self.clients.clear();
        self.accounts.clear();
        self.grants.clear();
        self.imported.clear();
    }
}

/// What is to be written off the answers' way.
#[derive(Default)]
struct Notes {
    seen: HashSet<(GrantId, u32)>,
    rehashes: HashSet<Rehash>,
    sessions: HashMap<KeyedHash, Timestamp>,
}

impl Postgres {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&self, sql: Sql, values: &[Value]) -> Result<Answered, StoreError> {
        self.pool.run(sql, &refs(values)).await
    }

    async fn rows(&self, sql: Sql, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        Ok(self.run(sql, values).await?.rows)
    }

    /// The grant as it is now; its client and account are recent from here on, and so is it.
    async fn read_joined(&self, grant_id: GrantId) -> Result<Option<Arc<Grant>>, StoreError> {
        self.metrics.cache_missed(metrics::Cache::Grants);
        let began = Instant::now();
        let rows = self.pool.run(Sql::ReadGrant, &[&grant_id]).await?.rows;
        let Some(row) = rows.first() else { return Ok(None) };
        let joined = rows::joined(row, |client_id| self.recent.clients.last(&client_id.to_owned()))?;
        self.time.witness(joined.grant.issued_at);
        match joined.client {
            Some(client) => self.recent.clients.insert(client.client_id.clone(), client, began),
            None => self.recent.clients.remove(&joined.grant.client_id),
        }
        if let Some(account) = joined.account {
            self.recent.accounts.insert(account.account_id, Arc::new(account), began);
        }
        let grant = Arc::new(joined.grant);
        self.recent.grants.insert(grant_id, Arc::clone(&grant), began);
        Ok(Some(grant))
    }

    async fn read_client(&self, client_id: &str) -> Result<Option<Arc<Client>>, StoreError> {
        self.metrics.cache_missed(metrics::Cache::Clients);
        let began = Instant::now();
        let rows = self.pool.run(Sql::FindClient, &[&client_id]).await?.rows;
        let Some(row) = rows.first() else { return Ok(None) };
        let client = Arc::new(rows::client(&mut Columns::of(row))?);
        self.recent.clients.insert(client_id.to_owned(), Arc::clone(&client), began);
        Ok(Some(client))
    }

    async fn read_account(&self, account_id: AccountId) -> Result<Option<Arc<Account>>, StoreError> {
        self.metrics.cache_missed(metrics::Cache::Accounts);
        let began = Instant::now();
        let rows = self.pool.run(Sql::FindAccount, &[&account_id]).await?.rows;
        let Some(row) = rows.first() else { return Ok(None) };
        let account = Arc::new(rows::account(&mut Columns::of(row))?);
        self.recent.accounts.insert(account_id, Arc::clone(&account), began);
        Ok(Some(account))
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("pool", &self.pool).finish_non_exhaustive()
    }
}
