//! Reading, beside the writer and without waiting for it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::open;
use crate::metrics::{Operation, StoreMetrics};
use crate::store::StoreError;

/// Reads that run at the same time. More only wait for the same disk.
const READERS: usize = 4;

/// A few connections that read, each for one reader at a time.
pub(super) struct Readers {
    pub(super) path: PathBuf,
    permits: Semaphore,
    idle: Arc<Mutex<Vec<Connection>>>,
    metrics: Arc<StoreMetrics>,
    /// Whether the database is served elsewhere from now on.
    moved: Arc<AtomicBool>,
}

impl Readers {
    pub(super) fn new(path: PathBuf, metrics: Arc<StoreMetrics>, moved: Arc<AtomicBool>) -> Self {
        Self { path, permits: Semaphore::new(READERS), idle: Arc::default(), metrics, moved }
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
        let Ok(_permit) = self.permits.acquire().await else { return Err(StoreError::Unavailable) };
        let (path, idle) = (self.path.clone(), Arc::clone(&self.idle));
        let reading = tokio::task::spawn_blocking(move || {
            let waiting = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match waiting {
                Some(connection) => connection,
                None => open::connect(&path)?,
            };
            let value = read(&connection)?;
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            Ok::<_, rusqlite::Error>(value)
        });
        let read = reading.await;
        self.metrics.read(started.elapsed());
        match read {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                self.metrics.failed(Operation::Read);
                tracing::error!(%error, "a read failed");
                Err(StoreError::Unavailable)
            }
            Err(error) => {
                self.metrics.failed(Operation::Read);
                tracing::error!(%error, "a read did not finish");
                Err(StoreError::Unavailable)
            }
        }
    }
}
