//! The SQLite database that is left, read beside the server that still writes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Row, TransactionBehavior};

use super::TransferReason;
use super::tables::Table;
use crate::store::embedded::{self, SCHEMA};

/// How long a server may take to let its database go.
const PATIENCE: Duration = Duration::from_secs(60);

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

    /// Shows all rows of all tables as they were at one moment. It blocks, for as long as that takes.
    pub(super) fn scan<'t>(
        &self,
        tables: &'t [Table],
        mut visit: impl FnMut(usize, &'t Table, &Row<'_>) -> Result<(), TransferReason>,
    ) -> Result<(), TransferReason> {
        let mut connection = self.connect()?;
        let snapshot = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
        for (at, table) in tables.iter().enumerate() {
            let mut statement = snapshot.prepare(&table.select())?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                visit(at, table, row)?;
            }
        }
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
