//! The store. Its backends count here, each what it has.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::LATENCIES;
use super::pool::PoolMetrics;

/// What was asked of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Read,
    Write,
    Commit,
}

/// Rows that are cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cache {
    Clients,
    Accounts,
    Grants,
    ImportedTokens,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

/// What the store measures about itself. Gauges are set when they are about to be read.
#[derive(Debug)]
pub(crate) struct StoreMetrics {
    errors: [Counter; 3],
    reads: Histogram,
    commits: Histogram,
    writes_per_commit: Histogram,
    cache_misses: [Counter; 4],
    cache_entries: [Gauge; 4],
    /// Writes that wait for the next transaction.
    pub(crate) writes_waiting: Gauge,
    /// Changed grants that are appended and not in their rows yet.
    pub(crate) journal_grants: Gauge,
    /// What was noted off the answers' way and is not written yet.
    pub(crate) notes_waiting: Gauge,
    /// What the database takes on the disk.
    pub(crate) database_bytes: Gauge,
    /// What its write-ahead log takes.
    pub(crate) wal_bytes: Gauge,
    pub(crate) pool: PoolMetrics,
}

impl StoreMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let registry = registry.sub_registry_with_prefix("store");
        let (errors, misses) = (Family::<Asked, Counter>::default(), Family::<Kind, Counter>::default());
        let entries = Family::<Kind, Gauge>::default();
        let latencies = || Histogram::new(LATENCIES);
        let operation = |operation| errors.get_or_create_owned(&Asked { operation });
        const KINDS: [&str; 4] = ["client", "account", "grant", "imported_token"];
        let metrics = Self {
            errors: ["read", "write", "commit"].map(operation),
            reads: latencies(),
            commits: latencies(),
            writes_per_commit: Histogram::new((0..10).map(|power| f64::from(1 << power))),
            cache_misses: KINDS.map(|kind| misses.get_or_create_owned(&Kind { kind })),
            cache_entries: KINDS.map(|kind| entries.get_or_create_owned(&Kind { kind })),
            writes_waiting: Gauge::default(),
            journal_grants: Gauge::default(),
            notes_waiting: Gauge::default(),
            database_bytes: Gauge::default(),
            wal_bytes: Gauge::default(),
            pool: PoolMetrics::new(registry),
        };
        registry.register("errors", "What the database failed to do, by what it was", errors);
        registry.register("cache_misses", "Rows that were looked for and not cached, by kind", misses);
        registry.register("cache_entries", "Rows that are cached, by kind", entries);
        metrics.register(registry);
        metrics
    }

    fn register(&self, registry: &mut Registry) {
        for (name, help, histogram) in [
            (
                "read_duration",
                "How long reads of the database took, waiting for a connection included",
                &self.reads,
            ),
            (
                "commit_duration",
                "How long commits took: the fsync that a durable answer waits for",
                &self.commits,
            ),
        ] {
            registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        }
        registry.register("writes_per_commit", "Writes that shared a commit", self.writes_per_commit.clone());
        for (name, help, gauge) in [
            ("writes_waiting", "Writes that wait for the next transaction", &self.writes_waiting),
            ("journal_grants", "Changed grants that are not in their rows yet", &self.journal_grants),
            ("notes_waiting", "What was noted off the answers' way and not written yet", &self.notes_waiting),
        ] {
            registry.register(name, help, gauge.clone());
        }
        for (name, help, gauge) in [
            ("database", "What the database's file takes", &self.database_bytes),
            ("wal", "What the database's write-ahead log takes", &self.wal_bytes),
        ] {
            registry.register_with_unit(name, help, Unit::Bytes, gauge.clone());
        }
    }

    /// Something failed, and the log says why.
    pub(crate) fn failed(&self, operation: Operation) {
        self.errors[operation as usize].inc();
    }

    /// A read that took so long.
    pub(crate) fn read(&self, took: Duration) {
        self.reads.observe(took.as_secs_f64());
    }

    /// A commit of so many writes that took so long.
    pub(crate) fn committed(&self, writes: usize, took: Duration) {
        self.commits.observe(took.as_secs_f64());
        self.writes_per_commit.observe(u32::try_from(writes).map_or(f64::INFINITY, f64::from));
    }

    /// A row that was looked for and not cached.
    pub(crate) fn cache_missed(&self, cache: Cache) {
        self.cache_misses[cache as usize].inc();
    }

    /// So many rows are cached.
    pub(crate) fn cached(&self, cache: Cache, entries: usize) {
        self.cache_entries[cache as usize].set(gauged(entries));
    }
}

/// A number as a gauge takes it.
pub(crate) fn gauged(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
