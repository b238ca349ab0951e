//! One account in this process: the token in memory, and the one renewal that all who need it wait for.

use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::environment::fraction;
use super::error::TokenError;
use super::event::TokenEvent;
use super::fresh::Fresh;
use super::host::{Permit, Ticket};
use super::observe::{self, Attempted, Outcome as Ended};
use super::renewal::{Attempt, Renewed, Unsaved};
use super::shared::Shared;
use super::sync::{Mutex, MutexGuard, Published};

/// A token that was complained about is renewed at once, but no sooner than this after the last one.
const BETWEEN_INVALIDATIONS: Duration = Duration::from_secs(60);
/// What an attempt that failed is followed by, at least half of it, doubled with each that fails.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

type Outcome = Result<Arc<Fresh>, TokenError>;

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) account: Arc<str>,
    pub(super) current: Published<Fresh>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    flight: Option<Flight>,
    /// How often the program has put a grant here or taken it away.
    grants: u64,
    /// The last token, if it was invalidated.
    invalid: Option<u64>,
    invalidated_at: Option<Duration>,
    failures: u32,
    /// Why the last attempt failed, and until when there is none, by the monotonic clock.
    cooling: Option<(Duration, TokenError)>,
    unsaved: Option<Unsaved>,
}

/// What a caller gets who joins.
enum Joined {
    Done(Arc<Fresh>),
    Renewing(watch::Receiver<Option<Outcome>>),
}

#[derive(Debug)]
struct Flight {
    outcome: watch::Receiver<Option<Outcome>>,
    is_wanted: bool,
    /// Where it queues, if it does.
    ticket: Option<Arc<Ticket>>,
}

impl Slot {
    pub(super) fn new(account: Arc<str>) -> Self {
        Self { account, current: Published::empty(), state: Mutex::default() }
    }

    /// Waits for a token that is good, which the one with this serial is not.
    pub(super) async fn token(self: &Arc<Self>, shared: &Arc<Shared>, seen: Option<u64>) -> Outcome {
        let mut outcome = match self.join(shared, seen, true)? {
            Joined::Done(fresh) => return Ok(fresh),
            Joined::Renewing(outcome) => outcome,
        };
        let _waiting = observe::waiting();
        let outcome = outcome.wait_for(Option::is_some).await.map(|outcome| outcome.clone());
        match outcome {
            Ok(Some(outcome)) => outcome,
            // Its task was dropped.
            _ => Err(TokenError::Interrupted),
        }
    }

    /// Starts to renew a token that is still good.
    pub(super) fn renew_early(self: &Arc<Self>, shared: &Arc<Shared>, seen: u64) {
        // If it fails there is the token that is still good.
        let _ = self.join(shared, Some(seen), false);
    }

    /// Takes a token that the program has been given otherwise.
    pub(super) fn put(&self, fresh: Arc<Fresh>) {
        let mut state = self.lock();
        state.grants += 1;
        state.invalid = None;
        state.cooling = None;
        state.unsaved = None;
        self.current.store(Some(fresh));
    }

    pub(super) fn clear(&self) {
        let mut state = self.lock();
        state.grants += 1;
        state.unsaved = None;
        self.current.store(None);
    }

    /// The server does not take this token although it should be good. Does nothing where it is not the
    /// current one, or where the last complaint was a moment ago.
    pub(super) fn invalidate(&self, serial: u64, now: Duration) {
        let mut state = self.lock();
        let is_current = self.current.load().as_ref().is_some_and(|fresh| fresh.serial == serial);
        let is_soon = state.invalidated_at.is_some_and(|at| now < at + BETWEEN_INVALIDATIONS);
        if is_current && !is_soon {
            state.invalid = Some(serial);
            state.invalidated_at = Some(now);
            self.current.store(None);
        }
    }

    /// The renewal that is going on, or a new one, unless there has been one since the caller looked.
    fn join(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        seen: Option<u64>,
        is_wanted: bool,
    ) -> Result<Joined, TokenError> {
        let mut state = self.lock();
        let current = self.current.load_full();
        let stale = current.as_ref().map(|fresh| fresh.serial).or(state.invalid);
        if let Some(current) = current.filter(|fresh| Some(fresh.serial) != seen) {
            return Ok(Joined::Done(current));
        }
        if let Some(flight) = &mut state.flight {
            // One whose task has gone will never end.
            let is_lost = flight.outcome.has_changed().is_err() && flight.outcome.borrow().is_none();
            if !is_lost {
                if is_wanted && !std::mem::replace(&mut flight.is_wanted, true) {
                    flight.ticket.iter().for_each(|ticket| shared.host.prefer(ticket));
                }
                return Ok(Joined::Renewing(flight.outcome.clone()));
            }
        }
        if let Some(error) = self.pause(&state, shared) {
            return Err(error);
        }
        let (sender, outcome) = watch::channel(None);
        let running = shared.running.start().ok_or(TokenError::ShutDown)?;
        state.flight = Some(Flight { outcome: outcome.clone(), is_wanted, ticket: None });
        drop(state);
        let (slot, shared_) = (Arc::clone(self), Arc::clone(shared));
        shared.spawner.spawn(Box::pin(async move {
            let outcome = observe::spanned(&slot.account, slot.fly(&shared_, stale)).await;
            sender.send_replace(Some(outcome));
            drop(running);
        }));
        Ok(Joined::Renewing(outcome))
    }

