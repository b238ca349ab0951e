//! How often something may be done: a leaky bucket for each who does it.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use quick_cache::sync::Cache;

use crate::clock::Timestamp;
use crate::store::AccountId;

/// Buckets that are remembered. One that is forgotten is full again, as it would be after its window.
const BUCKETS: usize = 100_000;

/// Stands for no limit.
const NO_LIMIT: i64 = -1;

/// Whose budget a request is charged to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// An app, once it is known to be the one that asks.
    Client(String),
    /// Who calls an operation of the API, by itself or through an app.
    Account(AccountId),
    /// Where a request came from that no app can be charged for.
    Address(IpAddr),
}

/// What counts as one address: whoever has an IPv6 address has all of its /64.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

/// What is left of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Requests per window.
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
pub(crate) struct Limiter<K> {
    /// Requests; none is written as less than there can be.
    per_window: AtomicI64,
    /// Microseconds in which an empty bucket fills.
    window: i64,
    /// When each bucket will be full again, in microseconds since the Unix epoch.
    full_at: Cache<K, Arc<AtomicI64>>,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// `None` is no limit.
    pub(crate) fn new(per_window: Option<u32>, window: Duration) -> Self {
        let window = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
        let limiter = Self { per_window: AtomicI64::new(NO_LIMIT), window, full_at: Cache::new(BUCKETS) };
        limiter.set(per_window);
        limiter
    }

    /// Has another limit from now on; `None` is none.
    pub(crate) fn set(&self, per_window: Option<u32>) {
        self.per_window.store(per_window.map_or(NO_LIMIT, i64::from), Ordering::Release);
    }

    fn per_window(&self) -> Option<u32> {
        u32::try_from(self.per_window.load(Ordering::Acquire)).ok()
    }

    /// Takes one request from the subject's bucket, if there is one left.
    pub(crate) fn charge(&self, subject: &K, now: Timestamp) -> Budget {
        let Some(limit) = self.per_window() else {
            // The vendor's clients read the number as a 32-bit integer.
            let limit = i32::MAX.unsigned_abs();
            return Budget { limit, remaining: limit, reset: now.as_secs(), is_within: true };
        };
        let now = now.as_millis().saturating_mul(1000);
        let each = self.each(limit);
        let after_this = |full_at: i64| full_at.max(now).saturating_add(each);
        let is_room = |full_at: i64| limit > 0 && after_this(full_at) - now <= self.window;
        let bucket = self.bucket(subject);
        let taken = bucket.fetch_update(Ordering::AcqRel, Ordering::Acquire, |full_at| {
            is_room(full_at).then(|| after_this(full_at))
        });
        let (is_within, full_at) = match taken {
            Ok(before) => (true, after_this(before)),
            Err(unchanged) => (false, unchanged),
        };
        let left = (self.window - (full_at - now)).max(0) / each;
        let next = if left > 0 { now } else { full_at + each - self.window };
        Budget {
            limit,
            remaining: u32::try_from(left).unwrap_or(u32::MAX).min(limit),
            reset: next.div_euclid(1_000_000) + i64::from(left == 0),
            is_within,
        }
    }

    /// Gives one request back that was charged for and should not count.
    pub(crate) fn refund(&self, subject: &K) {
        if let Some(limit) = self.per_window() {
            self.bucket(subject).fetch_sub(self.each(limit), Ordering::AcqRel);
        }
    }

    /// Forgets who has done how much.
    pub(crate) fn clear(&self) {
        self.full_at.clear();
    }

    /// Microseconds in which one request comes back: never none, so that a limit of more than one a
    /// microsecond is one a microsecond.
    fn each(&self, limit: u32) -> i64 {
        (self.window / i64::from(limit.max(1))).max(1)
    }

    fn bucket(&self, subject: &K) -> Arc<AtomicI64> {
        let Ok(bucket) =
            self.full_at.get_or_insert_with(subject, || Ok::<_, std::convert::Infallible>(Arc::default()));
        bucket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000_000;

    fn limiter(per_minute: Option<u32>) -> Limiter<&'static str> {
        Limiter::new(per_minute, Duration::from_secs(60))
    }

    fn charge(limiter: &Limiter<&'static str>, client: &'static str, at: i64) -> Budget {
        limiter.charge(&client, Timestamp::from_millis(at))
    }

    #[test]
    fn a_budget_runs_out_and_comes_back() {
        let limiter = limiter(Some(3));
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
        let limiter = limiter(Some(1));
        assert!(charge(&limiter, "a", NOW).is_within);
        assert!(!charge(&limiter, "a", NOW).is_within);
        assert!(charge(&limiter, "b", NOW).is_within);
    }

    #[test]
    fn a_limit_beyond_measure_is_none() {
        let limiter = limiter(Some(u32::MAX));
        assert!((0..1000).all(|_| charge(&limiter, "a", NOW).is_within));
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let limiter = limiter(Some(1));
        assert!(charge(&limiter, "a", NOW).is_within);
        limiter.refund(&"a");
        assert!(charge(&limiter, "a", NOW).is_within);
        assert!(!charge(&limiter, "a", NOW).is_within);
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let network = |text: &str| super::network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn a_clock_set_back_gives_nothing_away() {
        let limiter = limiter(Some(1));
        assert!(charge(&limiter, "a", NOW).is_within);
        assert!(!charge(&limiter, "a", NOW - 3_600_000).is_within);
    }

    #[test]
    fn no_limit_is_a_large_one_and_none_at_all_is_zero() {
        let off = limiter(None);
        assert_eq!(charge(&off, "a", NOW).remaining, 2_147_483_647);
        let none = limiter(Some(0));
        assert!(!charge(&none, "a", NOW).is_within);
    }
}
