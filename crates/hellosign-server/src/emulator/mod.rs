//! What a test can do to a server that no client can: move its time, make it fail, look at what it was asked.

mod control;
mod fault;
mod recording;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use control::{Control, ControlError};
pub use fault::{Cut, Fault, FaultError, PendingFault};
pub use hellosign_wire::secret::ControlToken;
pub use recording::RecordedRequest;

use crate::fixtures::Prepared;

/// Requests that are remembered.
const RECORDED: usize = 1000;

/// What has been asked for, and what was seen.
#[derive(Debug)]
pub(crate) struct Emulator {
    state: Mutex<State>,
    /// What to begin anew with.
    prepared: Prepared,
}

#[derive(Debug, Default)]
struct State {
    faults: Vec<PendingFault>,
    /// The last number that a fault or a request was given.
    last: u64,
    recorded: VecDeque<RecordedRequest>,
}

impl Emulator {
    /// With the faults of the fixtures.
    pub(crate) fn new(prepared: Prepared) -> Self {
        let emulator = Self { state: Mutex::default(), prepared };
        emulator.begin();
        emulator
    }

    /// Adds a fault, behind those that wait.
    pub(crate) fn add(&self, fault: Fault) -> u64 {
        let mut state = self.lock();
        state.last += 1;
        let id = state.last;
        state.faults.push(PendingFault { id, fault });
        id
    }

    /// The first fault that is meant for this request and needs nothing of its body. Only faults that cut the
    /// connection before it do.
    pub(crate) fn take_before_body(&self, request: &RecordedRequest) -> Option<Fault> {
        self.take_if(|fault| fault.is_before_body() && fault.is_for(request))
    }

    /// The first fault that is meant for this request.
    pub(crate) fn take(&self, request: &RecordedRequest) -> Option<Fault> {
        self.take_if(|fault| fault.is_for(request))
    }

    /// The first such fault; counted, so that it is for one request less.
    fn take_if(&self, is_meant: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut state = self.lock();
        let at = state.faults.iter().position(|pending| is_meant(&pending.fault))?;
        let fault = &mut state.faults[at].fault;
        let taken = fault.clone();
        if let Some(times) = &mut fault.times {
            *times -= 1;
            if *times == 0 {
                state.faults.remove(at);
            }
        }
        Some(taken)
    }

    /// Remembers a request, and forgets the oldest one where there are too many.
    pub(crate) fn record(&self, mut request: RecordedRequest) {
        let mut state = self.lock();
        state.last += 1;
        request.id = state.last;
        state.recorded.push_back(request);
        if state.recorded.len() > RECORDED {
            state.recorded.pop_front();
        }
    }

    fn begin(&self) {
        *self.lock() = State::default();
        for fault in self.prepared.faults() {
            self.add(fault.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
