//! Which requests are worked on now, which wait, and which are turned away.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::Limits;

/// There is no room for this request: whoever sent it is to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server has more to do than it takes on")]
pub(crate) struct Shed;

/// Room for so many requests, and for so many that wait.
#[derive(Debug)]
pub(crate) struct Admission {
    room: Arc<Semaphore>,
    max_in_flight: usize,
    waiting: AtomicUsize,
    max_waiting: usize,
    max_wait: Duration,
    body_bytes: AtomicUsize,
    max_body_bytes: usize,
    shed: Counter,
}

impl Admission {
    /// `shed` counts what is turned away.
    pub(crate) fn new(limits: &Limits, shed: Counter) -> Self {
        let max_in_flight = limits.max_in_flight.min(Semaphore::MAX_PERMITS);
        Self {
            room: Arc::new(Semaphore::new(max_in_flight)),
            max_in_flight,
            waiting: AtomicUsize::new(0),
            max_waiting: limits.max_waiting,
            max_wait: limits.max_wait,
            body_bytes: AtomicUsize::new(0),
            max_body_bytes: limits.max_body_bytes,
            shed,
        }
    }

    /// Requests that are worked on.
    pub(crate) fn in_flight(&self) -> usize {
        self.max_in_flight.saturating_sub(self.room.available_permits())
    }

    /// Requests that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Bytes of bodies that have arrived and are not answered yet.
    pub(crate) fn body_bytes(&self) -> usize {
        self.body_bytes.load(Ordering::Relaxed)
    }

    /// Waits for room.
    async fn room(&self) -> Result<OwnedSemaphorePermit, Shed> {
        let _waiting = self.wait()?;
        match tokio::time::timeout(self.max_wait, Arc::clone(&self.room).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(self.shed()),
        }
    }

    fn wait(&self) -> Result<Waiting<'_>, Shed> {
        let one_more = |waiting| (waiting < self.max_waiting).then_some(waiting + 1);
        let waiting = self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more);
        waiting.map(|_| Waiting(&self.waiting)).map_err(|_| self.shed())
    }

    fn shed(&self) -> Shed {
        self.shed.inc();
        Shed
    }
}

/// Counts one that waits, as long as it does.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A request's stay. Dropping it makes room for another.
#[derive(Debug)]
pub(crate) struct Visit {
    admission: Arc<Admission>,
    body_bytes: AtomicUsize,
    permit: OnceLock<OwnedSemaphorePermit>,
}

impl Visit {
    /// A request that has come and is not worked on yet.
    pub(crate) fn new(admission: Arc<Admission>) -> Self {
        Self { admission, body_bytes: AtomicUsize::new(0), permit: OnceLock::new() }
    }

    /// Whether the request may be worked on right now, without waiting; then it is from now on.
    pub(crate) fn begin_at_once(&self) -> bool {
        if self.permit.get().is_none() {
            let Ok(permit) = Arc::clone(&self.admission.room).try_acquire_owned() else { return false };
            // A second one is given back at once.
            let _ = self.permit.set(permit);
        }
        true
    }

    /// Returns once the request may be worked on.
    ///
    /// # Errors
    /// [`Shed`] where too many others wait already, or it has waited too long.
    pub(crate) async fn begin(&self) -> Result<(), Shed> {
        if !self.begin_at_once() {
            let permit = self.admission.room().await?;
            let _ = self.permit.set(permit);
        }
        Ok(())
    }

    /// So many bytes more of its body have arrived.
    ///
    /// # Errors
    /// [`Shed`] where that is more than there is room for, with all the other bodies.
    pub(crate) fn arrived(&self, bytes: usize) -> Result<(), Shed> {
        self.body_bytes.fetch_add(bytes, Ordering::Relaxed);
        let all = self.admission.body_bytes.fetch_add(bytes, Ordering::AcqRel).saturating_add(bytes);
        if all > self.admission.max_body_bytes { Err(self.admission.shed()) } else { Ok(()) }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.admission.body_bytes.fetch_sub(*self.body_bytes.get_mut(), Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(max_waiting: usize, max_wait: Duration) -> Arc<Admission> {
        let limits =
            Limits { max_in_flight: 1, max_waiting, max_wait, max_body_bytes: 100, ..Limits::default() };
        Arc::new(Admission::new(&limits, Counter::default()))
    }

    #[tokio::test]
    async fn so_many_are_worked_on_so_many_wait_and_the_next_is_turned_away() {
        let admission = admission(1, Duration::from_secs(60));
        let visit = || Visit::new(Arc::clone(&admission));
        let first = visit();
        assert_eq!(first.begin().await, Ok(()));
        assert_eq!(first.begin().await, Ok(()), "once is enough");
        let second = visit();
        let waiting = tokio::spawn(async move { second.begin().await.map(|()| second) });
        while admission.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(visit().begin().await, Err(Shed));
        assert_eq!((admission.in_flight(), admission.waiting()), (1, 1));
        drop(first);
        let second = waiting.await.unwrap().unwrap();
        assert_eq!((admission.in_flight(), admission.waiting()), (1, 0));
        drop(second);
        assert_eq!(admission.in_flight(), 0);
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let admission = admission(8, Duration::from_millis(20));
        let first = Visit::new(Arc::clone(&admission));
        first.begin().await.unwrap();
        assert_eq!(Visit::new(Arc::clone(&admission)).begin().await, Err(Shed));
        assert_eq!(admission.waiting(), 0);
    }

    #[test]
    fn bodies_share_one_budget_and_give_it_back() {
        let admission = admission(1, Duration::ZERO);
        let first = Visit::new(Arc::clone(&admission));
        let second = Visit::new(Arc::clone(&admission));
        assert_eq!(first.arrived(60), Ok(()));
        assert_eq!(second.arrived(41), Err(Shed));
        drop(second);
        assert_eq!(first.arrived(40), Ok(()));
        drop(first);
        assert_eq!(admission.body_bytes(), 0);
    }
}
