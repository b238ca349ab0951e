//! One thread writes, and commits whatever is waiting as one transaction: an fsync is what a durable
//! answer costs, and this way those who wait for one at the same time share it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::Span;

use super::Cached;
use super::journal::{Batch, Journal};
use crate::metrics::{Operation, StoreMetrics};
use crate::store::StoreError;

/// How many writes share a commit at most.
const BATCH: usize = 512;
/// How many writes wait at most; a caller beyond that waits to wait.
const QUEUE: usize = 4096;

/// Done after the commit: shows the new value to readers, then answers. Never before.
type Published = Box<dyn FnOnce() + Send>;

type Run = Box<dyn FnOnce(&Batch<'_>) -> rusqlite::Result<Published> + Send>;

/// What is to be written, and for which request: the log says so if it goes wrong.
struct Write {
    run: Run,
    asked_by: Span,
}

/// Hands writes to the thread that does them.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Write>,
    failed: watch::Receiver<bool>,
}

impl Writer {
    /// Starts the thread. `last_time` is the latest time that the store has given out; each commit
    /// stores it with what was decided by it. Once `moved` is set nothing is written any more.
    pub(super) fn start(
        connection: Connection,
        last_time: Arc<AtomicI64>,
        journal: Arc<Journal>,
        cached: Arc<Cached>,
        metrics: Arc<StoreMetrics>,
        moved: Arc<AtomicBool>,
    ) -> std::io::Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (failing, failed) = watch::channel(false);
        thread::Builder::new().name("store writer".to_owned()).spawn(move || {
            if let Err(error) = run(connection, waiting, &last_time, &journal, &cached, &metrics, &moved) {
                metrics.failed(Operation::Commit);
                tracing::error!(%error, "a commit failed; what was being written may or may not be stored");
                failing.send_replace(true);
            }
        })?;
        Ok(Self { queue, failed })
    }

    /// Runs `write` inside the next transaction, unless nothing is written any more; after its commit `publish`, then returns.
    ///
    /// A caller that stops waiting does not undo the write.
    ///
    /// # Errors
    /// Where the write or its commit failed: it is not stored, or not known to be.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Batch<'_>) -> rusqlite::Result<T> + Send + 'static,
        publish: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let run = Box::new(move |batch: &Batch<'_>| {
            let value = write(batch)?;
            Ok(Box::new(move || {
                publish(&value);
                // An error says that the caller has gone; the write stands.
                let _ = answer.send(value);
            }) as Published)
        });
        let write = Write { run, asked_by: Span::current() };
        self.queue.send(write).await.map_err(|_| StoreError::Unavailable)?;
        answered.await.map_err(|_| StoreError::Unavailable)
    }

    /// Writes that wait for the next transaction.
    pub(super) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Whether a commit has failed.
    pub(super) fn has_failed(&self) -> bool {
        *self.failed.borrow()
    }

    /// Completes when a commit has failed and the store can no longer be relied on.
    pub(super) async fn failed(&self) {
        let mut failed = self.failed.clone();
        if failed.wait_for(|failed| *failed).await.is_err() {
            // The thread ended because the store is being dropped, not because it failed.
            std::future::pending().await
        }
    }
}

/// # Errors
/// Where a transaction could not be opened or committed. Those who waited learn it by their answer's
/// sender being dropped.
fn run(
    connection: Connection,
    mut waiting: mpsc::Receiver<Write>,
    last_time: &AtomicI64,
    journal: &Journal,
    cached: &Cached,
    metrics: &StoreMetrics,
    moved: &AtomicBool,
) -> rusqlite::Result<()> {
    while let Some(first) = waiting.blocking_recv() {
        if moved.load(Ordering::Acquire) {
            // Whoever waits for it learns that it did not happen.
            continue;
        }
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let batch = Batch::new(&connection, journal, cached);
        let mut done = Vec::new();
        let mut next = Some(first);
        while let Some(write) = next {
            done.extend(in_savepoint(&batch, write, metrics)?);
            next = if done.len() < BATCH { waiting.try_recv().ok() } else { None };
        }
        let folded = journal.fold(&batch)?;
        let changes = batch.into_changes();
        connection
            .prepare_cached("UPDATE meta SET value = ?1 WHERE name = 'last_time' AND value < ?1")?
            .execute([last_time.load(Ordering::Acquire)])?;
        let started = Instant::now();
        connection.execute_batch("COMMIT")?;
        metrics.committed(done.len(), started.elapsed());
        journal.committed(changes, &folded);
        done.into_iter().for_each(|publish| publish());
    }
    Ok(())
}

/// One write's failure is its own: the others of the transaction go on.
fn in_savepoint(
    batch: &Batch<'_>,
    write: Write,
    metrics: &StoreMetrics,
) -> rusqlite::Result<Option<Published>> {
    batch.db.prepare_cached("SAVEPOINT one")?.execute([])?;
    let mark = batch.mark();
    let Write { run, asked_by } = write;
    let result = run(batch);
    if let Err(error) = &result {
        metrics.failed(Operation::Write);
        asked_by.in_scope(|| tracing::error!(%error, "a write failed and was undone"));
        batch.db.prepare_cached("ROLLBACK TO one")?.execute([])?;
        batch.undo(mark);
    }
    batch.db.prepare_cached("RELEASE one")?.execute([])?;
    Ok(result.ok())
}