    /// Why there is no attempt now, if there is none.
    fn pause(&self, state: &State, shared: &Shared) -> Option<TokenError> {
        let now = shared.clock.monotonic();
        let (until, error) = state.cooling.as_ref()?;
        let left = until.checked_sub(now).filter(|left| !left.is_zero())?;
        Some(match error {
            TokenError::Unavailable { source, .. } => {
                TokenError::Unavailable { retry_after: left, source: source.clone() }
            }
            error => error.clone(),
        })
    }

    async fn fly(&self, shared: &Arc<Shared>, stale: Option<u64>) -> Outcome {
        loop {
            let (mut unsaved, grants) = {
                let mut state = self.lock();
                (state.unsaved.take(), state.grants)
            };
            let (attempted, begun) = (Attempted::begin(), shared.clock.monotonic());
            let result = self.attempt(shared, stale, &mut unsaved).await;
            let now = shared.clock.monotonic();
            let left = self.current.load().as_ref().map_or(Duration::ZERO, |fresh| fresh.left(now));
            let took = now.saturating_sub(begun);
            match &result {
                Ok(Renewed { is_new: true, .. }) => attempted.end(Ended::Renewed, took, left),
                Ok(_) => attempted.end(Ended::Found, took, left),
                Err(error) => attempted.end(Ended::Failed(error), took, left),
            }
            let state = self.lock();
            // Else what came of it is of a grant that is not this account's any more.
            if state.grants == grants {
                return self.land(shared, state, result, unsaved);
            }
        }
    }

    /// The end of a renewal, for all who wait and all who come.
    fn land(
        &self,
        shared: &Shared,
        mut state: MutexGuard<'_, State>,
        result: Result<Renewed, TokenError>,
        unsaved: Option<Unsaved>,
    ) -> Outcome {
        state.flight = None;
        state.unsaved = unsaved;
        let (event, outcome) = match result {
            Ok(Renewed { fresh, is_new }) => {
                self.current.store(Some(Arc::clone(&fresh)));
                state.failures = 0;
                state.cooling = None;
                state.invalid = None;
                (is_new.then_some(TokenEvent::Renewed), Ok(fresh))
            }
            Err(error) => {
                if let Some(pause) = pause_after(&error, state.failures, shared) {
                    state.failures += 1;
                    state.cooling = Some((shared.clock.monotonic() + pause, error.clone()));
                }
                if error.needs_authorization() {
                    self.current.store(None);
                }
                (Some(TokenEvent::Failed(error.clone())), Err(error))
            }
        };
        drop(state);
        event.into_iter().for_each(|event| shared.tell(&self.account, event));
        outcome
    }

    async fn attempt(
        &self,
        shared: &Arc<Shared>,
        stale: Option<u64>,
        unsaved: &mut Option<Unsaved>,
    ) -> Result<Renewed, TokenError> {
        let mut attempt = Attempt::new(shared, &self.account, stale, unsaved);
        loop {
            // Not with a permit: somebody else's lease may last, and others have a right to ask meanwhile.
            if let Some(found) = attempt.find().await? {
                return Ok(found);
            }
            let _permit = self.permit(shared).await?;
            if let Some(retry_after) = shared.host.quiet_for(shared.clock.monotonic()) {
                return Err(TokenError::Unavailable { retry_after, source: None });
            }
            if let ControlFlow::Break(renewed) = attempt.renew().await? {
                return Ok(renewed);
            }
        }
    }

    /// Waits until it may ask the host.
    async fn permit(&self, shared: &Shared) -> Result<Permit, TokenError> {
        let permit = {
            let mut state = self.lock();
            let is_wanted = state.flight.as_ref().is_none_or(|flight| flight.is_wanted);
            let (ticket, permit) = shared.host.queue(is_wanted);
            state.flight.iter_mut().for_each(|flight| flight.ticket = Some(Arc::clone(&ticket)));
            permit
        };
        permit.await.map_err(|_| TokenError::Interrupted)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long no attempt is made after this one; `None` where the next may be made at once, since it asks
/// nobody but the store.
fn pause_after(error: &TokenError, failures: u32, shared: &Shared) -> Option<Duration> {
    let asked = match error {
        TokenError::Unavailable { retry_after, .. } => *retry_after,
        TokenError::Refused(_) | TokenError::Store(_) | TokenError::Busy => Duration::ZERO,
        _ => return None,
    };
    let longest = FIRST_PAUSE.saturating_mul(1 << failures.min(16)).min(LONGEST_PAUSE);
    Some(longest.mul_f64(0.5 + fraction(&*shared.random) / 2.0).max(asked))
}
