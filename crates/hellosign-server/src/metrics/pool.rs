//! The connections to a database that is elsewhere. All of it stays 0 where the database is a file.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::LATENCIES;

/// What a pool of connections measures about itself. The pool sets the gauges in
/// [`Backend::measure`](crate::store::Backend::measure), and counts as it goes.
#[derive(Debug)]
pub(crate) struct PoolMetrics {
    /// Connections that somebody holds.
    pub(crate) in_use: Gauge,
    /// Connections that are open and held by nobody.
    pub(crate) idle: Gauge,
    /// The most connections that there may be.
    pub(crate) max: Gauge,
    /// Who waits for a connection.
    pub(crate) waiting: Gauge,
    /// Seconds that were waited for a connection, 0 where one was there.
    pub(crate) wait: Histogram,
    /// Waits that were given up.
    pub(crate) timeouts: Counter,
}

impl PoolMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            in_use: Gauge::default(),
            idle: Gauge::default(),
            max: Gauge::default(),
            waiting: Gauge::default(),
            wait: Histogram::new(LATENCIES),
            timeouts: Counter::default(),
        };
        let registry = registry.sub_registry_with_prefix("pool");
        for (name, help, gauge) in [
            ("connections_in_use", "Connections to the database that are in use", &metrics.in_use),
            ("connections_idle", "Connections to the database that are idle", &metrics.idle),
            ("connections_max", "The most connections to the database that there may be", &metrics.max),
            ("waiting", "Requests that wait for a connection to the database", &metrics.waiting),
        ] {
            registry.register(name, help, gauge.clone());
        }
        let help = "How long requests waited for a connection to the database";
        registry.register_with_unit("wait_duration", help, Unit::Seconds, metrics.wait.clone());
        let help = "Waits for a connection to the database that were given up";
        registry.register("timeouts", help, metrics.timeouts.clone());
        metrics
    }
}
