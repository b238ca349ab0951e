//! What was read or written a moment ago, and is taken for true for a second.

use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use quick_cache::sync::Cache;
use tokio::time::Instant;

/// How old what is answered may be, counted from when its reading began.
const MOMENT: Duration = Duration::from_secs(1);
/// An answer that is no slower than this is as good as at once.
const PROMPT: Duration = Duration::from_millis(50);
/// Entries of each kind.
const ENTRIES: usize = 100_000;

/// Values as they were at some moment. One is never replaced by what was read before it.
pub(super) struct Recent<K, V> {
    entries: Cache<K, Entry<V>>,
    /// Two that come to the same entry at once compare one after the other.
    comparing: Mutex<()>,
}

#[derive(Clone)]
struct Entry<V> {
    value: V,
    as_of: Instant,
}

impl<K: Hash + Eq + Clone, V: Clone> Recent<K, V> {
    pub(super) fn new() -> Self {
        Self { entries: Cache::new(ENTRIES), comparing: Mutex::new(()) }
    }

    /// What is young enough to be true.
    pub(super) fn find(&self, key: &K) -> Option<V> {
        let entry = self.entries.get(key)?;
        (entry.as_of.elapsed() < MOMENT).then_some(entry.value)
    }

    /// What was known last, however old.
    pub(super) fn last(&self, key: &K) -> Option<V> {
        self.entries.peek(key).map(|entry| entry.value)
    }

    /// Takes over what was read, by somebody who began at this moment.
    pub(super) fn insert(&self, key: K, value: V, as_of: Instant) {
        let _one_by_one = self.comparing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.entries.peek(&key).is_none_or(|entry| entry.as_of <= as_of) {
            self.entries.insert(key, Entry { value, as_of });
        }
    }

    /// Takes over what was written by a statement that was sent at this moment. It is newer than all that was read
    /// until now; but if the answer took its time, somebody else may have written since.
    pub(super) fn wrote(&self, key: K, value: V, sent: Instant) {
        if sent.elapsed() < PROMPT {
            self.insert(key, value, Instant::now());
        } else {
            self.remove(&key);
        }
    }

    /// Knows nothing of this key any more.
    pub(super) fn remove(&self, key: &K) {
        let _one_by_one = self.comparing.lock().unwrap_or_else(PoisonError::into_inner);
        self.entries.remove(key);
    }

    /// Entries, old ones included.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn clear(&self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_a_second_old_is_forgotten() {
        let recent = Recent::new();
        let began = Instant::now();
        tokio::time::advance(Duration::from_millis(400)).await;
        recent.insert(1, "read", began);
        tokio::time::advance(Duration::from_millis(599)).await;
        assert_eq!(recent.find(&1), Some("read"));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(recent.find(&1), None, "counted from when the reading began");
        assert_eq!(recent.last(&1), Some("read"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_does_not_undo_what_was_written() {
        let recent = Recent::new();
        let began = Instant::now();
        tokio::time::advance(Duration::from_millis(10)).await;
        recent.wrote(1, "written", Instant::now());
        recent.insert(1, "read before", began);
        assert_eq!(recent.find(&1), Some("written"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_written_long_ago_may_have_been_written_over() {
        let recent = Recent::new();
        recent.insert(1, "read", Instant::now());
        let sent = Instant::now();
        tokio::time::advance(Duration::from_millis(900)).await;
        recent.wrote(1, "written", sent);
        assert_eq!(recent.find(&1), None);
    }
}
