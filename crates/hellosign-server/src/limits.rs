//! How much a server takes on, and how long it waits.

use std::time::Duration;

/// Bounds that keep a server answering, whatever is sent to it. What goes beyond is refused at once, so that memory
/// does not grow.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections that may be open, 10,000 by default. One more is closed as soon as it is accepted. Keep it below
    /// what the process may open, with some room for the database's files.
    pub max_connections: usize,
    /// Requests that are worked on at a time, 1,024 by default; one whose body has not arrived is not worked on yet.
    pub max_in_flight: usize,
    /// Requests that wait to be worked on, 4,096 by default. One more is answered 503.
    pub max_waiting: usize,
    /// How long a request waits to be worked on, one second by default; then it is answered 503.
    pub max_wait: Duration,
    /// Bytes of all bodies together that have arrived and are not answered yet, 256 MiB by default. What goes
    /// beyond is answered 503.
    pub max_body_bytes: usize,
    /// How long the head of a request may take to arrive, ten seconds by default, beginning with its first byte; and
    /// how long a new connection may say nothing.
    pub head_timeout: Duration,
    /// How long a request may take in all, 30 seconds by default; then it is answered 503. What it has begun to write
    /// is written all the same.
    pub request_timeout: Duration,
    /// How long a connection is kept without a request, 75 seconds by default: longer than load balancers commonly
    /// keep theirs, so that none of them sends a request into a connection that is just being closed.
    pub keep_alive: Duration,
    /// How long a client may take to read an answer, 30 seconds by default; then the connection is cut.
    pub answer_timeout: Duration,
    /// How long a server that was told to stop goes on as if it had not been, apart from saying so in `/readyz`; none
    /// by default. It is the time that load balancers need to notice.
    pub drain_delay: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_in_flight: 1024,
            max_waiting: 4096,
            max_wait: Duration::from_secs(1),
            max_body_bytes: 256 * 1024 * 1024,
            head_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(75),
            answer_timeout: Duration::from_secs(30),
            drain_delay: Duration::ZERO,
        }
    }
}
