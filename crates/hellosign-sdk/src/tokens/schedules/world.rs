//! A server that rotates, a store, a clock and tasks, as shuttle schedules them.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use hellosign_wire::error::ErrorBody;
use hellosign_wire::secret::RefreshToken;
use hellosign_wire::token::OAuthTokenResponse;
use shuttle::future::{JoinHandle, spawn, yield_now};
use shuttle::rand::{Rng as _, thread_rng};
use tokio::sync::broadcast;

use crate::authorization::Authorized;
use crate::error::{ApiError, Refusal};
use crate::tokens::endpoint::{Asked, Endpoint};
use crate::tokens::host::Host;
use crate::tokens::running::Running;
use crate::tokens::shared::Shared;
use crate::tokens::store::{MemoryTokenStore, StoreError, Stored, TokenStore, Version};
use crate::tokens::{
    AccountToken, BoxFuture, Clock, FreshToken, Random, SealingKeys, Spawner, TokenError, TokenManager,
};

const LIFETIME: Duration = Duration::from_secs(3600);
/// A request's time-out.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What all managers of one schedule have in common.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) server: Arc<Rotating>,
    store: Arc<Turning>,
    pub(super) time: Arc<Time>,
    random: Arc<Counting>,
    pub(super) tasks: Arc<Tasks>,
}

impl World {
    /// A process, which asks so many times at once.
    pub(super) fn manager(&self, at_once: usize) -> TokenManager {
        TokenManager::new(Shared {
            endpoint: Arc::clone(&self.server) as _,
            client_id: "client".to_owned(),
            store: Arc::clone(&self.store) as _,
            keys: SealingKeys::new(1, [1; 32]),
            clock: Arc::clone(&self.time) as _,
            random: Arc::clone(&self.random) as _,
            spawner: Arc::clone(&self.tasks) as _,
            host: Arc::new(Host::new(at_once)),
            running: Running::default(),
            oauth_host: "https://host".to_owned(),
            timeout: TIMEOUT,
            events: broadcast::Sender::new(16),
        })
    }

    /// A grant whose access token was asked for so long ago.
    pub(super) async fn grant(&self, manager: &TokenManager, name: &str, age: Duration) -> AccountToken {
        let tokens = self.server.authorize(name);
        manager.insert(name, tokens, self.time.wall() - age).await.unwrap()
    }

    /// One whose access token has expired.
    pub(super) async fn expired(&self, manager: &TokenManager, name: &str) -> AccountToken {
        self.grant(manager, name, LIFETIME).await
    }

    /// One whose access token is to be renewed soon.
    pub(super) async fn aging(&self, manager: &TokenManager, name: &str) -> AccountToken {
        self.grant(manager, name, LIFETIME - Duration::from_secs(11)).await
    }

    /// Whoever had a lease has it no more.
    pub(super) fn outlast_leases(&self) {
        self.time.advance(TIMEOUT * 3);
    }
}

