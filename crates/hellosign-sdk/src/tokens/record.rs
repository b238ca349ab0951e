//! What is stored of a grant.

use std::time::{Duration, SystemTime};

use hellosign_wire::secret::{AccessToken, RefreshToken};
use hellosign_wire::token::OAuthTokenResponse;
use serde::{Deserialize, Serialize};

/// No lease lasts longer, whatever the time-out of its holder's requests.
pub(super) const LONGEST_LEASE: Duration = Duration::from_secs(15 * 60);

/// A grant as it is stored, sealed. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) access_token: AccessToken,
    pub(super) refresh_token: RefreshToken,
    /// Names this pair of tokens: another one after each renewal.
    pub(super) serial: u64,
    /// When the request was sent that these tokens answered.
    pub(super) requested_at: u64,
    /// Milliseconds; absent where the server did not say.
    pub(super) lifetime: Option<u64>,
    /// Who is renewing, or was when last seen.
    pub(super) renewal: Option<Renewal>,
    /// A request with this refresh token was sent and nobody knows what came of it.
    pub(super) is_unanswered: bool,
    pub(super) ended: Option<Ended>,
}

/// A lease, which is also the intent: whoever holds it may send the refresh token, until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Renewal {
    pub(super) id: u64,
    pub(super) until: u64,
}

/// The refresh token will not work again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) answer_lost: bool,
}

impl Record {
    /// What an answer of the token endpoint comes to.
    pub(super) fn new(
        tokens: OAuthTokenResponse,
        refresh_token: RefreshToken,
        serial: u64,
        requested_at: u64,
    ) -> Self {
        Self {
            access_token: tokens.access_token,
            refresh_token,
            serial,
            requested_at,
            lifetime: tokens.expires_in.map(|seconds| seconds.saturating_mul(1000)),
            renewal: None,
            is_unanswered: false,
            ended: None,
        }
    }
}

impl Renewal {
    /// Whether its holder may still be at it. One that lasts longer than any does was written by another
    /// clock than this one, and counts for nothing: a record is only ever written over by those who have
    /// read it, so that no token is lost by that.
    pub(super) fn is_live(&self, now: SystemTime) -> bool {
        let now = millis(now);
        now < self.until && self.until - now <= whole_millis(LONGEST_LEASE)
    }
}

/// Since the Unix epoch.
pub(super) fn millis(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map(whole_millis).unwrap_or_default()
}

pub(super) fn whole_millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
