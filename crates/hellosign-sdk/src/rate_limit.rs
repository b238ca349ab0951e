//! The vendor's rate-limit headers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hellosign_wire::rate_limit::{LIMIT, REMAINING, REMAINING_AS_DOCUMENTED, RESET};

use crate::response::Headers;

/// What is left of a rate limit. The vendor leaves the headers out of some answers.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use hellosign_sdk::RateLimit;
///
/// let used_up = RateLimit { limit: Some(100), remaining: Some(0), reset: Some(1_787_051_516) };
/// assert_eq!(used_up.wait(UNIX_EPOCH + Duration::from_secs(1_787_051_500)), Duration::from_secs(16));
/// assert_eq!(used_up.wait(UNIX_EPOCH + Duration::from_secs(1_787_051_600)), Duration::ZERO);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "these are all the headers that there are")]
pub struct RateLimit {
    /// Requests allowed per minute.
    pub limit: Option<u64>,
    /// Requests left.
    pub remaining: Option<u64>,
    /// When requests are accepted again, in Unix seconds. It may lie in the past.
    pub reset: Option<u64>,
}

impl RateLimit {
    /// Reads either spelling of what remains, that of the service before that of its description.
    pub(crate) fn from_headers(headers: &Headers) -> Self {
        let number = |name| headers.get(name).and_then(|value| value.trim().parse().ok());
        Self {
            limit: number(LIMIT),
            remaining: number(REMAINING).or_else(|| number(REMAINING_AS_DOCUMENTED)),
            reset: number(RESET),
        }
    }

    /// [`RateLimit::reset`] as a time; `None` also where it lies beyond the end of time.
    #[must_use]
    pub fn reset_at(&self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_secs(self.reset?))
    }

    /// How long to wait until a request is accepted: nothing while any remain, and never less.
    #[must_use]
    pub fn wait(&self, now: SystemTime) -> Duration {
        match (self.remaining, self.reset_at()) {
            (Some(1..), _) | (_, None) => Duration::ZERO,
            (_, Some(reset)) => reset.duration_since(now).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(headers: &[(&str, &str)]) -> RateLimit {
        let owned = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        RateLimit::from_headers(&owned.collect())
    }

    #[test]
    fn either_spelling_is_read_and_the_services_first() {
        let measured = [
            ("X-RateLimit-Limit", "100"),
            ("x-ratelimit-limit-remaining", "97"),
            ("X-Ratelimit-Reset", "1787051516"),
        ];
        let expected = RateLimit { limit: Some(100), remaining: Some(97), reset: Some(1_787_051_516) };
        assert_eq!(headers(&measured), expected);
        assert_eq!(headers(&[("X-RateLimit-Remaining", "5")]).remaining, Some(5));
        let both = [("X-RateLimit-Remaining", "5"), ("X-RateLimit-Limit-Remaining", "6")];
        assert_eq!(headers(&both).remaining, Some(6));
    }

    #[test]
    fn nonsense_is_nothing_and_no_wait_is_negative() {
        assert_eq!(
            headers(&[("x-ratelimit-limit", "-1"), ("x-ratelimit-reset", "soon")]),
            RateLimit::default()
        );
        let endless =
            headers(&[("x-ratelimit-reset", "18446744073709551615"), ("x-ratelimit-remaining", "0")]);
        assert_eq!(endless.reset_at(), None);
        assert_eq!(endless.wait(UNIX_EPOCH), Duration::ZERO);
    }
}
