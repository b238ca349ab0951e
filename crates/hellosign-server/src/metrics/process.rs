//! The process, under the names that Prometheus's own clients use. Read from `/proc`: elsewhere they stay 0.

use std::fs;

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::store::gauged;
use crate::clock::Timestamp;

#[derive(Debug)]
pub(super) struct ProcessMetrics {
    resident_memory: Gauge,
    open_fds: Gauge,
    max_fds: Gauge,
}

impl ProcessMetrics {
    pub(super) fn new(registry: &mut Registry, started_at: Timestamp) -> Self {
        let registry = registry.sub_registry_with_prefix("process");
        let metrics =
            Self { resident_memory: Gauge::default(), open_fds: Gauge::default(), max_fds: Gauge::default() };
        let started: Gauge = Gauge::default();
        started.set(started_at.as_secs());
        registry.register_with_unit(
            "start_time",
            "When the server started, in Unix time",
            Unit::Seconds,
            started,
        );
        registry.register_with_unit(
            "resident_memory",
            "Memory that is resident",
            Unit::Bytes,
            metrics.resident_memory.clone(),
        );
        registry.register("open_fds", "Files and sockets that are open", metrics.open_fds.clone());
        registry.register("max_fds", "The most files and sockets that may be open", metrics.max_fds.clone());
        metrics
    }

    /// Reads them anew.
    pub(super) fn measure(&self) {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident: i64 = number(&status, "VmRSS:").unwrap_or_default();
        self.resident_memory.set(resident * 1024);
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        self.max_fds.set(number(&limits, "Max open files").unwrap_or_default());
        self.open_fds.set(fs::read_dir("/proc/self/fd").map_or(0, |open| gauged(open.count())));
    }
}

/// The number that comes after a name at the beginning of a line.
fn number(text: &str, name: &str) -> Option<i64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_by_its_name() {
        let status = "VmPeak:\t  9 kB\nVmRSS:\t  1234 kB\n";
        assert_eq!(number(status, "VmRSS:"), Some(1234));
        let limits = "Max processes             7 8 processes\nMax open files            1024  4096  files\n";
        assert_eq!(number(limits, "Max open files"), Some(1024));
        assert_eq!(number("", "VmRSS:"), None);
    }
}
