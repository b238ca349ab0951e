//! The SQLite database that is left, read beside the server that still writes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use tokio::sync::mpsc;

use super::TransferReason;
use super::tables::{Table, Value};
use crate::store::embedded::{self, SCHEMA};

/// How long a server may take to let its database go.
const PATIENCE: Duration = Duration::from_secs(60);
/// Rows that are read ahead.
const AHEAD: usize = 4096;

/// A database that is about to be left.
#[derive(Debug, Clone)]
pub(super) struct Source {
    dir: PathBuf,
    path: PathBuf,
}

/// What the database says of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meta {
    pub(super) epoch: i64,
    pub(super) last_time: i64,
    pub(super) has_moved: bool,
}

/// A row and its table; `None` is the end.
type Read = Option<(&'static Table, Vec<Value>)>;

/// The rows of all tables.
#[derive(Debug)]
pub(super) struct Rows(mpsc::Receiver<Result<Read, TransferReason>>);

impl Rows {
    /// The next one; `None` after the last. An end without that is an error: what was not read is not gone.
    pub(super) async fn next(&mut self) -> Result<Read, TransferReason> {
        self.0.recv().await.unwrap_or(Err(TransferReason::CutShort))
    }
}

impl Source {
    pub(super) fn open(dir: &Path) -> Result<Self, TransferReason> {
        let path = embedded::database(dir);
        if !path.exists() {
            return Err(TransferReason::NoSource(dir.to_owned()));
        }
        let source = Self { dir: dir.to_owned(), path };
        let version: i64 = source.connect()?.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version != SCHEMA {
            return Err(TransferReason::SourceSchema { found: version, known: SCHEMA });
        }
        Ok(source)
    }

    pub(super) fn meta(&self) -> Result<Meta, TransferReason> {
        let connection = self.connect()?;
        let value = |name| embedded::meta(&connection, name);
        Ok(Meta {
            epoch: value("epoch")?,
            last_time: value("last_time")?,
            has_moved: embedded::has_moved(&connection)?,
        })
    }

    /// Reads all tables as they were at one moment, row by row.
    pub(super) fn rows(&self, tables: &'static [Table]) -> Rows {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let source = self.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = source.read_all(tables, &sender) {
                // Whoever reads has given up.
                let _ = sender.blocking_send(Err(error));
            }
        });
        Rows(receiver)
    }

    fn read_all(
        &self,
        tables: &'static [Table],
        sender: &mpsc::Sender<Result<Read, TransferReason>>,
    ) -> Result<(), TransferReason> {
        let mut connection = self.connect()?;
        let snapshot = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
        for table in tables {
            let mut statement = snapshot.prepare(&table.select())?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if sender.blocking_send(Ok(Some((table, table.read(row)?)))).is_err() {
                    return Ok(());
                }
            }
        }
        let _ = sender.blocking_send(Ok(None));
        Ok(())
    }

    /// Has the server that runs on it let it go, or does so itself where none runs. When this returns nothing is
    /// written to it any more, and no server will start on it.
    pub(super) async fn let_go(&self) -> Result<(), TransferReason> {
        let request = embedded::request_to_move(&self.path);
        let failed = |source| TransferReason::Request { path: request.clone(), source };
        fs::write(&request, "hellosign server copy\n").map_err(failed)?;
        let let_go = tokio::time::timeout(PATIENCE, self.until_let_go()).await;
        let removed = fs::remove_file(&request).map_err(failed);
        let_go.map_err(|_| TransferReason::NotLetGo)??;
        removed
    }

    async fn until_let_go(&self) -> Result<(), TransferReason> {
        while !self.meta()?.has_moved {
            // Nobody serves from it, and nobody will start to as long as the lock is held.
            if let Ok(_lock) = embedded::lock(&self.dir) {
                let connection = Connection::open(&self.path)?;
                connection.pragma_update(None, "synchronous", "FULL")?;
                embedded::set_moved(&connection, true)?;
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Takes it back, for a server to serve from it again.
    pub(super) fn take_back(&self) -> Result<(), TransferReason> {
        let _lock = embedded::lock(&self.dir).map_err(|error| TransferReason::InUse(error.to_string()))?;
        let connection = Connection::open(&self.path)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        Ok(embedded::set_moved(&connection, false)?)
    }

    fn connect(&self) -> Result<Connection, TransferReason> {
        let connection = Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        Ok(connection)
    }
}