/// Another task may go first. Unlike shuttle's `yield_now` it does not have to.
async fn turn() {
    let mut is_first = true;
    poll_fn(|context| {
        if std::mem::take(&mut is_first) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

/// Somewhere in whatever is under way.
pub(super) async fn later() {
    for _ in 0..thread_rng().gen_range(0..24) {
        turn().await;
    }
}

/// A task that asks for a token.
pub(super) fn ask(account: &AccountToken) -> JoinHandle<Result<FreshToken, TokenError>> {
    let account = account.clone();
    spawn(async move { account.access_token().await })
}

/// A token endpoint that rotates refresh tokens. A token's text is its account and its generation.
#[derive(Debug, Default)]
pub(super) struct Rotating(Mutex<Serving>);

#[derive(Debug, Default)]
struct Serving {
    /// By account: the generation, and whether its refresh token was used before.
    grants: BTreeMap<String, u64>,
    asked: usize,
    under_way: usize,
    most: usize,
    failing: usize,
    reused: usize,
}

impl Rotating {
    /// How often it was asked for a new token.
    pub(super) fn asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }

    /// How many requests are under way.
    pub(super) fn under_way(&self) -> usize {
        self.0.lock().unwrap().under_way
    }

    /// How many were at once, at most.
    pub(super) fn most(&self) -> usize {
        self.0.lock().unwrap().most
    }

    /// How often a refresh token came that had been rotated.
    pub(super) fn reused(&self) -> usize {
        self.0.lock().unwrap().reused
    }

    /// The next so many requests are answered with 500, after which a host is not left alone as after 503.
    pub(super) fn fail(&self, times: usize) {
        self.0.lock().unwrap().failing = times;
    }

    /// A person has allowed it (again).
    pub(super) fn authorize(&self, account: &str) -> OAuthTokenResponse {
        let mut serving = self.0.lock().unwrap();
        let generation = serving.grants.entry(account.to_owned()).or_default();
        *generation += 10;
        tokens(account, *generation)
    }

    fn rotate(&self, refresh_token: &str) -> Result<OAuthTokenResponse, ApiError> {
        let mut serving = self.0.lock().unwrap();
        if serving.failing > 0 {
            serving.failing -= 1;
            return Err(refusal(500, "server_error"));
        }
        let (account, generation) = refresh_token.split_once('/').expect("one of these");
        let generation: u64 = generation.parse().expect("one of these");
        let current = serving.grants.get_mut(account).expect("it was granted");
        if *current == generation || *current == generation + 1 {
            // The parent: an answer was lost, and this one is to be forgiven.
            let is_reuse = *current != generation;
            *current += 1;
            let tokens = tokens(account, *current);
            serving.reused += usize::from(is_reuse);
            return Ok(tokens);
        }
        serving.reused += 1;
        Err(refusal(400, "invalid_grant"))
    }
}

impl Endpoint for Rotating {
    fn exchange<'a>(&'a self, _: &'a Authorized) -> Asked<'a, OAuthTokenResponse> {
        unreachable!("no schedule exchanges a code")
    }

    fn refresh(&self, refresh_token: RefreshToken) -> Asked<'_, OAuthTokenResponse> {
        Box::pin(async move {
            turn().await;
            {
                let mut serving = self.0.lock().unwrap();
                serving.asked += 1;
                serving.under_way += 1;
                serving.most = serving.most.max(serving.under_way);
            }
            let _under_way = UnderWay(self);
            turn().await;
            let answer = self.rotate(refresh_token.expose());
            turn().await;
            answer
        })
    }

    fn revoke<'a>(&'a self, _: &'a RefreshToken) -> Asked<'a, ()> {
        Box::pin(async {
            turn().await;
            Ok(())
        })
    }
}

/// A request, until it is answered or nobody waits for it any more.
struct UnderWay<'a>(&'a Rotating);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().under_way -= 1;
    }
}

fn tokens(account: &str, generation: u64) -> OAuthTokenResponse {
    let text = format!("{account}/{generation}");
    let mut tokens = OAuthTokenResponse::new(text.as_str());
    tokens.refresh_token = Some(text.as_str().into());
    tokens.expires_in = Some(LIFETIME.as_secs());
    tokens
}

fn refusal(status: u16, code: &str) -> ApiError {
    let refusal = Refusal {
        status,
        headers: Default::default(),
        rate_limit: Default::default(),
        error: ErrorBody::parse(format!(r#"{{"error":"{code}"}}"#).as_bytes()),
        is_json: true,
        body: String::new(),
        received_at: SystemTime::UNIX_EPOCH,
    };
    ApiError::answered("oauth_token_refresh", refusal)
}

/// A store where others may come before and after each look.
#[derive(Debug, Default)]
struct Turning(MemoryTokenStore);

impl TokenStore for Turning {
    fn load<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        Box::pin(async move {
            turn().await;
            let stored = self.0.load(account).await;
            turn().await;
            stored
        })
    }

    fn replace<'a>(
        &'a self,
        account: &'a str,
        expected: Option<Version>,
        next: Version,
        content: Option<&'a [u8]>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            turn().await;
            let replaced = self.0.replace(account, expected, next, content).await;
            turn().await;
            replaced
        })
    }

    fn accounts<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.0.accounts(after, limit)
    }
}

/// Both clocks, which stand still until a schedule moves them.
#[derive(Debug, Default)]
pub(super) struct Time(AtomicU64);

impl Time {
    pub(super) fn advance(&self, span: Duration) {
        self.0.fetch_add(u64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Time {
    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000) + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A schedule is run again with the same numbers.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let next = self.0.fetch_add(1, Ordering::SeqCst).to_le_bytes();
        bytes.fill(0);
        bytes.iter_mut().zip(next).for_each(|(byte, next)| *byte = next);
    }
}

/// What runs in the background can be ended from outside.
#[derive(Debug, Default)]
pub(super) struct Tasks(Mutex<Vec<JoinHandle<()>>>);

impl Tasks {
    /// How many tasks were begun.
    pub(super) fn begun(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// As a runtime that ends does it.
    pub(super) fn drop_all(&self) {
        let tasks = std::mem::take(&mut *self.0.lock().unwrap());
        tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Spawner for Tasks {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let task = spawn(task);
        self.0.lock().unwrap().push(task);
    }

    /// Whoever looks again lets others go first; how long it takes is not what is tested here.
    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(yield_now())
    }
}
