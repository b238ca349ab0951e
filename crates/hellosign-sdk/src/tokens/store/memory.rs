//! A store that ends with the process.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{BoxFuture, StoreError, Stored, TokenStore, Version};

/// Keeps grants in memory: for tests, and for programs whose users sign in each time.
///
/// ```
/// use hellosign_sdk::tokens::MemoryTokenStore;
///
/// let store = MemoryTokenStore::default();
/// ```
#[derive(Debug, Default)]
pub struct MemoryTokenStore(Mutex<BTreeMap<String, Stored>>);

impl MemoryTokenStore {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Stored>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenStore for MemoryTokenStore {
    fn load<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        Box::pin(async move { Ok(self.lock().get(account).cloned()) })
    }

    fn replace<'a>(
        &'a self,
        account: &'a str,
        expected: Option<Version>,
        next: Version,
        content: Option<&'a [u8]>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let mut kept = self.lock();
            if kept.get(account).map(|stored| stored.version) != expected {
                return Ok(false);
            }
            match content {
                Some(content) => {
                    kept.insert(account.to_owned(), Stored { version: next, content: content.to_vec() })
                }
                None => kept.remove(account),
            };
            Ok(true)
        })
    }

    fn accounts<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let accounts = self
            .lock()
            .range::<str, _>((from, Bound::Unbounded))
            .take(limit)
            .map(|(name, _)| name.clone())
            .collect();
        Box::pin(async move { Ok(accounts) })
    }
}
