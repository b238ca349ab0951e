use super::*;
use crate::clock::Timestamp;
use crate::store::model::VoidRange;
use crate::token::KeyId;

const GRANTS: u32 = 40;

fn grant(at: u32) -> Grant {
    Grant {
        grant_id: u128::from(at).to_be_bytes(),
        client_id: "app".to_owned(),
        account_id: [1; 20],
        client_epoch: 0,
        account_epoch: 0,
        seed: [3; 16],
        created_at: Timestamp::from_millis(5),
        is_imported: false,
        revision: 0,
        generation: 0,
        parent: None,
        issued_at: Timestamp::from_millis(5),
        key_id: KeyId(1),
        epoch: 0,
        lifetime: 86_400,
        is_seen: false,
        voids: Vec::new(),
        access_since: None,
        revoked_at: None,
    }
}

/// A change of everything that can change.
fn changed(grant: &Grant) -> Grant {
    let at = Timestamp::from_millis(grant.issued_at.as_millis() + 1);
    Grant {
        revision: grant.revision + 1,
        generation: grant.generation + 2,
        parent: Some(grant.generation),
        issued_at: at,
        key_id: KeyId(grant.key_id.0 % 7 + 1),
        epoch: grant.epoch + 1,
        lifetime: grant.lifetime + 1,
        is_seen: !grant.is_seen,
        voids: vec![VoidRange { from: grant.generation, to: grant.generation + 1, until: at }],
        revoked_at: grant.revoked_at.is_none().then_some(at),
        ..grant.clone()
    }
}

/// A store's writer in small, and what it should hold.
struct Held {
    db: Connection,
    journal: Journal,
    cached: Cached,
    expected: Vec<Grant>,
}

impl Held {
    fn new(gathered: usize) -> Self {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch(include_str!("../schema.sql")).unwrap();
        let expected: Vec<Grant> = (0..GRANTS).map(grant).collect();
        expected.iter().try_for_each(|grant| rows::insert_grant(&db, grant)).unwrap();
        let journal = Journal::open(&mut db, gathered).unwrap();
        Self { db, journal, cached: Cached::new(), expected }
    }

    /// Changes grants in one transaction, as the writer does.
    fn change(&mut self, at: impl IntoIterator<Item = usize>) {
        self.db.execute_batch("BEGIN IMMEDIATE").unwrap();
        let batch = Batch::new(&self.db, &self.journal, &self.cached);
        for at in at {
            let current = batch.grant(self.expected[at].grant_id).unwrap().unwrap();
            assert_eq!(*current, self.expected[at], "a transaction sees what was changed before");
            self.expected[at] = changed(&current);
            batch.change(Arc::new(self.expected[at].clone())).unwrap();
        }
        let folded = self.journal.fold(&batch).unwrap();
        let changed = batch.into_changes();
        self.db.execute_batch("COMMIT").unwrap();
        self.journal.committed(changed, &folded);
    }

    fn restart(&mut self, gathered: usize) {
        self.journal = Journal::open(&mut self.db, gathered).unwrap();
    }

    fn in_rows(&self) -> Vec<Grant> {
        self.expected.iter().map(|grant| rows::grant(&self.db, grant.grant_id).unwrap().unwrap()).collect()
    }

    /// Grants as readers find them.
    fn found(&self) -> Vec<Grant> {
        let journal = |grant: &Grant| self.journal.find(grant.grant_id).map(|found| Grant::clone(&found));
        self.expected.iter().zip(self.in_rows()).map(|(grant, row)| journal(grant).unwrap_or(row)).collect()
    }

    fn appended(&self) -> i64 {
        self.db.query_row("SELECT count(*) FROM grant_changes", [], |row| row.get(0)).unwrap()
    }
}

#[test]
fn what_was_changed_is_found_before_and_after_it_is_folded() {
    let mut random = fastrand::Rng::with_seed(7);
    for gathered in [0, 1, 10, 30, 1000] {
        let mut held = Held::new(gathered);
        held.change([5, 5, 5]);
        for step in 0..300 {
            let some = random.usize(0..6);
            held.change(std::iter::repeat_with(|| random.usize(0..GRANTS as usize)).take(some));
            assert_eq!(held.found(), held.expected, "step {step}, gathering {gathered}");
            assert!(held.journal.lock().grants.len() <= gathered + some, "it keeps no more than it may");
            if random.u32(0..100) == 0 {
                held.restart(gathered);
                assert_eq!(held.in_rows(), held.expected, "a restart folds everything");
                assert_eq!(held.appended(), 0);
            }
        }
    }
}

/// With few folded at once a round takes many transactions, and grants change before and behind the
/// cursor while it lasts.
#[test]
fn rows_are_deleted_only_when_they_are_folded() {
    let mut random = fastrand::Rng::with_seed(8);
    let mut held = Held::new(10);
    let mut most = 0;
    for step in 0..500 {
        held.db.execute_batch("BEGIN IMMEDIATE").unwrap();
        let batch = Batch::new(&held.db, &held.journal, &held.cached);
        let at = random.usize(0..GRANTS as usize);
        held.expected[at] = changed(&held.expected[at]);
        batch.change(Arc::new(held.expected[at].clone())).unwrap();
        let (next, deleted) = held.journal.lock().next(1, 2, 10);
        next.iter().try_for_each(|grant| rows::update_grant(&held.db, grant)).unwrap();
        if let Some(deleted) = deleted {
            rows::delete_changes(&held.db, deleted).unwrap();
        }
        let changed = batch.into_changes();
        held.db.execute_batch("COMMIT").unwrap();
        held.journal.committed(changed, &next);
        assert_eq!(held.found(), held.expected, "step {step}");
        most = most.max(held.appended());

        // What a crash at this point would leave.
        held.db.execute_batch("SAVEPOINT crash").unwrap();
        rows::fold_changes(&held.db).unwrap();
        assert_eq!(held.in_rows(), held.expected, "step {step}");
        held.db.execute_batch("ROLLBACK TO crash; RELEASE crash").unwrap();
    }
    assert!(most < 60, "{most} rows are kept of 500");
}

#[test]
fn a_write_that_failed_leaves_no_change() {
    let mut held = Held::new(0);
    held.db.execute_batch("BEGIN IMMEDIATE; SAVEPOINT one").unwrap();
    let batch = Batch::new(&held.db, &held.journal, &held.cached);
    let mark = batch.mark();
    batch.change(Arc::new(changed(&held.expected[0]))).unwrap();
    held.db.execute_batch("ROLLBACK TO one; RELEASE one").unwrap();
    batch.undo(mark);
    let kept = changed(&changed(&held.expected[1]));
    batch.change(Arc::new(kept.clone())).unwrap();
    let changed = batch.into_changes();
    held.db.execute_batch("COMMIT").unwrap();
    held.journal.committed(changed, &[]);
    held.expected[1] = kept;
    assert_eq!(held.found(), held.expected);
    held.restart(0);
    assert_eq!(held.in_rows(), held.expected);
}
