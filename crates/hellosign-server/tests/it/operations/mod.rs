//! What those who run the server ask it.

mod limits;
mod metrics;
mod probes;

use std::net::SocketAddr;

use hellosign_testkit::{Answer, Request, TestServer, send};

/// Asks the listener that is for this.
async fn ask(server: &TestServer, path: &str) -> Answer {
    send(server.operations_address(), Request::new("GET", path)).await.unwrap()
}

/// What was measured at one moment.
#[derive(Debug)]
struct Metrics(String);

impl Metrics {
    async fn of(server: &TestServer) -> Self {
        Self::at(server.operations_address()).await
    }

    async fn at(operations: SocketAddr) -> Self {
        Self(send(operations, Request::new("GET", "/metrics")).await.unwrap().body)
    }

    /// A series by its name and labels, as they are written; 0 where there is none yet.
    fn value(&self, series: &str) -> f64 {
        let of = |line: &str| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok();
        self.0.lines().find_map(of).unwrap_or_default()
    }
}
