//! Moving from SQLite to PostgreSQL: most of it is copied while the server goes on, then the server lets its database
//! go, what has changed meanwhile is copied, and nodes may serve from the new one. At no moment can both be served from.

mod source;
mod tables;
mod target;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use self::source::Source;
use self::tables::{TABLES, Table, Value, digest};
use self::target::{Changes, Target};
use super::postgres::{DatabaseUrl, PostgresError};

/// Rows that are sent at once.
const AT_ONCE: usize = 2000;

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
    let mut copied = Copied::default();
    copied.copy(&source, &mut target).await?;
    progress(TransferProgress::Copied { rows: copied.rows.len() });

    let began = Instant::now();
    source.let_go().await?;
    progress(TransferProgress::LetGo);
    let changes = copied.changes(&source).await?;
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

/// What the target has: each row's table and key, and what it was.
#[derive(Default)]
struct Copied {
    rows: HashMap<(&'static str, Value), u64>,
}

impl Copied {
    async fn copy(&mut self, source: &Source, target: &mut Target) -> Result<(), TransferReason> {
        let mut rows = source.rows(&TABLES);
        let mut batch: Vec<Vec<Value>> = Vec::new();
        let mut current: Option<&'static Table> = None;
        while let Some((table, row)) = rows.next().await? {
            if let Some(before) = current
                && (before.name != table.name || batch.len() == AT_ONCE)
            {
                target.add(before, &batch).await?;
                batch.clear();
            }
            current = Some(table);
            self.rows.insert((table.name, row[0].clone()), digest(&row));
            batch.push(row);
        }
        match current {
            Some(table) => target.add(table, &batch).await,
            None => Ok(()),
        }
    }

    /// What has changed since, table by table.
    async fn changes(mut self, source: &Source) -> Result<Vec<Changes>, TransferReason> {
        let of = |table| Changes { table, keys: Vec::new(), rows: Vec::new() };
        let mut changes: Vec<Changes> = TABLES.iter().map(of).collect();
        let mut of_table = |name: &str, key: Value, row: Option<Vec<Value>>| {
            if let Some(changes) = changes.iter_mut().find(|changes| changes.table.name == name) {
                changes.keys.push(key);
                changes.rows.extend(row);
            }
        };
        let mut rows = source.rows(&TABLES);
        while let Some((table, row)) = rows.next().await? {
            let key = row[0].clone();
            let known = self.rows.remove(&(table.name, key.clone()));
            if known != Some(digest(&row)) {
                of_table(table.name, key, Some(row));
            }
        }
        for ((name, key), _) in self.rows {
            of_table(name, key, None);
        }
        Ok(changes)
    }
}
