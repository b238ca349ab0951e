//! How many requests are answered: a bucket for each app, and one for each address that fails.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use quick_cache::sync::Cache;

use crate::clock::Timestamp;

/// Buckets that are remembered. One that is forgotten is full again, as it would be a minute later.
const BUCKETS: usize = 100_000;
const MINUTE: i64 = 60_000_000;

/// Whose budget a request is charged to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// An app, once it is known to be the one that asks.
    Client(String),
    /// Where a request came from that no app can be charged for.
    Address(IpAddr),
}

/// What is left of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Requests per minute.
    pub(crate) limit: u32,
    /// Requests that would be answered right now.
    pub(crate) remaining: u32,
    /// Unix seconds from which on one is answered again: now, while any remain.
    pub(crate) reset: i64,
    /// Whether this request is to be answered.
    pub(crate) is_within: bool,
}

/// Leaky buckets, as the vendor's are, of one size each.
#[derive(Debug)]
pub(crate) struct Limiter {
    per_minute: Option<u32>,
    /// When each bucket will be full again, in microseconds since the Unix epoch.
    full_at: Cache<Subject, Arc<AtomicI64>>,
}

impl Limiter {
    /// `None` is no limit.
    pub(crate) fn new(per_minute: Option<u32>) -> Self {
        Self { per_minute, full_at: Cache::new(BUCKETS) }
    }

    /// Takes one request from the subject's bucket, if there is one left.
    pub(crate) fn charge(&self, subject: Subject, now: Timestamp) -> Budget {
        let Some(limit) = self.per_minute else {
            // The vendor's clients read the number as a 32-bit integer.
            let limit = i32::MAX.unsigned_abs();
            return Budget { limit, remaining: limit, reset: now.as_secs(), is_within: true };
        };
        let now = now.as_millis().saturating_mul(1000);
        let each = MINUTE / i64::from(limit.max(1));
        let after_this = |full_at: i64| full_at.max(now).saturating_add(each);
        let is_room = |full_at: i64| limit > 0 && after_this(full_at) - now <= MINUTE;
        let bucket =
            self.full_at.get_or_insert_with(&subject, || Ok::<_, std::convert::Infallible>(Arc::default()));
        let Ok(bucket) = bucket;
        let taken = bucket.fetch_update(Ordering::AcqRel, Ordering::Acquire, |full_at| {
            is_room(full_at).then(|| after_this(full_at))
        });
        let (is_within, full_at) = match taken {
            Ok(before) => (true, after_this(before)),
            Err(unchanged) => (false, unchanged),
        };
        let left = (MINUTE - (full_at - now)).max(0) / each;
        let next = if left > 0 { now } else { full_at + each - MINUTE };
        Budget {
            limit,
            remaining: u32::try_from(left).unwrap_or(u32::MAX).min(limit),
            reset: next.div_euclid(1_000_000) + i64::from(left == 0),
            is_within,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000_000;

    fn charge(limiter: &Limiter, client: &str, at: i64) -> Budget {
        limiter.charge(Subject::Client(client.to_owned()), Timestamp::from_millis(at))
    }

    #[test]
    fn a_budget_runs_out_and_comes_back() {
        let limiter = Limiter::new(Some(3));
        let remaining: Vec<u32> = (0..3).map(|_| charge(&limiter, "a", NOW).remaining).collect();
        assert_eq!(remaining, [2, 1, 0]);
        let refused = charge(&limiter, "a", NOW);
        assert!(!refused.is_within);
        assert_eq!(refused.reset, NOW / 1000 + 21, "20 s for one of three a minute, rounded up");
        assert!(!charge(&limiter, "a", NOW + 19_999).is_within);
        assert!(charge(&limiter, "a", NOW + 20_000).is_within);
        assert!(!charge(&limiter, "a", NOW + 20_000).is_within);
    }

    #[test]
    fn budgets_are_apart() {
        let limiter = Limiter::new(Some(1));
        assert!(charge(&limiter, "a", NOW).is_within);
        assert!(!charge(&limiter, "a", NOW).is_within);
        assert!(charge(&limiter, "b", NOW).is_within);
    }

    #[test]
    fn a_clock_set_back_gives_nothing_away() {
        let limiter = Limiter::new(Some(1));
        assert!(charge(&limiter, "a", NOW).is_within);
        assert!(!charge(&limiter, "a", NOW - 3_600_000).is_within);
    }

    #[test]
    fn no_limit_is_a_large_one_and_none_at_all_is_zero() {
        let off = Limiter::new(None);
        assert_eq!(charge(&off, "a", NOW).remaining, 2_147_483_647);
        let none = Limiter::new(Some(0));
        assert!(!charge(&none, "a", NOW).is_within);
    }
}
