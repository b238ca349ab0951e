//! The keys in use, which change while the server runs: the database lists them, and a file or the caller
//! gives their secrets.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::watch;

use crate::store::{Backend as _, Store, StoreError};
use crate::token::{KeyFileFailure, KeyRing, KeyRingError, ListedKey, ServerKeys, key_file};

/// The key ring, and where it comes from.
#[derive(Debug)]
pub(crate) struct LiveKeys {
    ring: ArcSwap<KeyRing>,
    /// Where the secrets are read again; `None` where the caller has given them.
    file: Option<PathBuf>,
    seen: Mutex<Seen>,
    /// Whether this node can issue nothing any more that anybody would accept.
    failed: watch::Sender<bool>,
}

/// What the ring was made from.
#[derive(Debug)]
struct Seen {
    secrets: Arc<ServerKeys>,
    listed: Vec<ListedKey>,
    /// Why what the database lists now could not be taken over.
    problem: Option<String>,
}

/// Why the keys could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    #[error(transparent)]
    File(#[from] KeyFileFailure),
    #[error("the key file {} is gone; restore it", .0.display())]
    Gone(PathBuf),
    #[error(transparent)]
    Ring(#[from] KeyRingError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LiveKeys {
    pub(crate) fn new(ring: KeyRing, secrets: Arc<ServerKeys>, file: Option<PathBuf>) -> Self {
        // Nothing is seen yet: the first look takes over whatever the database lists.
        let seen = Seen { secrets, listed: Vec::new(), problem: None };
        Self {
            ring: ArcSwap::from_pointee(ring),
            file,
            seen: Mutex::new(seen),
            failed: watch::Sender::new(false),
        }
    }

    /// The keys as they are now.
    pub(crate) fn ring(&self) -> Guard<Arc<KeyRing>> {
        self.ring.load()
    }

    /// Why this node cannot do all that the database wants of it, if so.
    pub(crate) fn problem(&self) -> Option<String> {
        self.lock().problem.clone()
    }

    /// Completes when the key that this node issues with was revoked, and it lacks the one that took its
    /// place: the process has to end.
    pub(crate) async fn failed(&self) {
        let mut failed = self.failed.subscribe();
        // The sender is here.
        let _ = failed.wait_for(|failed| *failed).await;
    }

    pub(crate) fn has_failed(&self) -> bool {
        *self.failed.borrow()
    }

    /// Takes over what has changed: keys that the file has gained, and what the database uses each for.
    ///
    /// What cannot be taken over leaves the keys as they were, but for those that were revoked, which end here as
    /// everywhere, and those that are lacking, by which nothing is judged. The log has it, and so has
    /// [`LiveKeys::problem`].
    pub(crate) async fn refresh(&self, store: &Store) {
        let problem = self.try_refresh(store).await.err().map(|error| error.to_string());
        let mut seen = self.lock();
        if seen.problem != problem {
            match &problem {
                Some(problem) => {
                    tracing::error!(problem, "the server's keys could not be brought up to date")
                }
                None => tracing::info!("the server's keys are up to date again"),
            }
            seen.problem = problem;
        }
    }

    /// Asks the database whether it lists other keys than are known here, and takes them over; gives whether it does.
    /// Before something is refused because its key is not known, or it was looked for under known keys only: another
    /// node may have learned of a key a moment earlier.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub(crate) async fn learn(&self, store: &Store) -> Result<bool, StoreError> {
        let listed = store.list_keys().await?;
        if self.lock().listed == listed {
            return Ok(false);
        }
        self.refresh(store).await;
        Ok(true)
    }

    async fn try_refresh(&self, store: &Store) -> Result<(), KeysError> {
        let secrets = match &self.file {
            Some(file) => Arc::new(reread(file)?),
            None => Arc::clone(&self.lock().secrets),
        };
        let mut listed = store.list_keys().await?;
        if self.is_known(&secrets, &listed) {
            return Ok(());
        }
        // Before anything is written: a key file that belongs to another database must leave no trace.
        let ring = KeyRing::open(&secrets, &listed).inspect_err(|_| self.make_do_with(&listed))?;
        let unlisted = KeyRing::unlisted(&secrets, &listed);
        if unlisted.is_empty() {
            self.take_over(ring, secrets, listed);
            return Ok(());
        }
        for key in &unlisted {
            store.add_key(*key).await?;
            tracing::info!(key_id = %key.id, "what is made with this key is accepted from now on");
        }
        listed.extend(&unlisted);
        self.take_over(KeyRing::open(&secrets, &listed)?, secrets, listed);
        Ok(())
    }

    fn is_known(&self, secrets: &ServerKeys, listed: &[ListedKey]) -> bool {
        let seen = self.lock();
        seen.listed == listed && seen.secrets.is_same(secrets)
    }

    fn take_over(&self, ring: KeyRing, secrets: Arc<ServerKeys>, listed: Vec<ListedKey>) {
        let before = self.ring.swap(Arc::new(ring)).issuing().id();
        let now = self.ring().issuing().id();
        if before != now {
            tracing::info!(key_id = %now, "this key issues from now on");
        }
        let mut seen = self.lock();
        (seen.secrets, seen.listed) = (secrets, listed);
    }

    fn make_do_with(&self, listed: &[ListedKey]) {
        match self.ring().as_listed(listed) {
            Some(ring) => self.ring.store(Arc::new(ring)),
            None => drop(self.failed.send_replace(true)),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reread(file: &Path) -> Result<ServerKeys, KeysError> {
    key_file::read(file)?.ok_or_else(|| KeysError::Gone(file.to_owned()))
}
