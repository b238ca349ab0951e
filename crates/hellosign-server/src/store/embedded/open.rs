//! Opening a data directory: its lock, its secret, its schema.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use super::{rows, server_keys};
use crate::config::KeySource;
use crate::random::Random;
use crate::token::{KeyFileFailure, KeyRing, KeyRingError, ServerKeys, key_file};

/// The schema's version, kept in SQLite's `user_version`.
pub(in crate::store) const SCHEMA: i64 = 2;
const DATABASE: &str = "hellosign.db";
const KEY_FILE: &str = "server.key";

/// Why a data directory cannot be served from.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("another server is running on the data directory {}; stop it, or name another directory", .0.display())]
    InUse(PathBuf),
    #[error("{action} {} failed: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("the database {} cannot be used: {source}", path.display())]
    Sqlite { path: PathBuf, source: rusqlite::Error },
    #[error(
        "the database {} was made by a newer release (schema {found}, this one knows {SCHEMA}); run that one",
        path.display()
    )]
    NewerSchema { path: PathBuf, found: i64 },
    #[error(
        "the database {} was made before the first release (schema {found}, this one knows {SCHEMA}); start with \
         another data directory",
        path.display()
    )]
    OlderSchema { path: PathBuf, found: i64 },
    #[error(
        "the database {} is there, but the key file {} is not; restore it: without it no token can be checked",
        database.display(), key_file.display()
    )]
    KeyFileMissing { database: PathBuf, key_file: PathBuf },
    #[error(
        "the database {} has moved to PostgreSQL, and is served from there; run `hellosign server` with \
         --database-url-file",
        .0.display()
    )]
    Moved(PathBuf),
    #[error(transparent)]
    KeyFile(#[from] KeyFileFailure),
    #[error(transparent)]
    Keys(#[from] KeyRingError),
}

/// An opened data directory.
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    pub(super) keys: KeyRing,
    pub(super) secret: Arc<ServerKeys>,
    /// Where the secret was read from; `None` where the caller gave it.
    pub(super) key_file: Option<PathBuf>,
    /// Held as long as the store lives: whoever holds it is the only one to write.
    pub(super) lock: File,
}

/// Where a data directory's database is.
pub(in crate::store) fn database(dir: &Path) -> PathBuf {
    dir.join(DATABASE)
}

/// The file by which a server is asked to let its database go: it has to stop answering before the rest is copied.
pub(in crate::store) fn request_to_move(database: &Path) -> PathBuf {
    database.with_file_name("moving")
}

/// Opens or makes a data directory. Everything that it makes is durable when it returns.
pub(super) fn open(dir: &Path, keys: &KeySource, random: &dyn Random) -> Result<Opened, OpenError> {
    create(dir)?;
    let lock = lock(dir)?;
    let path = database(dir);
    let is_new = is_new(&path)?;
    let from_file =
        |file: PathBuf| Ok::<_, OpenError>((secret_in(&file, &path, is_new, random)?, Some(file)));
    let (secret, key_file) = match keys {
        KeySource::Given(secret) => (Arc::clone(secret), None),
        KeySource::File(file) => from_file(file.clone())?,
        KeySource::DataDir => from_file(dir.join(KEY_FILE))?,
    };

    let sqlite = |source| OpenError::Sqlite { path: path.clone(), source };
    if is_new {
        // Made here rather than by SQLite, so that only its owner can read it from the start.
        private().open(&path).map_err(io_error("creating the database", &path))?;
    }
    let connection = connect(&path).map_err(sqlite)?;
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sqlite)?;
    match version {
        0 => initialize(&connection, &secret).map_err(sqlite)?,
        SCHEMA => {}
        found if found < SCHEMA => return Err(OpenError::OlderSchema { path, found }),
        found => return Err(OpenError::NewerSchema { path, found }),
    }
    sync_dir(dir)?;
    if rows::has_moved(&connection).map_err(sqlite)? {
        return Err(OpenError::Moved(path));
    }
    let keys = key_ring(&connection, &secret, &path)?;
    Ok(Opened { connection, path, keys, secret, key_file, lock })
}

/// The keys in use. One that is new in the file is accepted from now on: that is how a key gets to all
/// nodes before the first of them issues with it.
pub(super) fn key_ring(
    connection: &Connection,
    secret: &ServerKeys,
    path: &Path,
) -> Result<KeyRing, OpenError> {
    let sqlite = |source| OpenError::Sqlite { path: path.to_owned(), source };
    let mut listed = server_keys::listed(connection).map_err(sqlite)?;
    let unlisted = KeyRing::unlisted(secret, &listed);
    listed.extend(&unlisted);
    // Before anything is written: a key file that belongs to another database must leave no trace.
    let ring = KeyRing::open(secret, &listed)?;
    for key in unlisted {
        server_keys::put(connection, &key).map_err(sqlite)?;
        tracing::info!(key_id = %key.id, "what is made with this key is accepted from now on");
    }
    Ok(ring)
}

/// Makes the directory and those above it that are missing, and sees to it that they are found again
/// after a power cut.
fn create(dir: &Path) -> Result<(), OpenError> {
    let missing: Vec<&Path> =
        dir.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists()).collect();
    let created = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    created.map_err(io_error("creating the data directory", dir))?;
    missing.into_iter().map(parent).try_for_each(sync_dir)
}

/// The directory that a path's last name is in.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A connection with the settings that durability rests on.
pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // In WAL mode FULL is an fsync of the log at each commit, before COMMIT returns.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(connection)
}

/// Whether there is no database yet: an empty one is what a crash leaves before the first commit.
fn is_new(path: &Path) -> Result<bool, OpenError> {
    if !path.try_exists().map_err(io_error("looking for the database", path))? {
        return Ok(true);
    }
    let sqlite = |source| OpenError::Sqlite { path: path.to_owned(), source };
    let connection = connect(path).map_err(sqlite)?;
    let version: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sqlite)?;
    Ok(version == 0)
}

pub(in crate::store) fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("lock");
    let file = private().open(&path).map_err(io_error("opening the lock file", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(io_error("locking", &path)(source)),
    }
}

/// The secret in a key file. A new one is made for a new database only, and is durable before it.
fn secret_in(
    file: &Path,
    database: &Path,
    is_new: bool,
    random: &dyn Random,
) -> Result<Arc<ServerKeys>, OpenError> {
    match key_file::read(file)? {
        Some(keys) => Ok(Arc::new(keys)),
        None if is_new => {
            let keys = ServerKeys::generate(random);
            key_file::write(file, &keys)?;
            Ok(Arc::new(keys))
        }
        None => Err(OpenError::KeyFileMissing { database: database.to_owned(), key_file: file.to_owned() }),
    }
}

fn initialize(connection: &Connection, secret: &ServerKeys) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    connection.execute_batch(include_str!("schema.sql"))?;
    for key in KeyRing::list(secret) {
        server_keys::put(connection, &key)?;
    }
    connection.pragma_update(None, "user_version", SCHEMA)?;
    connection.execute_batch("COMMIT")
}

fn sync_dir(dir: &Path) -> Result<(), OpenError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error("syncing the directory", dir))
}

/// Options for a file that is made if it is missing, for its owner only.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options
}

fn io_error<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> OpenError + 'a {
    move |source| OpenError::Io { action, path: path.to_owned(), source }
}
