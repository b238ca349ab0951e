//! What threads share: the standard library's lock, and a value that is read without one.
//!
//! In unit tests both are places where another thread may go first: shuttle's, which chooses who
//! (`schedules/`). There the real code runs, and nothing but these two is exchanged.

use std::sync::Arc;
#[cfg(not(test))]
pub(super) use std::sync::{Mutex, MutexGuard};

use arc_swap::{ArcSwapOption, Guard};
#[cfg(test)]
pub(super) use shuttle::sync::{Mutex, MutexGuard};

/// A value that many read while it is replaced.
#[derive(Debug)]
pub(super) struct Published<T> {
    value: ArcSwapOption<T>,
    #[cfg(test)]
    turn: shuttle::sync::atomic::AtomicBool,
}

impl<T> Published<T> {
    /// Nothing yet.
    pub(super) fn empty() -> Self {
        Self {
            value: ArcSwapOption::empty(),
            #[cfg(test)]
            turn: shuttle::sync::atomic::AtomicBool::new(true),
        }
    }

    /// A guard rather than a count: threads that read one value do not slow each other down.
    pub(super) fn load(&self) -> Guard<Option<Arc<T>>> {
        self.turn();
        self.value.load()
    }

    /// For those who keep it.
    pub(super) fn load_full(&self) -> Option<Arc<T>> {
        self.turn();
        self.value.load_full()
    }

    pub(super) fn store(&self, value: Option<Arc<T>>) {
        self.turn();
        self.value.store(value);
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "nobody is asked to go first")]
    fn turn(&self) {}

    #[cfg(test)]
    fn turn(&self) {
        self.turn.load(std::sync::atomic::Ordering::SeqCst);
    }
}

/// Runs a test with nobody else: where those locks are, there has to be a schedule.
#[cfg(test)]
pub(super) fn alone(test: fn()) {
    shuttle::Runner::new(shuttle::scheduler::RandomScheduler::new(1), settings()).run(test);
}

/// Sealing and tracing take more than the 32 KiB of stack that a task has by default.
#[cfg(test)]
pub(super) fn settings() -> shuttle::Config {
    let mut settings = shuttle::Config::new();
    settings.stack_size = 256 * 1024;
    settings
}
