//! The accounts that a process has in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError, Weak};

use super::slot::Slot;
use super::sync::Mutex;

/// How many accounts stay in memory although nobody has a handle of them.
const KEPT: usize = 10_000;

/// Accounts that are in use: by a handle, or lately.
#[derive(Debug, Default)]
pub(super) struct Accounts(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    slots: HashMap<Arc<str>, Weak<Slot>>,
    lately: VecDeque<Arc<Slot>>,
    sweep_at: usize,
}

impl Accounts {
    /// The one slot of an account.
    pub(super) fn slot(&self, name: &str) -> Arc<Slot> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = state.slots.get(name).and_then(Weak::upgrade) {
            return slot;
        }
        if state.slots.len() >= state.sweep_at {
            state.slots.retain(|_, slot| slot.strong_count() > 0);
            state.sweep_at = (state.slots.len() * 2).max(KEPT);
        }
        let slot = Arc::new(Slot::new(Arc::from(name)));
        state.slots.insert(Arc::clone(&slot.account), Arc::downgrade(&slot));
        state.lately.push_back(Arc::clone(&slot));
        if state.lately.len() > KEPT {
            state.lately.pop_front();
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::super::sync::alone;
    use super::*;

    #[test]
    fn an_account_has_one_slot_as_long_as_anybody_has_it() {
        alone(|| {
            let accounts = Accounts::default();
            let held = accounts.slot("held");
            for at in 0..3 * KEPT {
                accounts.slot(&at.to_string());
            }
            assert!(Arc::ptr_eq(&held, &accounts.slot("held")), "whatever came in between");
            let state = accounts.0.lock().unwrap();
            assert_eq!(state.lately.len(), KEPT);
            // Twice those that are in memory, so that not each new one has to look for old ones.
            assert!(state.slots.len() <= 2 * (KEPT + 1), "{} are remembered", state.slots.len());
        });
    }
}
