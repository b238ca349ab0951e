//! How long a token is good for, by two clocks.

use std::time::{Duration, SystemTime};

use hellosign_wire::secret::AccessToken;

use super::environment::{Clock, Random, fraction};
use super::record::{Record, millis, whole_millis};

/// Renewal starts this long before the end at most.
const EARLIEST: Duration = Duration::from_secs(300);
/// A token is not handed out in its last moments: the request that it is for takes time, too.
const LONGEST_MARGIN: Duration = Duration::from_secs(10);
/// Clocks of two machines on one store may differ by that.
const SKEW: Duration = Duration::from_secs(60);
/// Beyond any lifetime, and within what can be added to a time.
const AGES: Duration = Duration::from_secs(1000 * 365 * 24 * 3600);

/// An access token in memory. It is good while both clocks say so: the one does not jump, and the other
/// is the one that the store goes by.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) access_token: AccessToken,
    pub(super) serial: u64,
    /// By the monotonic clock.
    deadline: Duration,
    /// By the time of day.
    wall_deadline: SystemTime,
    /// When to start renewing it, by the monotonic clock.
    pub(super) due: Duration,
}

impl Fresh {
    /// A record's token, which was asked for so long ago.
    pub(super) fn new(record: &Record, age: Duration, clock: &dyn Clock, random: &dyn Random) -> Self {
        let (now, wall) = (clock.monotonic(), clock.wall());
        let lifetime = record.lifetime.map_or(AGES, |lifetime| Duration::from_millis(lifetime).min(AGES));
        let early = (lifetime / 10).min(EARLIEST);
        let margin = (lifetime / 20).min(LONGEST_MARGIN);
        let good_for = (lifetime - margin).saturating_sub(age);
        let ahead = early - (early - margin).mul_f64(fraction(random));
        Self {
            access_token: record.access_token.clone(),
            serial: record.serial,
            deadline: now + good_for,
            wall_deadline: wall + good_for,
            due: now + (lifetime - ahead).saturating_sub(age),
        }
    }

    /// One that was found: its age is what the time of day says. One from the future has expired, for all that
    /// is known: the clock was set back since, and says nothing of its age.
    pub(super) fn found(record: &Record, clock: &dyn Clock, random: &dyn Random) -> Self {
        let now = millis(clock.wall());
        let is_believed = record.requested_at <= now.saturating_add(whole_millis(SKEW));
        let age = Duration::from_millis(now.saturating_sub(record.requested_at));
        Self::new(record, if is_believed { age } else { AGES }, clock, random)
    }

    /// How long it is still good for, by the monotonic clock.
    pub(super) fn left(&self, now: Duration) -> Duration {
        self.deadline.saturating_sub(now)
    }

    pub(super) fn is_usable(&self, clock: &dyn Clock) -> bool {
        self.is_usable_at(clock.monotonic(), clock.wall())
    }

    /// By both clocks.
    pub(super) fn is_usable_at(&self, now: Duration, wall: SystemTime) -> bool {
        now < self.deadline && wall < self.wall_deadline
    }
}
