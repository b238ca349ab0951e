//! The database's time, as this node knows it: measured every second, and counted on from there.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::{Clock, Timestamp};

/// How far ahead of this node another one may be and still be believed.
const SKEW: Duration = Duration::from_secs(10);

/// Counts the database's time. It never runs back, and lags behind by no more than an answer takes on its way.
#[derive(Debug)]
pub(super) struct DatabaseTime {
    /// A test's clock in place of the database's.
    clock: Option<Arc<dyn Clock>>,
    started: Instant,
    /// What to add to the milliseconds since the start.
    offset: AtomicI64,
    /// How far tests have moved the time, in milliseconds.
    advanced: AtomicI64,
    /// The latest time given out.
    last: AtomicI64,
    /// When tests have moved the time last: what was measured before says nothing any more.
    moved: Mutex<Option<Instant>>,
}

impl DatabaseTime {
    pub(super) fn new(clock: Option<Arc<dyn Clock>>) -> Self {
        let (offset, advanced, last) = (AtomicI64::new(0), AtomicI64::new(0), AtomicI64::new(0));
        Self { clock, started: Instant::now(), offset, advanced, last, moved: Mutex::new(None) }
    }

    pub(super) fn now(&self) -> Timestamp {
        let now = match &self.clock {
            Some(clock) => clock.now().as_millis().saturating_add(self.advanced.load(Ordering::Acquire)),
            None => self.offset.load(Ordering::Acquire).saturating_add(self.elapsed()),
        };
        Timestamp::from_millis(self.last.fetch_max(now, Ordering::AcqRel).max(now))
    }

    /// What the database is to be told of the time: nothing, unless a test has a clock of its own.
    pub(super) fn told(&self) -> Option<i64> {
        self.clock.as_ref().map(|clock| clock.now().as_millis())
    }

    /// The database, asked at `asked`, has just said that it is `millis`; of that, tests have moved it by `advanced`.
    pub(super) fn measured(&self, asked: Instant, millis: i64, advanced: i64) {
        let moved = self.moved();
        if moved.is_some_and(|moved| asked <= moved) {
            return;
        }
        self.offset.store(millis.saturating_sub(self.elapsed()), Ordering::Release);
        if self.advanced.swap(advanced, Ordering::AcqRel) != advanced && advanced != 0 {
            tracing::warn!(advanced, "a test has moved this server's clock forward by so many milliseconds");
        }
        if self.clock.is_some() {
            // What the database has stored is what it goes by.
            self.last.fetch_max(millis, Ordering::AcqRel);
        }
    }

    /// Another node has given this time out.
    pub(super) fn witness(&self, at: Timestamp) {
        if at.as_millis() > self.last.load(Ordering::Acquire)
            && at.since(self.now()).is_some_and(|ahead| ahead <= SKEW)
        {
            self.last.fetch_max(at.as_millis(), Ordering::AcqRel);
        }
    }

    /// Tests have moved the time by so much in all.
    pub(super) fn advance(&self, advanced: i64) {
        *self.moved() = Some(Instant::now());
        let before = self.advanced.swap(advanced, Ordering::AcqRel);
        self.offset.fetch_add(advanced.saturating_sub(before), Ordering::AcqRel);
    }

    /// Begins anew, without what tests have moved.
    pub(super) fn reset(&self) {
        self.advance(0);
        let now = match &self.clock {
            Some(clock) => clock.now().as_millis(),
            None => self.offset.load(Ordering::Acquire).saturating_add(self.elapsed()),
        };
        self.last.store(now, Ordering::Release);
    }

    fn moved(&self) -> MutexGuard<'_, Option<Instant>> {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn elapsed(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000_000;

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_between_measurements_and_never_back() {
        let time = DatabaseTime::new(None);
        time.measured(Instant::now(), NOW, 0);
        tokio::time::advance(Duration::from_millis(700)).await;
        assert_eq!(time.now().as_millis(), NOW + 700);
        // The clock of the database's machine was set back by an hour.
        time.measured(Instant::now(), NOW - 3_600_000, 0);
        assert_eq!(time.now().as_millis(), NOW + 700);
    }

    #[tokio::test(start_paused = true)]
    async fn what_another_node_has_given_out_is_not_in_the_future() {
        let time = DatabaseTime::new(None);
        time.measured(Instant::now(), NOW, 0);
        time.witness(Timestamp::from_millis(NOW + 5));
        assert_eq!(time.now().as_millis(), NOW + 5);
        time.witness(Timestamp::from_millis(NOW + 3_600_000));
        assert_eq!(time.now().as_millis(), NOW + 5, "an hour ahead is no skew");
    }

    #[tokio::test(start_paused = true)]
    async fn a_test_moves_it_and_a_reset_takes_that_back() {
        let time = DatabaseTime::new(None);
        time.measured(Instant::now(), NOW, 0);
        time.advance(60_000);
        assert_eq!(time.now().as_millis(), NOW + 60_000);
        tokio::time::advance(Duration::from_millis(1)).await;
        time.measured(Instant::now(), NOW + 60_000, 60_000);
        assert_eq!(time.now().as_millis(), NOW + 60_000);
        let asked = Instant::now();
        time.reset();
        assert_eq!(time.now().as_millis(), NOW);
        time.measured(asked, NOW + 60_000, 60_000);
        assert_eq!(time.now().as_millis(), NOW, "an answer from before the reset");
    }
}
