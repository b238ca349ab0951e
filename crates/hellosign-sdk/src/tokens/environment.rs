//! What the manager takes from the program that it is part of: time, randomness, tasks.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

/// A future on the heap.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where a [`TokenManager`](super::TokenManager)'s times come from.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time of day. It may jump.
    fn wall(&self) -> SystemTime;

    /// Time since some moment. It never goes back, and goes on while the machine sleeps.
    fn monotonic(&self) -> Duration;
}

/// The operating system's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> SystemTime {
        #[expect(clippy::disallowed_methods, reason = "this is the clock that is injected")]
        SystemTime::now()
    }

    #[cfg(target_os = "linux")]
    fn monotonic(&self) -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let (seconds, nanos) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
        Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
    }

    /// Where this clock stands still while the machine sleeps, the time of day says that a token has
    /// expired.
    #[cfg(not(target_os = "linux"))]
    fn monotonic(&self) -> Duration {
        static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        START.get_or_init(std::time::Instant::now).elapsed()
    }
}

/// Where a [`TokenManager`](super::TokenManager)'s nonces, names of leases and jitter come from.
pub trait Random: fmt::Debug + Send + Sync {
    /// Fills `bytes` with bytes that nobody can predict.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    /// # Panics
    /// Where the operating system has no entropy to give: nothing can be sealed then.
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}

pub(crate) fn bytes<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}

/// At least 0 and less than 1.
pub(super) fn fraction(random: &dyn Random) -> f64 {
    f64::from(u32::from_le_bytes(bytes(random))) / (f64::from(u32::MAX) + 1.0)
}

/// What a [`TokenManager`](super::TokenManager)'s own tasks run on.
///
/// A task that is not run to its end loses no grant, but callers have to wait until its lease is over.
pub trait Spawner: fmt::Debug + Send + Sync {
    /// Runs a task in the background.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// Completes after this time.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// Runs tasks on tokio: on a runtime that was chosen, or else on the caller's. Where there is none no task runs,
/// and who waits for it is told [`Interrupted`](super::TokenError::Interrupted).
///
/// ```
/// use std::sync::Arc;
/// use hellosign_sdk::tokens::{TokenManager, TokioSpawner};
/// use hellosign_sdk::{ApiClient, Configuration};
///
/// # let lasting = tokio::runtime::Builder::new_current_thread().build()?;
/// let client = ApiClient::new(Configuration::default());
/// let guard = lasting.enter(); // some `tokio::runtime::Runtime` that lasts as long as the manager
/// let spawner = TokioSpawner::here().expect("this is within it");
/// drop(guard);
/// let manager = TokenManager::builder(&client, "cc91c61d00f8bb2ece1428035716b", "1d14434088507ffa390e6f5528465")
///     .spawner(Arc::new(spawner))
///     .build();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct TokioSpawner(Option<tokio::runtime::Handle>);

impl TokioSpawner {
    /// Runs tasks on the runtime that this is called on, wherever the callers are. `None` where there is
    /// none.
    #[must_use]
    pub fn here() -> Option<Self> {
        tokio::runtime::Handle::try_current().ok().map(|runtime| Self(Some(runtime)))
    }
}

impl Spawner for TokioSpawner {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let here = || tokio::runtime::Handle::try_current().ok();
        if let Some(runtime) = self.0.clone().or_else(here) {
            runtime.spawn(task);
        }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async move { tokio::time::sleep(duration).await })
    }
}
