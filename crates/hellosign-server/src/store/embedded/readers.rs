//! Reading, beside the writer and without waiting for it.
//!
//! To hand a read to another thread costs more than the read does where its pages are in memory. So a thread that
//! reads goes on with whatever waits, and another one is woken only where more do than read: when that takes long.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use super::open;
use crate::metrics::{Operation, StoreMetrics};
use crate::store::StoreError;

/// Threads that read at the same time. More only wait for the same disk.
const READERS: usize = 4;
/// Reads that are asked for at the same time; a caller beyond that waits to wait.
const QUEUE: usize = 1024;

/// How often a thread that has nothing to read lets others run and looks again before it ends: they may be about to
/// ask, and to wake it costs more.
const LOOKS: usize = 4;
/// SQLite's pages that each connection keeps, in KiB. More are in the system's memory, and cost a copy.
const PAGES: i64 = 16 * 1024;

/// A few connections that read, each for one thread at a time.
pub(super) struct Readers {
    pub(super) path: PathBuf,
    places: Arc<Semaphore>,
    queue: Arc<Queue>,
    metrics: Arc<StoreMetrics>,
    /// Whether the database is served elsewhere from now on.
    moved: Arc<AtomicBool>,
}

/// Reads, answers, and says whether the connection is good for more.
type Read = Box<dyn FnOnce(&Connection) -> bool + Send>;

#[derive(Default)]
struct Queue(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    reads: VecDeque<Read>,
    /// Connections that no thread has.
    idle: Vec<Connection>,
    /// Threads that read.
    readers: usize,
}

impl Readers {
    pub(super) fn new(path: PathBuf, metrics: Arc<StoreMetrics>, moved: Arc<AtomicBool>) -> Self {
        let places = Arc::new(Semaphore::new(QUEUE));
        Self { path, places, queue: Arc::default(), metrics, moved }
    }

    /// Fails once the database has moved: what it says is not true any more.
    pub(super) fn check_here(&self) -> Result<(), StoreError> {
        if self.moved.load(Ordering::Acquire) { Err(StoreError::Unavailable) } else { Ok(()) }
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.check_here()?;
        let started = Instant::now();
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| StoreError::Unavailable)?;
        let (answer, answered) = oneshot::channel();
        let is_another_needed = self.queue.push(Box::new(move |connection| {
            let value = read(connection);
            let is_good = value.is_ok();
            // An error says that the caller has gone.
            let _ = answer.send(value);
            drop(place);
            is_good
        }));
        if is_another_needed {
            let (path, queue) = (self.path.clone(), Arc::clone(&self.queue));
            tokio::task::spawn_blocking(move || queue.work_off(&path));
        }
        let read = answered.await;
        self.metrics.read(started.elapsed());
        match read {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                self.metrics.failed(Operation::Read);
                tracing::error!(%error, "a read failed");
                Err(StoreError::Unavailable)
            }
            Err(_) => {
                self.metrics.failed(Operation::Read);
                tracing::error!("a read did not finish");
                Err(StoreError::Unavailable)
            }
        }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another thread has to [work off](Self::work_off) what waits; it counts from here on.
    fn push(&self, read: Read) -> bool {
        let mut waiting = self.lock();
        waiting.reads.push_back(read);
        let is_needed = waiting.readers < READERS && waiting.reads.len() > waiting.readers;
        waiting.readers += usize::from(is_needed);
        is_needed
    }

    /// Reads until nothing waits.
    fn work_off(&self, path: &Path) {
        let (mut mine, mut looks) = (None, LOOKS);
        loop {
            let mut waiting = self.lock();
            let Some(read) = waiting.reads.pop_front() else {
                if looks == 0 {
                    waiting.readers -= 1;
                    waiting.idle.extend(mine);
                    return;
                }
                drop(waiting);
                looks -= 1;
                thread::yield_now();
                continue;
            };
            let idle = mine.take().or_else(|| waiting.idle.pop());
            drop(waiting);
            looks = LOOKS;
            mine = match idle.map_or_else(|| connect(path), Ok) {
                Ok(connection) => {
                    // Who panics ends his own request and nobody else's.
                    let is_good = catch_unwind(AssertUnwindSafe(|| read(&connection))).unwrap_or(false);
                    is_good.then_some(connection)
                }
                Err(error) => {
                    tracing::error!(%error, "no connection to the database could be opened");
                    None
                }
            };
        }
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open::connect(path)?;
    connection.pragma_update(None, "cache_size", -PAGES)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::task::JoinSet;
    use tokio::time::timeout;

    use super::*;
    use crate::clock::Timestamp;
    use crate::metrics::Metrics;

    fn readers(directory: &Path) -> Arc<Readers> {
        let path = directory.join("hellosign.db");
        Arc::new(Readers::new(path, Metrics::new(Timestamp::from_millis(0)).store, Arc::default()))
    }

    fn one(db: &Connection) -> rusqlite::Result<i64> {
        db.query_row("SELECT 1", [], |row| row.get(0))
    }

    #[tokio::test]
    async fn a_read_that_goes_wrong_ends_nobody_elses() {
        let directory = tempfile::tempdir().unwrap();
        let readers = readers(directory.path());
        readers.read::<()>(|_| panic!("as a test wants it")).await.unwrap_err();
        let no_such_table = |db: &Connection| db.execute_batch("DELETE FROM nowhere");
        readers.read(no_such_table).await.unwrap_err();
        assert_eq!(readers.read(one).await.unwrap(), 1);
        let waiting = readers.queue.lock();
        assert_eq!((waiting.reads.len(), waiting.idle.len() + waiting.readers), (0, 1));
    }

    #[tokio::test]
    async fn a_read_that_takes_long_does_not_keep_all_others_waiting() {
        let directory = tempfile::tempdir().unwrap();
        let readers = readers(directory.path());
        let (release, released) = mpsc::channel::<()>();
        let (began, has_begun) = oneshot::channel();
        let held = Arc::clone(&readers);
        let held = tokio::spawn(async move {
            let hold = move |db: &Connection| {
                let _ = began.send(());
                let _ = released.recv();
                one(db)
            };
            held.read(hold).await
        });
        has_begun.await.unwrap();
        let read = |_| {
            let readers = Arc::clone(&readers);
            async move { readers.read(one).await }
        };
        let others: JoinSet<_> = (0..2).map(read).collect();
        let others = timeout(Duration::from_secs(30), others.join_all()).await;
        drop(release);
        assert!(others.expect("another thread has come to help").iter().all(Result::is_ok));
        assert_eq!(held.await.unwrap().unwrap(), 1);
    }
}
