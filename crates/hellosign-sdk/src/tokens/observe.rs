//! What can be seen of a manager from outside: spans and events (feature `tracing`), metrics (feature `metrics`). No
//! token is among it, and metrics have no account's name: there may be a hundred thousand.
//! `docs/tokens.md` lists them.

use std::time::Duration;

use super::error::TokenError;

/// One attempt, from its beginning to its end.
#[derive(Debug)]
pub(super) struct Attempted {
    _running: Gauge,
}

impl Attempted {
    pub(super) fn begin() -> Self {
        Self { _running: Gauge::more("hellosign_token_renewals_running") }
    }

    /// Says how it ended, in the attempt's span.
    pub(super) fn end(self, outcome: Outcome<'_>, took: Duration, left: Duration) {
        let name = outcome.name();
        #[cfg(feature = "tracing")]
        match outcome {
            Outcome::Renewed => tracing::info!(?took, "the token was renewed"),
            Outcome::Found => tracing::debug!(?took, "the token was found in the store"),
            // Its text holds no secret.
            Outcome::Failed(error) => tracing::warn!(?took, kind = name, %error, "there is no new token"),
        }
        #[cfg(feature = "metrics")]
        {
            metrics::counter!("hellosign_token_renewals_total", "outcome" => name).increment(1);
            metrics::histogram!("hellosign_token_renewal_seconds", "outcome" => name).record(took);
            if let Outcome::Renewed = outcome {
                metrics::histogram!("hellosign_token_left_seconds").record(left);
            }
        }
        #[cfg(not(all(feature = "tracing", feature = "metrics")))]
        let _ = (name, took, left);
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome<'a> {
    Renewed,
    Found,
    Failed(&'a TokenError),
}

impl Outcome<'_> {
    fn name(self) -> &'static str {
        match self {
            Self::Renewed => "renewed",
            Self::Found => "found",
            Self::Failed(error) => match error {
                TokenError::NoGrant => "no_grant",
                TokenError::GrantDead { .. } => "grant_dead",
                TokenError::Unavailable { .. } => "unavailable",
                TokenError::Refused(_) => "refused",
                TokenError::Store(_) => "store",
                TokenError::Unreadable => "unreadable",
                TokenError::Busy => "busy",
                TokenError::Interrupted => "interrupted",
                TokenError::ShutDown => "shut_down",
            },
        }
    }
}

/// One caller that waits for a token, until it is dropped.
pub(super) fn waiting() -> Gauge {
    Gauge::more("hellosign_token_waiters")
}

/// One more of something, until it is dropped.
#[derive(Debug)]
pub(super) struct Gauge(
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "nobody counts"))] &'static str,
);

impl Gauge {
    fn more(name: &'static str) -> Self {
        #[cfg(feature = "metrics")]
        metrics::gauge!(name).increment(1);
        Self(name)
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        #[cfg(feature = "metrics")]
        metrics::gauge!(self.0).decrement(1);
    }
}

/// The same future, in the span of an account.
#[cfg(feature = "tracing")]
pub(super) fn spanned<F: Future>(account: &str, future: F) -> tracing::instrument::Instrumented<F> {
    use tracing::Instrument as _;

    future.instrument(tracing::info_span!("token", account))
}

/// The same future.
#[cfg(not(feature = "tracing"))]
pub(super) fn spanned<F>(_account: &str, future: F) -> F {
    future
}
