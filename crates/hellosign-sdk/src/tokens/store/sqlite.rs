//! All accounts in one database.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::file::{in_path, private};
use super::{BoxFuture, StoreError, Stored, TokenStore, Version};

/// How long another process that writes is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Keeps the grants of any number of accounts in an SQLite database, which processes of one machine may
/// share. Only its owner can read it, and what it holds is sealed. A commit is synced before it is
/// answered.
///
/// ```
/// use hellosign_sdk::tokens::SqliteTokenStore;
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("tokens.db");
/// let store = SqliteTokenStore::open(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SqliteTokenStore {
    path: PathBuf,
    connection: Arc<Mutex<Connection>>,
}

impl SqliteTokenStore {
    /// Opens the database; makes it where it is missing, for its owner only.
    ///
    /// # Errors
    /// Where it cannot be made, or is none.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        // Made here rather than by SQLite, so that only its owner can read it from the start.
        private().open(&path).map_err(in_path(&path))?;
        let connection = connect(&path).map_err(in_database(&path))?;
        Ok(Self { path, connection: Arc::new(Mutex::new(connection)) })
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = Arc::clone(&self.connection);
        let work = move || work(&connection.lock().unwrap_or_else(PoisonError::into_inner));
        let done = tokio::task::spawn_blocking(work).await.map_err(StoreError::new)?;
        done.map_err(in_database(&self.path))
    }
}

impl TokenStore for SqliteTokenStore {
    fn load<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        let account = account.to_owned();
        Box::pin(self.run(move |db| {
            db.prepare_cached("SELECT version, content FROM grants WHERE account = ?")?
                .query_row([account], |row| Ok(Stored::new(version(row.get(0)?), row.get(1)?)))
                .optional()
        }))
    }

    fn replace<'a>(
        &'a self,
        account: &'a str,
        expected: Option<Version>,
        next: Version,
        content: Option<&'a [u8]>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        let (account, content) = (account.to_owned(), content.map(<[u8]>::to_vec));
        let (expected, next) = (expected.map(integer), integer(next));
        // One statement each, and thereby a transaction.
        Box::pin(self.run(move |db| {
            let changed = match (expected, content) {
                (Some(expected), Some(content)) => db
                    .prepare_cached(
                        "UPDATE grants SET version = ?, content = ? WHERE account = ? AND version = ?",
                    )?
                    .execute(params![next, content, account, expected])?,
                (None, Some(content)) => db
                    .prepare_cached("INSERT INTO grants VALUES (?, ?, ?) ON CONFLICT (account) DO NOTHING")?
                    .execute(params![account, next, content])?,
                (Some(expected), None) => db
                    .prepare_cached("DELETE FROM grants WHERE account = ? AND version = ?")?
                    .execute(params![account, expected])?,
                (None, None) => {
                    let mut known = db.prepare_cached("SELECT 1 FROM grants WHERE account = ?")?;
                    usize::from(!known.exists([account])?)
                }
            };
            Ok(changed == 1)
        }))
    }

    fn accounts<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        let after = after.map(str::to_owned);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Box::pin(self.run(move |db| {
            db.prepare_cached(
                "SELECT account FROM grants WHERE ?1 IS NULL OR account > ?1 ORDER BY account LIMIT ?2",
            )?
            .query_map(params![after, limit], |row| row.get(0))?
            .collect()
        }))
    }
}

impl fmt::Debug for SqliteTokenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteTokenStore").field("path", &self.path).finish_non_exhaustive()
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // In WAL mode FULL is an fsync of the log at each commit, before it returns.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS grants (
            account TEXT PRIMARY KEY,
            version INTEGER NOT NULL,
            content BLOB NOT NULL
        ) STRICT, WITHOUT ROWID",
    )?;
    Ok(connection)
}

/// SQLite's integers are signed: the same 64 bits.
fn integer(version: Version) -> i64 {
    i64::from_ne_bytes(version.to_ne_bytes())
}

fn version(integer: i64) -> Version {
    Version::from_ne_bytes(integer.to_ne_bytes())
}

fn in_database(path: &Path) -> impl Fn(rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    move |error| StoreError::new(format!("{}: {error}", path.display()))
}
