//! Connections and requests.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::LATENCIES;
use super::store::gauged;
use crate::admission::Admission;
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
    rate_limited: [Counter; 3],
    /// For [`Admission`], which is what sheds.
    pub(crate) shed: Counter,
    timed_out: Counter,
    in_flight: Gauge,
    waiting: Gauge,
    body_bytes: Gauge,
}

impl RequestMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let rate_limited = Family::<Limited, Counter>::default();
        let subject = |subject| rate_limited.get_or_create_owned(&Limited { subject });
        let new: fn() -> Histogram = || Histogram::new(LATENCIES);
        let metrics = Self {
            durations: Durations::new_with_constructor(new),
            refusals: Family::default(),
            rate_limited: ["client", "account", "address"].map(subject),
            shed: Counter::default(),
            timed_out: Counter::default(),
            in_flight: Gauge::default(),
            waiting: Gauge::default(),
            body_bytes: Gauge::default(),
        };
        registry.register(
            "rate_limited_requests",
            "Requests answered 429, by whose budget was used up",
            rate_limited,
        );
        metrics.register(registry);
        metrics
    }

    fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "http_request_duration",
            "How long requests took until their answers were made, by route and class of status",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register(
            "refusals",
            "Requests that were refused, by route and the error that they were answered",
            self.refusals.clone(),
        );
        registry.register(
            "requests_shed",
            "Requests answered 503 because the server had more to do than it takes on",
            self.shed.clone(),
        );
        registry.register(
            "requests_timed_out",
            "Requests answered 503 because they took too long",
            self.timed_out.clone(),
        );
        registry.register("requests_in_flight", "Requests that are worked on", self.in_flight.clone());
        registry.register("requests_waiting", "Requests that wait to be worked on", self.waiting.clone());
        registry.register_with_unit(
            "request_bodies",
            "Bodies that have arrived and are not answered yet",
            Unit::Bytes,
            self.body_bytes.clone(),
        );
    }

    /// Brings the gauges up to date, which are about to be read.
    pub(super) fn measure(&self, admission: &Admission) {
        self.in_flight.set(gauged(admission.in_flight()));
        self.waiting.set(gauged(admission.waiting()));
        self.body_bytes.set(gauged(admission.body_bytes()));
    }

    /// A request that took too long.
    pub(crate) fn timed_out(&self) {
        self.timed_out.inc();
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
        let at = match subject {
            Subject::Client(_) => 0,
            Subject::Account(_) => 1,
            Subject::Address(_) => 2,
        };
        self.rate_limited[at].inc();
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
