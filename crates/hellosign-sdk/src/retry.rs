//! What is sent again, and when.

use std::time::Duration;

use crate::configuration::ConfigurationError;
use crate::error::ApiError;

/// What is sent again after it failed, and when.
///
/// Reading (`account_get`) is sent again after anything that is [transient](ApiError::is_transient). A
/// refresh is, where nothing was sent or the server refused to look at it (429, 503): a refresh token
/// may be good once. The exchange of a code is, where nothing was sent.
///
/// Before each retry there is a random wait, at most the base delay doubled with each retry ("full
/// jitter"), and at least what the server asked for. Where it asks for more than the longest delay the
/// error is returned.
///
/// ```
/// use std::time::Duration;
/// use hellosign_sdk::{Configuration, RetryPolicy};
///
/// let policy = RetryPolicy::new(3).with_delays(Duration::from_millis(200), Duration::from_secs(10));
/// let configuration = Configuration::builder().retry(policy).build()?;
/// # Ok::<(), hellosign_sdk::ConfigurationError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct RetryPolicy {
    retries: u32,
    base: Duration,
    longest: Duration,
}

/// When a request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// After anything transient: it changes nothing.
    Safe,
    /// Where the server has not looked at it.
    IfRefused,
    /// Where nothing was sent.
    IfUnsent,
}

impl RetryPolicy {
    /// Everything is sent once.
    pub const fn none() -> Self {
        Self { retries: 0, base: Duration::from_millis(500), longest: Duration::from_secs(20) }
    }

    /// So many retries at most, after half a second and at most 20 seconds.
    pub const fn new(retries: u32) -> Self {
        Self { retries, ..Self::none() }
    }

    /// The first retry's longest wait, and that of any.
    pub const fn with_delays(mut self, base: Duration, longest: Duration) -> Self {
        self.base = base;
        self.longest = longest;
        self
    }

    pub(crate) fn check(&self) -> Result<(), ConfigurationError> {
        if self.retries > 10 || self.base.is_zero() || self.base > self.longest {
            return Err(ConfigurationError::InvalidRetryPolicy);
        }
        Ok(())
    }

    /// How long to wait before sending a request again that has failed; `None` for never. `random` is
    /// at least 0 and less than 1.
    pub(crate) fn wait(&self, retry: u32, repeat: Repeat, error: &ApiError, random: f64) -> Option<Duration> {
        let may_repeat = match repeat {
            Repeat::Safe => error.is_transient(),
            Repeat::IfRefused => error.is_connect() || matches!(error.status(), Some(429 | 503)),
            Repeat::IfUnsent => error.is_connect(),
        };
        if retry >= self.retries || !may_repeat {
            return None;
        }
        let asked = error.retry_after().unwrap_or_default();
        let ceiling = self.base.saturating_mul(1 << retry.min(16)).min(self.longest);
        (asked <= self.longest).then(|| ceiling.mul_f64(random).max(asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Failure;

    fn timeout() -> ApiError {
        ApiError::unanswered("account_get", Failure::Timeout)
    }

    #[test]
    fn waits_are_random_and_double_up_to_the_longest() {
        let policy = RetryPolicy::new(9).with_delays(Duration::from_millis(100), Duration::from_millis(1000));
        let waits: Vec<u128> = (0..6)
            .map(|retry| policy.wait(retry, Repeat::Safe, &timeout(), 0.5).unwrap().as_millis())
            .collect();
        assert_eq!(waits, [50, 100, 200, 400, 500, 500]);
        assert_eq!(policy.wait(0, Repeat::Safe, &timeout(), 0.0), Some(Duration::ZERO));
        assert_eq!(policy.wait(9, Repeat::Safe, &timeout(), 0.5), None, "enough is enough");
        assert_eq!(RetryPolicy::none().wait(0, Repeat::Safe, &timeout(), 0.5), None);
    }

    #[test]
    fn what_may_have_been_seen_is_not_sent_again() {
        let policy = RetryPolicy::new(3);
        let connect = ApiError::unanswered("x", Failure::Connect("refused".into()));
        for (repeat, after_connect, after_timeout) in
            [(Repeat::Safe, true, true), (Repeat::IfRefused, true, false), (Repeat::IfUnsent, true, false)]
        {
            assert_eq!(policy.wait(0, repeat, &connect, 0.5).is_some(), after_connect, "{repeat:?}");
            assert_eq!(policy.wait(0, repeat, &timeout(), 0.5).is_some(), after_timeout, "{repeat:?}");
        }
    }
}
