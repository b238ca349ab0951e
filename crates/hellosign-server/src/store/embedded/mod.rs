//! SQLite in the data directory: one writing thread, a few reading connections, and a cache that is
//! changed only after a commit. The directory's lock makes this process the only one that writes,
//! which is what the cache's word rests on.

mod backend;
mod data_dir;
mod import;
mod journal;
mod open;
mod readers;
mod rows;
mod server_keys;
mod writer;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::File;
use std::hash::Hash;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::sync::Cache;
use rusqlite::Connection;

pub use self::data_dir::{DataDir, DataDirError};
use self::journal::{GATHERED, Journal};
pub(crate) use self::open::OpenError;
use self::open::Opened;
pub(super) use self::open::{SCHEMA, database, lock, request_to_move};
use self::readers::Readers;
pub(super) use self::rows::{has_moved, meta, set_moved};
use self::writer::Writer;
use super::StoreError;
use super::model::{Account, AccountId, Client, Grant, Rehash};
use crate::clock::{Clock, Timestamp};
use crate::config::KeySource;
use crate::live_keys::LiveKeys;
use crate::metrics::{self, StoreMetrics};
use crate::random::Random;
use crate::token::{GrantId, KeyedHash};

/// Cached rows of each kind.
const CACHED: usize = 100_000;

/// The embedded backend.
pub(crate) struct Embedded {
    writer: Writer,
    readers: Readers,
    journal: Arc<Journal>,
    cached: Arc<Cached>,
    clock: Arc<dyn Clock>,
    /// The latest time given out, never behind the latest stored.
    last_time: Arc<AtomicI64>,
    /// How far tests have moved the time, in milliseconds.
    advanced: Arc<AtomicI64>,
    epoch: u32,
    notes: Mutex<Notes>,
    /// Whether the database is served elsewhere from now on: nothing is answered from it any more.
    moved: Arc<AtomicBool>,
    metrics: Arc<StoreMetrics>,
    _lock: File,
}

/// What is to be written off the answers' way.
#[derive(Default)]
struct Notes {
    seen: HashSet<(GrantId, u32)>,
    rehashes: HashSet<Rehash>,
    sessions: HashMap<KeyedHash, Timestamp>,
}

/// What was read and not changed since. An entry is replaced after the commit that changed its row
/// and before anybody is told of it.
struct Cached {
    clients: Cache<String, Arc<Client>>,
    accounts: Cache<AccountId, Arc<Account>>,
    grants: Cache<GrantId, Arc<Grant>>,
    /// Which grant an imported token is of, which never changes.
    imported: Cache<KeyedHash, GrantId>,
}

impl Cached {
    fn new() -> Self {
        Self {
            clients: Cache::new(CACHED),
            accounts: Cache::new(CACHED),
            grants: Cache::new(CACHED),
            imported: Cache::new(CACHED),
        }
    }

    fn clear(&self) {
        self.clients.clear();
        self.accounts.clear();
        self.grants.clear();
        self.imported.clear();
    }
}

impl Embedded {
    /// Opens or makes the data directory, and the secret that belongs to it.
    ///
    /// # Errors
    /// Where the directory is in use, or cannot be used: [`OpenError`] says what to do.
    pub(crate) fn open(
        dir: &Path,
        keys: &KeySource,
        clock: Arc<dyn Clock>,
        random: &dyn Random,
        metrics: Arc<StoreMetrics>,
    ) -> Result<(Self, LiveKeys), OpenError> {
        let Opened { mut connection, path, keys, secret, key_file, lock } = open::open(dir, keys, random)?;
        let sqlite = |source| OpenError::Sqlite { path: path.clone(), source };
        let last_time = Arc::new(AtomicI64::new(rows::meta(&connection, "last_time").map_err(sqlite)?));
        let advanced = rows::meta(&connection, "advanced").map_err(sqlite)?;
        if advanced != 0 {
            tracing::warn!(advanced, "a test has moved this server's clock forward by so many milliseconds");
        }
        let epoch = rows::meta(&connection, "epoch").map_err(sqlite)?;
        let journal = Arc::new(Journal::open(&mut connection, GATHERED).map_err(sqlite)?);
        let cached = Arc::new(Cached::new());
        let measured = Arc::clone(&metrics);
        let moved = Arc::<AtomicBool>::default();
        let writer = Writer::start(
            connection,
            Arc::clone(&last_time),
            Arc::clone(&journal),
            Arc::clone(&cached),
            measured,
            Arc::clone(&moved),
        );
        let writer = writer.map_err(|source| OpenError::Io {
            action: "starting the writer of",
            path: path.clone(),
            source,
        })?;
        let store = Self {
            writer,
            readers: Readers::new(path, Arc::clone(&metrics), Arc::clone(&moved)),
            journal,
            cached,
            clock,
            last_time,
            advanced: Arc::new(AtomicI64::new(advanced)),
            epoch: u32::try_from(epoch).unwrap_or_default(),
            notes: Mutex::default(),
            moved,
            metrics,
            _lock: lock,
        };
        Ok((store, LiveKeys::new(keys, secret, key_file)))
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads through a cache. A commit that lands between the read and the insertion replaces the
    /// guard, so that what is inserted last is never older than what was committed.
    async fn cached<K, V>(
        &self,
        kind: metrics::Cache,
        cache: impl Fn(&Cached) -> &Cache<K, Arc<V>>,
        key: K,
        read: impl FnOnce(&Connection, &K) -> rusqlite::Result<Option<Arc<V>>> + Send + 'static,
    ) -> Result<Option<Arc<V>>, StoreError>
    where
        K: Hash + Eq + Clone + Send + 'static,
        V: Send + Sync + 'static,
    {
        self.readers.check_here()?;
        let guard = match cache(&self.cached).get_value_or_guard_async(&key).await {
            Ok(value) => return Ok(Some(value)),
            Err(guard) => guard,
        };
        self.metrics.cache_missed(kind);
        let wanted = key.clone();
        let Some(value) = self.readers.read(move |db| read(db, &wanted)).await? else { return Ok(None) };
        match guard.insert(Arc::clone(&value)) {
            Ok(()) => Ok(Some(value)),
            // A commit was faster, and the cache has what it wrote.
            Err(stale) => Ok(Some(cache(&self.cached).get(&key).unwrap_or(stale))),
        }
    }
}

/// A grant as it was committed last.
fn current_grant(
    db: &Connection,
    journal: &Journal,
    grant_id: GrantId,
) -> rusqlite::Result<Option<Arc<Grant>>> {
    match journal.find(grant_id) {
        Some(changed) => Ok(Some(changed)),
        None => Ok(rows::grant(db, grant_id)?.map(Arc::new)),
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("path", &self.readers.path).finish_non_exhaustive()
    }
}
