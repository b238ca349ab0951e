//! Moving from SQLite to PostgreSQL: most of it is copied while the server goes on, then the server lets its database
//! go, what has changed meanwhile is copied, and nodes may serve from the new one. At no moment can both be served from.

mod source;
mod tables;
mod target;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use self::source::Source;
use self::tables::{TABLES, Table, Value};
use self::target::{Changes, Target};
use super::postgres::{DatabaseUrl, PostgresError};

/// Rows that are sent at once.
const AT_ONCE: usize = 2000;
/// Times that many, which are read ahead.
const AHEAD: usize = 4;

/// How a move goes, as it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferProgress {
    /// So many rows are in the new database, while the server went on.
    Copied {
        /// All tables' together.
        rows: usize,
    },
    /// The server answers 503 from now on.
    LetGo,
    /// The new database is complete; nodes may be started on it.
    Done {
        /// Rows that had changed, come or gone meanwhile.
        changed: usize,
        /// How long no request was answered.
        refused: Duration,
    },
}

/// Why a database did not move, or not yet. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct TransferError(#[from] TransferReason);

#[derive(Debug, thiserror::Error)]
pub(super) enum TransferReason {
    #[error("there is no database in {}", .0.display())]
    NoSource(PathBuf),
    #[error(
        "the database has schema {found}, and this release moves {known}; start a server of this release on it once"
    )]
    SourceSchema { found: i64, known: i64 },
    #[error("the SQLite database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error("the PostgreSQL database is not empty; give an empty one")]
    NotEmpty,
    #[error(
        "the database has moved already, and the PostgreSQL database is complete; there is nothing left to do"
    )]
    MovedBefore,
    #[error("writing {} failed: {source}", path.display())]
    Request { path: PathBuf, source: io::Error },
    #[error(
        "the server did not let its database go within a minute; it may do so later: run this again until it says that \
         the move is done, or take the database back with --undo"
    )]
    NotLetGo,
    #[error("{0}")]
    InUse(String),
    #[error("reading the SQLite database ended early")]
    CutShort,
}

impl From<tokio_postgres::Error> for TransferReason {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error.into())
    }
}

/// Moves a data directory's database to an empty PostgreSQL database, whose nodes need the same key file. A server may
/// run on the directory meanwhile; towards the end it answers 503, and never serves again.
///
/// Where this fails before the server has let go, nothing has happened to it. Later it can be run again, with the same
/// databases, until it is done; or [`take_back`] has the old database served from again.
///
/// # Errors
/// Where either database cannot be used, or the new one is not empty.
pub async fn transfer(
    data_dir: &Path,
    to: &DatabaseUrl,
    mut progress: impl FnMut(TransferProgress),
) -> Result<(), TransferError> {
    let source = Source::open(data_dir)?;
    if source.meta()?.has_moved && Target::is_complete(to).await? {
        return Err(TransferReason::MovedBefore.into());
    }
    let mut target = Target::open(to).await?;
    let copied = copy(&source, &mut target).await?;
    progress(TransferProgress::Copied { rows: copied.iter().map(HashMap::len).sum() });

    let began = Instant::now();
    source.let_go().await?;
    progress(TransferProgress::LetGo);
    let changes = changes(&source, copied).await?;
    target.finish(&changes, source.meta()?).await?;
    progress(TransferProgress::Done {
        changed: changes.iter().map(|changes| changes.keys.len()).sum(),
        refused: began.elapsed(),
    });
    Ok(())
}

/// Has a server serve again from a database that was about to move. Only for where no node has served from the new
/// one: what happened there is not here.
///
/// # Errors
/// Where the database cannot be used, or a server runs on it.
pub fn take_back(data_dir: &Path) -> Result<(), TransferError> {
    Ok(Source::open(data_dir)?.take_back()?)
}

/// What the target has of a table: each row by the bytes of its key, and what tells whether it has changed since.
type Copied = HashMap<Box<[u8]>, u64>;

/// Copies all there is.
async fn copy(source: &Source, target: &mut Target) -> Result<Vec<Copied>, TransferReason> {
    let (sender, mut batches) = mpsc::channel::<(&'static Table, Vec<Vec<Value>>)>(AHEAD);
    let source = source.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let mut copied: Vec<Copied> = TABLES.iter().map(|_| Copied::new()).collect();
        let mut batch = Vec::new();
        let mut current: Option<&'static Table> = None;
        let send = |table, batch: &mut Vec<Vec<Value>>| {
            sender.blocking_send((table, std::mem::take(batch))).map_err(|_| TransferReason::CutShort)
        };
        source.scan(&TABLES, |at, table, row| {
            if let Some(before) = current
                && (before.name != table.name || batch.len() == AT_ONCE)
            {
                send(before, &mut batch)?;
            }
            current = Some(table);
            copied[at].insert(table.key(row)?.into(), table.digest(row)?);
            batch.push(table.read(row)?);
            Ok(())
        })?;
        current.map_or(Ok(()), |table| send(table, &mut batch))?;
        Ok(copied)
    });
    while let Some((table, rows)) = batches.recv().await {
        target.add(table, &rows).await?;
    }
    reading.await.map_err(|_| TransferReason::CutShort)?
}

/// What has changed since, table by table. Nothing is answered meanwhile, so a row that has not changed is looked at and
/// not copied.
async fn changes(source: &Source, mut copied: Vec<Copied>) -> Result<Vec<Changes>, TransferReason> {
    let source = source.clone();
    let comparing = tokio::task::spawn_blocking(move || {
        let of = |table| Changes { table, keys: Vec::new(), rows: Vec::new() };
        let mut changes: Vec<Changes> = TABLES.iter().map(of).collect();
        source.scan(&TABLES, |at, table, row| {
            let key = table.key(row)?;
            if copied[at].remove(&*key) != Some(table.digest(row)?) {
                changes[at].keys.push(table.key_of(&key));
                changes[at].rows.push(table.read(row)?);
            }
            Ok(())
        })?;
        // What was not met again is gone. Not before all was read: an error is no end.
        for (changes, gone) in changes.iter_mut().zip(copied) {
            let table = changes.table;
            changes.keys.extend(gone.keys().map(|key| table.key_of(key)));
        }
        Ok(changes)
    });
    comparing.await.map_err(|_| TransferReason::CutShort)?
}
