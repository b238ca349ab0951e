//! Connections and requests.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::LATENCIES;
use crate::rate_limit::Subject;

/// The route of what matches none.
pub(crate) const NO_ROUTE: &str = "none";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    route: &'static str,
    error: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Limited {
    subject: &'static str,
}

type Durations = Family<Answered, Histogram, fn() -> Histogram>;

/// Counts of what came in, and how it was answered.
#[derive(Debug)]
pub(crate) struct RequestMetrics {
    durations: Durations,
    refusals: Family<Refused, Counter>,
    rate_limited: Family<Limited, Counter>,
}

impl RequestMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let new: fn() -> Histogram = || Histogram::new(LATENCIES);
        let metrics = Self {
            durations: Durations::new_with_constructor(new),
            refusals: Family::default(),
            rate_limited: Family::default(),
        };
        registry.register_with_unit(
            "http_request_duration",
            "How long requests took until their answers were made, by route and class of status",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register(
            "refusals",
            "Requests that were refused, by route and the error that they were answered",
            metrics.refusals.clone(),
        );
        registry.register(
            "rate_limited_requests",
            "Requests answered 429, by whose budget was used up",
            metrics.rate_limited.clone(),
        );
        metrics
    }

    /// Handles for the routes that there are, and for what matches none.
    pub(crate) fn routes(&self, names: impl IntoIterator<Item = &'static str>) -> Routes {
        let route = |name| (name, Route { name, by_class: Default::default() });
        Routes {
            durations: self.durations.clone(),
            refusals: self.refusals.clone(),
            known: names.into_iter().map(route).collect(),
            none: route(NO_ROUTE).1,
        }
    }

    /// A request that is over its subject's budget.
    pub(crate) fn rate_limited(&self, subject: &Subject) {
        let subject = match subject {
            Subject::Client(_) => "client",
            Subject::Account(_) => "account",
            Subject::Address(_) => "address",
        };
        self.rate_limited.get_or_create(&Limited { subject }).inc();
    }
}

/// The routes of a server, each with its histograms at hand: a request looks one word up.
#[derive(Debug)]
pub(crate) struct Routes {
    durations: Durations,
    refusals: Family<Refused, Counter>,
    known: HashMap<&'static str, Route>,
    none: Route,
}

/// One histogram for each class of status, made when the first such answer is.
#[derive(Debug)]
struct Route {
    name: &'static str,
    by_class: [OnceLock<Histogram>; CLASSES.len()],
}

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl Routes {
    /// A request that was answered. `route` is a path as the router has it.
    pub(crate) fn answered(&self, route: Option<&str>, status: u16, took: Duration, error: Option<&str>) {
        let route = route.and_then(|route| self.known.get(route)).unwrap_or(&self.none);
        let class = usize::from(status / 100).clamp(1, CLASSES.len()) - 1;
        let labels = || Answered { route: route.name, status: CLASSES[class] };
        let histogram = route.by_class[class].get_or_init(|| self.durations.get_or_create_owned(&labels()));
        histogram.observe(took.as_secs_f64());
        if let Some(error) = error {
            self.refusals.get_or_create(&Refused { route: route.name, error: error.to_owned() }).inc();
        }
    }
}
