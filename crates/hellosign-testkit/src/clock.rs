//! Time that moves when the test says so.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hellosign_server::{Clock, Timestamp};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct FakeClock(AtomicI64);

impl Default for FakeClock {
    /// Some moment in 2026.
    fn default() -> Self {
        Self(AtomicI64::new(1_790_000_000_000))
    }
}

impl FakeClock {
    /// Moves the clock forward.
    pub fn advance(&self, span: Duration) {
        self.0.fetch_add(i64::try_from(span.as_millis()).expect("a span of this age"), Ordering::SeqCst);
    }

    /// Sets the clock back, as an operator's mistake would.
    pub fn set_back(&self, span: Duration) {
        self.0.fetch_sub(i64::try_from(span.as_millis()).expect("a span of this age"), Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}
