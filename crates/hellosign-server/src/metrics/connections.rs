//! Connections.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Waited {
    waiting_for: &'static str,
}

/// Counts of connections to the listeners that are for clients.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionMetrics {
    open: Gauge,
    accepted: Counter,
    refused: Counter,
    cut_before_request: Counter,
    cut_in_answer: Counter,
}

impl ConnectionMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let registry = registry.sub_registry_with_prefix("connections");
        let cut = Family::<Waited, Counter>::default();
        let waiting_for = |waiting_for| cut.get_or_create_owned(&Waited { waiting_for });
        let metrics = Self {
            open: Gauge::default(),
            accepted: Counter::default(),
            refused: Counter::default(),
            cut_before_request: waiting_for("request"),
            cut_in_answer: waiting_for("answer"),
        };
        registry.register("open", "Connections that are open", metrics.open.clone());
        registry.register("accepted", "Connections that were accepted", metrics.accepted.clone());
        registry.register(
            "refused",
            "Connections that were closed at once: too many were open",
            metrics.refused.clone(),
        );
        registry.register(
            "cut",
            "Connections that were cut: a request did not arrive in time, or an answer was not read in time",
            cut,
        );
        metrics
    }

    /// A connection; it is open until what this gives is dropped.
    pub(crate) fn opened(&self) -> Open {
        self.accepted.inc();
        self.open.inc();
        Open(self.open.clone())
    }

    pub(crate) fn refused(&self) {
        self.refused.inc();
    }

    pub(crate) fn cut(&self, in_answer: bool) {
        if in_answer { &self.cut_in_answer } else { &self.cut_before_request }.inc();
    }
}

/// A connection that is open.
#[derive(Debug)]
pub(crate) struct Open(Gauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
