//! What is counted and measured, for Prometheus.
//!
//! Each server counts for itself: there may be several in a process. No label has a value that a client wrote, so
//! there is a bound to how many series there are. `docs/operations.md` says what each metric means.

mod connections;
mod grants;
mod pool;
mod process;
mod requests;
mod store;

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub(crate) use self::connections::ConnectionMetrics;
pub(crate) use self::grants::{Evidence, GrantMetrics, RotationOutcome};
use self::process::ProcessMetrics;
pub(crate) use self::requests::{NO_ROUTE, RequestMetrics, Routes};
pub(crate) use self::store::{Cache, Operation, StoreMetrics, gauged};
use crate::admission::Admission;
use crate::clock::Timestamp;

/// Everything that a server measures about itself.
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) connections: ConnectionMetrics,
    pub(crate) requests: RequestMetrics,
    pub(crate) grants: GrantMetrics,
    pub(crate) store: Arc<StoreMetrics>,
    ready: Gauge,
    process: ProcessMetrics,
}

impl Metrics {
    /// Metrics of a server that starts at this time.
    pub(crate) fn new(started_at: Timestamp) -> Self {
        let mut registry = Registry::default();
        let process = ProcessMetrics::new(&mut registry, started_at);
        let ours = registry.sub_registry_with_prefix("hellosign");
        ours.register("build", "The release that runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let ready = Gauge::default();
        ours.register("ready", "1 where /readyz says that the server is ready, else 0", ready.clone());
        let connections = ConnectionMetrics::new(ours);
        let requests = RequestMetrics::new(ours);
        let grants = GrantMetrics::new(ours);
        let store = Arc::new(StoreMetrics::new(ours));
        Self { registry, connections, requests, grants, store, ready, process }
    }

    /// All of them in Prometheus's text format, version 0.0.4. What the store shows when it is looked at has to be
    /// up to date by now.
    pub(crate) fn encode(&self, is_ready: bool, admission: &Admission) -> Result<String, fmt::Error> {
        self.requests.measure(admission);
        self.ready.set(is_ready.into());
        self.process.measure();
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// The type of what [`Metrics::encode`] gives.
    pub(crate) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Seconds, from a fraction of what a fast answer takes to the longest that a request may take.
const LATENCIES: [f64; 16] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
