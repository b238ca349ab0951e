//! Changes of grants are appended, and written into the grants' rows later.
//!
//! Grants change in no order of their keys, and a row changed in place dirties a page of its own. Rows
//! that are appended share pages, so a commit writes few. What was appended is in memory until it is
//! folded: then each page takes all the changes that have gathered for it, in the order of the keys.
//! `ARCHITECTURE.md` has the figures.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::{Cached, rows};
use crate::store::Grant;
use crate::token::GrantId;

/// Changed grants that are kept in memory before the first of them are folded. The more there are, the
/// more of them share a page.
pub(super) const GATHERED: usize = 200_000;
/// Grants that are folded, and appended rows that are deleted, with each commit at least.
const AT_ONCE: usize = 64;

/// What was committed and is not in the grants' rows yet.
pub(super) struct Journal {
    gathered: usize,
    unfolded: Mutex<Unfolded>,
}

#[derive(Default)]
struct Unfolded {
    grants: BTreeMap<GrantId, Arc<Grant>>,
    /// Folding goes through the keys from here, round after round.
    cursor: Option<GrantId>,
    /// The last change when this round began: it is folded when the round is over.
    round: i64,
    /// Changes up to here are folded.
    folded: i64,
    /// Changes up to here are deleted.
    deleted: i64,
    /// The last change.
    last: i64,
}

impl Journal {
    /// Writes what was appended before into the rows: a store starts with an empty journal. `gathered`
    /// is how many changed grants it keeps.
    pub(super) fn open(db: &mut Connection, gathered: usize) -> rusqlite::Result<Self> {
        let transaction = db.transaction()?;
        rows::fold_changes(&transaction)?;
        transaction.commit()?;
        Ok(Self { gathered, unfolded: Mutex::default() })
    }

    /// A grant that was changed since its row was written.
    pub(super) fn find(&self, grant_id: GrantId) -> Option<Arc<Grant>> {
        self.lock().grants.get(&grant_id).cloned()
    }

    /// How many changed grants are not in their rows yet.
    pub(super) fn len(&self) -> usize {
        self.lock().grants.len()
    }

    /// Folds some of what has gathered, as many as were added at least, so that it gets no more. Gives
    /// what was written, for [`Journal::committed`].
    pub(super) fn fold(&self, batch: &Batch<'_>) -> rusqlite::Result<Vec<Arc<Grant>>> {
        let at_once = AT_ONCE.max(batch.mark());
        let (next, deleted) = self.lock().next(batch.mark(), at_once, self.gathered);
        if let Some(deleted) = deleted {
            rows::delete_changes(batch.db, deleted)?;
        }
        next.iter().try_for_each(|grant| rows::update_grant(batch.db, grant))?;
        Ok(next)
    }

    /// Takes over what a transaction has changed and folded, once it is committed.
    pub(super) fn committed(&self, changes: Changes, folded: &[Arc<Grant>]) {
        let mut unfolded = self.lock();
        let Changes { changed, has_forgotten } = changes;
        if has_forgotten {
            // No row is left of what was appended before.
            let last = unfolded.last;
            *unfolded = Unfolded { last, folded: last, deleted: last, ..Unfolded::default() };
        }
        for grant in folded {
            unfolded.grants.remove(&grant.grant_id);
        }
        unfolded.last = change_id(unfolded.last, changed.len());
        // After what was folded: a grant may have changed in the same transaction.
        unfolded.grants.extend(changed.into_iter().map(|grant| (grant.grant_id, grant)));
    }

