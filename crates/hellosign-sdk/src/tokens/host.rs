//! What all accounts of one host share: how many ask it at once, and when to leave it alone.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::sync::{Mutex, MutexGuard};

/// Lets so many ask at once; those that somebody waits for go first.
#[derive(Debug)]
pub(super) struct Host {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    wanted: VecDeque<Arc<Ticket>>,
    background: VecDeque<Arc<Ticket>>,
    /// By the monotonic clock.
    quiet_until: Duration,
}

/// A place in the queue.
#[derive(Debug)]
pub(super) struct Ticket(Mutex<Option<oneshot::Sender<Permit>>>);

/// Permission to ask, until it is dropped.
#[derive(Debug)]
pub(super) struct Permit(Option<Arc<Host>>);

impl Host {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::default() }
    }

    /// Queues up. The permit comes when it is this ticket's turn.
    pub(super) fn queue(self: &Arc<Self>, is_wanted: bool) -> (Arc<Ticket>, oneshot::Receiver<Permit>) {
        let (sender, receiver) = oneshot::channel();
        let ticket = Arc::new(Ticket(Mutex::new(Some(sender))));
        let mut state = self.lock();
        let queue = if is_wanted { &mut state.wanted } else { &mut state.background };
        queue.push_back(Arc::clone(&ticket));
        drop(state);
        self.admit();
        (ticket, receiver)
    }

    /// Somebody waits for this one now.
    pub(super) fn prefer(&self, ticket: &Arc<Ticket>) {
        // It stays in the other queue, too, where it will have been served.
        self.lock().wanted.push_back(Arc::clone(ticket));
    }

    /// Leaves the host alone until then, by the monotonic clock.
    pub(super) fn quiet_until(&self, until: Duration) {
        let mut state = self.lock();
        state.quiet_until = state.quiet_until.max(until);
    }

    /// How long the host is still to be left alone.
    pub(super) fn quiet_for(&self, now: Duration) -> Option<Duration> {
        self.lock().quiet_until.checked_sub(now).filter(|left| !left.is_zero())
    }

    fn admit(self: &Arc<Self>) {
        loop {
            let mut state = self.lock();
            if state.running >= self.limit {
                return;
            }
            let Some(next) = state.wanted.pop_front().or_else(|| state.background.pop_front()) else {
                return;
            };
            let Some(sender) = next.0.lock().unwrap_or_else(PoisonError::into_inner).take() else { continue };
            state.running += 1;
            drop(state);
            if let Err(mut refused) = sender.send(Permit(Some(Arc::clone(self)))) {
                // Nobody is there any more. Not by dropping it, which would come back to here.
                refused.0 = None;
                self.lock().running -= 1;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(host) = self.0.take() {
            host.lock().running -= 1;
            host.admit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sync::alone;
    use super::*;

    #[test]
    fn so_many_at_once_and_those_that_are_waited_for_first() {
        alone(|| {
            let host = Arc::new(Host::new(2));
            let (_, mut first) = host.queue(false);
            let (_, mut second) = host.queue(false);
            let (_, mut background) = host.queue(false);
            let (preferred, mut later) = host.queue(false);
            let (_, mut wanted) = host.queue(true);
            host.prefer(&preferred);
            let permit = first.try_recv().unwrap();
            let _second = second.try_recv().unwrap();
            assert!(wanted.try_recv().is_err(), "two at once");

            drop(permit);
            let permit = wanted.try_recv().unwrap();
            drop(permit);
            let permit = later.try_recv().unwrap();
            assert!(background.try_recv().is_err());
            drop(permit);
            drop(background.try_recv().unwrap());
            assert_eq!(host.lock().running, 1);
        });
    }

    #[test]
    fn a_permit_that_nobody_takes_comes_back() {
        alone(|| {
            let host = Arc::new(Host::new(1));
            let (_, mut first) = host.queue(true);
            let permit = first.try_recv().unwrap();
            drop(host.queue(true));
            let (_, mut last) = host.queue(false);
            drop(permit);
            assert!(last.try_recv().is_ok());
        });
    }

    #[test]
    fn a_host_is_left_alone_as_long_as_anybody_was_told() {
        alone(|| {
            let host = Host::new(1);
            let second = Duration::from_secs;
            host.quiet_until(second(5));
            host.quiet_until(second(3));
            assert_eq!(host.quiet_for(second(4)), Some(second(1)));
            assert_eq!(host.quiet_for(second(5)), None);
        });
    }
}
