//! Tokens that stay fresh, on clocks that the tests own.

mod contract;
mod interleavings;
#[cfg(all(feature = "metrics", feature = "tracing"))]
mod observed;
mod outage;
mod processes;
mod requests;
mod rotation;
mod runtimes;
mod single_flight;
mod trouble;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use hellosign_sdk::ApiClient;
use hellosign_sdk::models::{OAuthTokenResponse, RefreshToken};
use hellosign_sdk::tokens::{
    AccountToken, BoxFuture, Clock, Random, SealingKeys, StoreError, TokenManager, TokenManagerBuilder,
};

use crate::peer::Peer;

const DAY: Duration = Duration::from_secs(86_400);

/// Two clocks, each of which is moved alone.
#[derive(Debug)]
struct TestClock {
    wall: AtomicI64,
    monotonic: AtomicI64,
}

impl Default for TestClock {
    fn default() -> Self {
        Self { wall: AtomicI64::new(1_790_000_000_000), monotonic: AtomicI64::new(5_000_000) }
    }
}

impl TestClock {
    /// Time passes.
    fn advance(&self, span: Duration) {
        self.jump(millis(span));
        self.monotonic.fetch_add(millis(span), Ordering::SeqCst);
    }

    /// Only the one passes that nobody can set.
    fn sleep(&self, span: Duration) {
        self.monotonic.fetch_add(millis(span), Ordering::SeqCst);
    }

    /// Only the time of day moves.
    fn set_forward(&self, span: Duration) {
        self.jump(millis(span));
    }

    /// The time of day is set, by so many milliseconds.
    fn jump(&self, by: i64) {
        self.wall.fetch_add(by, Ordering::SeqCst);
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap()
}

impl Clock for TestClock {
    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
            + Duration::from_millis(u64::try_from(self.wall.load(Ordering::SeqCst)).unwrap())
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.monotonic.load(Ordering::SeqCst)).unwrap())
    }
}

/// Never the same, and a small fraction of whatever it is a fraction of: renewal is due as early as it can
/// be, and pauses are as short.
#[derive(Debug)]
struct Counting;

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let next = NEXT.fetch_add(1, Ordering::SeqCst).to_le_bytes();
        bytes.fill(0);
        bytes.iter_mut().zip(next).for_each(|(byte, next)| *byte = next);
    }
}

type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

fn keys() -> SealingKeys {
    SealingKeys::new(1, [1; 32])
}

/// What a token endpoint answers.
fn tokens(access_token: &str, refresh_token: &str, expires_in: Duration) -> OAuthTokenResponse {
    let mut tokens = OAuthTokenResponse::new(access_token);
    tokens.refresh_token = Some(RefreshToken::from(refresh_token));
    tokens.expires_in = Some(expires_in.as_secs());
    tokens
}

/// A manager whose requests go to a peer.
fn builder(peer: &Peer, clock: &Arc<TestClock>) -> TokenManagerBuilder {
    let configuration = peer.configuration().timeout(Duration::from_secs(2)).build().unwrap();
    TokenManager::builder(&ApiClient::new(configuration), "the-client", "the-client-secret")
        .clock(Arc::clone(clock) as _)
        .random(Arc::new(Counting))
}

/// An account whose tokens are a day old, and have expired.
async fn expired(manager: &TokenManager, clock: &TestClock, name: &str, refresh_token: &str) -> AccountToken {
    let tokens = tokens("old", refresh_token, DAY);
    manager.insert(name, tokens, clock.wall() - DAY).await.unwrap()
}