    fn lock(&self) -> MutexGuard<'_, Unfolded> {
        self.unfolded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unfolded {
    /// What is to be folded next, and up to which change rows are to be deleted.
    fn next(&mut self, added: usize, at_once: usize, gathered: usize) -> (Vec<Arc<Grant>>, Option<i64>) {
        let mut next = Vec::new();
        if self.grants.len() + added > gathered {
            let from = self.cursor.map_or(Bound::Unbounded, Bound::Excluded);
            if self.cursor.is_none() {
                self.round = self.last;
            }
            next.extend(
                self.grants.range((from, Bound::Unbounded)).take(at_once).map(|(_, g)| Arc::clone(g)),
            );
            self.cursor = next.last().map(|grant| grant.grant_id);
            if next.len() < at_once {
                self.cursor = None;
                self.folded = self.round;
            }
        }
        let is_deleting = self.deleted < self.folded;
        if is_deleting {
            // Faster than rows are appended.
            self.deleted = change_id(self.deleted, at_once * 2).min(self.folded);
        }
        (next, is_deleting.then_some(self.deleted))
    }
}

/// The change that comes so many after this one.
fn change_id(last: i64, count: usize) -> i64 {
    last.saturating_add(i64::try_from(count).unwrap_or(i64::MAX))
}

/// A transaction in the making.
pub(super) struct Batch<'a> {
    pub(super) db: &'a Connection,
    journal: &'a Journal,
    cached: &'a Cached,
    /// The last change before it.
    last: i64,
    /// What it has changed so far, in order.
    changed: RefCell<Vec<Arc<Grant>>>,
    /// Whether nothing counts any more that was before it.
    has_forgotten: Cell<bool>,
}

/// What a transaction leaves to take over.
pub(super) struct Changes {
    changed: Vec<Arc<Grant>>,
    has_forgotten: bool,
}

impl<'a> Batch<'a> {
    pub(super) fn new(db: &'a Connection, journal: &'a Journal, cached: &'a Cached) -> Self {
        Self {
            db,
            journal,
            cached,
            last: journal.lock().last,
            changed: RefCell::default(),
            has_forgotten: Cell::new(false),
        }
    }

    /// A grant as this transaction sees it.
    pub(super) fn grant(&self, grant_id: GrantId) -> rusqlite::Result<Option<Arc<Grant>>> {
        let changed = self.changed.borrow().iter().rfind(|grant| grant.grant_id == grant_id).cloned();
        // What is cached is what was committed last.
        let committed = || self.journal.find(grant_id).or_else(|| self.cached.grants.peek(&grant_id));
        let known = changed.or_else(|| if self.has_forgotten.get() { None } else { committed() });
        match known {
            Some(grant) => Ok(Some(grant)),
            None => Ok(rows::grant(self.db, grant_id)?.map(Arc::new)),
        }
    }

    /// Changes a grant. What it is born with never changes.
    pub(super) fn change(&self, grant: Arc<Grant>) -> rusqlite::Result<()> {
        let mut changed = self.changed.borrow_mut();
        rows::append_change(self.db, change_id(self.last, changed.len() + 1), &grant)?;
        changed.push(grant);
        Ok(())
    }

    /// Revokes the grants of one account to one app that were issued longest ago, where there are more than
    /// `most`; gives those.
    pub(super) fn revoke_surplus(&self, newest: &Grant, most: usize) -> rusqlite::Result<Vec<Arc<Grant>>> {
        let listed = rows::grants_between(self.db, newest.account_id, &newest.client_id)?;
        if listed.len() <= most {
            return Ok(Vec::new());
        }
        let mut live = Vec::new();
        for grant_id in listed {
            let is_live = |grant: &Arc<Grant>| {
                grant.revoked_at.is_none()
                    && grant.client_epoch == newest.client_epoch
                    && grant.account_epoch == newest.account_epoch
            };
            live.extend(self.grant(grant_id)?.filter(is_live));
        }
        live.sort_by_key(|grant| (grant.issued_at, grant.grant_id == newest.grant_id));
        let surplus = live.len().saturating_sub(most);
        let revoked = live.into_iter().take(surplus).map(|grant| {
            let grant = Grant {
                revoked_at: Some(newest.issued_at),
                revision: grant.revision + 1,
                ..Grant::clone(&grant)
            };
            let grant = Arc::new(grant);
            self.change(Arc::clone(&grant))?;
            Ok(grant)
        });
        revoked.collect()
    }

    /// How much has been changed: what to go back to if the write that comes next fails.
    pub(super) fn mark(&self) -> usize {
        self.changed.borrow().len()
    }

    pub(super) fn undo(&self, mark: usize) {
        self.changed.borrow_mut().truncate(mark);
    }

    /// Nothing counts any more that was changed so far: all rows have been deleted.
    pub(super) fn forget(&self) {
        self.changed.borrow_mut().clear();
        self.has_forgotten.set(true);
    }

    pub(super) fn into_changes(self) -> Changes {
        Changes { changed: self.changed.into_inner(), has_forgotten: self.has_forgotten.get() }
    }
}

#[cfg(test)]
mod tests;
