//! A runtime that ends while a renewal is under way: what a program is that is told to stop.

use std::sync::Arc;
use std::time::Duration;

use hellosign_sdk::tokens::{AccountToken, BoxFuture, FreshToken, StoreError, Stored, TokenError, Version};
use hellosign_sdk::tokens::{MemoryTokenStore, TokenManager, TokenStore, TokioSpawner};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::rotation::{LIFETIME, Rotating};
use super::{Answer, builder, expired, keys};
use crate::peer::{Act, Peer, answer};

/// Longer than any lease of these tests.
const LEASE: Duration = Duration::from_secs(11);

/// A program that asks for a token, on a runtime of its own.
struct Program {
    runtime: Runtime,
    asking: JoinHandle<Result<FreshToken, TokenError>>,
}

impl Program {
    fn start(account: AccountToken) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let asking = runtime.spawn(async move { account.access_token().await });
        Self { runtime, asking }
    }

    /// Ends with whatever is under way on it.
    async fn end(self) {
        let Self { runtime, asking } = self;
        tokio::task::spawn_blocking(move || drop(runtime)).await.unwrap();
        drop(asking);
    }
}

/// The server has rotated, and nobody has read its answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_that_ends_between_sending_and_storing_loses_no_grant() {
    let rotating = Rotating::new().await;
    let held = rotating.proxy.hold_next_answer();
    let program = Program::start(rotating.manager().account("jill"));
    while rotating.proxy.answers() == 0 {
        tokio::task::yield_now().await;
    }
    program.end().await;
    drop(held);
    rotating.proxy.settle().await;
    rotating.advance(LEASE);

    let token = rotating.manager().account("jill").access_token().await.unwrap();
    assert_eq!(rotating.server.account(token.expose()).await.status, 200);
    assert_eq!(rotating.proxy.answers(), 2, "the one that was lost, and the one in its place");
}

/// Somebody on another runtime waits for the same renewal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_on_another_runtime_is_told() {
    let rotating = Rotating::new().await;
    let held = rotating.proxy.hold_next_answer();
    let account = rotating.manager().account("jill");
    let program = Program::start(account.clone());
    while rotating.proxy.answers() == 0 {
        tokio::task::yield_now().await;
    }
    let waiting = tokio::spawn({
        let account = account.clone();
        async move { account.access_token().await }
    });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    program.end().await;
    drop(held);
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, TokenError::Interrupted) && error.is_transient(), "{error}");
    rotating.proxy.settle().await;
    rotating.advance(LEASE);
    account.access_token().await.unwrap();
}

/// A store that stops at one of its writes.
#[derive(Debug)]
struct Stopping {
    store: Arc<MemoryTokenStore>,
    reached: Arc<Notify>,
    /// Writes until then.
    left: std::sync::atomic::AtomicUsize,
}

impl TokenStore for Stopping {
    fn load<'a>(&'a self, account: &'a str) -> Answer<'a, Option<Stored>> {
        self.store.load(account)
    }

    fn replace<'a>(
        &'a self,
        account: &'a str,
        expected: Option<Version>,
        next: Version,
        content: Option<&'a [u8]>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        let is_last = self.left.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) == 1;
        Box::pin(async move {
            if is_last {
                self.reached.notify_one();
                std::future::pending::<()>().await;
            }
            self.store.replace(account, expected, next, content).await
        })
    }

    fn accounts<'a>(&'a self, after: Option<&'a str>, limit: usize) -> Answer<'a, Vec<String>> {
        self.store.accounts(after, limit)
    }
}

/// Before the lease is written, and before the answer is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_that_ends_in_a_write_loses_no_grant() {
    for (write, answers) in [(1, 0), (2, 1)] {
        let rotating = Rotating::new().await;
        let reached = Arc::<Notify>::default();
        let store = Stopping {
            store: Arc::clone(&rotating.store),
            reached: Arc::clone(&reached),
            left: write.into(),
        };
        let program = Program::start(rotating.manager_on(Arc::new(store)).account("jill"));
        reached.notified().await;
        assert_eq!(rotating.proxy.answers(), answers);
        program.end().await;
        rotating.proxy.settle().await;
        rotating.advance(LEASE);
        let token = rotating.manager().account("jill").access_token().await.unwrap();
        assert_eq!(rotating.server.account(token.expose()).await.status, 200);
        assert_eq!(rotating.proxy.answers(), answers + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_that_ends_anywhere_loses_no_grant() {
    #[expect(clippy::disallowed_methods, reason = "how ./check tells the tests their sizes")]
    let is_long = std::env::var_os("HELLOSIGN_LONG").is_some();
    let rotating = Rotating::new().await;
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..if is_long { 500 } else { 25 } {
        let program = Program::start(rotating.manager().account("jill"));
        tokio::time::sleep(Duration::from_micros(random.u64(..4000))).await;
        program.end().await;
        rotating.proxy.settle().await;
        rotating.advance(LEASE);
        let token = rotating.manager().account("jill").access_token().await.unwrap();
        assert_eq!(rotating.server.account(token.expose()).await.status, 200);
        rotating.advance(LIFETIME);
    }
}

/// Where the server forgives no second use, there is nothing to be saved; but the error says whose fault it is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_that_a_runtime_took_with_it_is_called_lost() {
    let dead = r#"{"error":"invalid_grant","error_description":"reused"}"#;
    let turns = Act::InTurn(vec![Act::Freeze, answer("400 Bad Request", "", dead)]);
    let (peer, clock) = (Peer::start(turns).await, Arc::default());
    let store = Arc::new(MemoryTokenStore::default());
    let manager = || -> TokenManager { builder(&peer, &clock).shared_store(store.clone(), keys()).build() };
    expired(&manager(), &clock, "jill", "rt").await;
    let program = Program::start(manager().account("jill"));
    while peer.heard().is_empty() {
        tokio::task::yield_now().await;
    }
    program.end().await;
    clock.advance(LEASE);
    let error = manager().account("jill").access_token().await.unwrap_err();
    assert!(matches!(error, TokenError::GrantDead { answer_lost: true }), "{error}");
    assert!(error.needs_authorization());
}

/// A manager with a runtime of its own does not care about its callers'.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_on_a_runtime_that_was_named_outlives_its_callers() {
    let rotating = Rotating::new().await;
    let held = rotating.proxy.hold_next_answer();
    let lasting = TokioSpawner::here().unwrap();
    let manager = rotating.builder().spawner(Arc::new(lasting)).build();
    let program = Program::start(manager.account("jill"));
    while rotating.proxy.answers() == 0 {
        tokio::task::yield_now().await;
    }
    program.end().await;
    drop(held);
    manager.shutdown().await;
    rotating.manager().account("jill").access_token().await.unwrap();
    assert_eq!(rotating.proxy.answers(), 1, "it was stored");
}

/// Without a runtime nothing can be sent, which is no reason to panic.
#[test]
fn without_a_runtime_nothing_is_renewed() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (rotating, account) = runtime.block_on(async {
        let rotating = Rotating::new().await;
        let account = rotating.manager().account("jill");
        (rotating, account)
    });
    assert!(TokioSpawner::here().is_none());
    let mut asking = Box::pin(account.access_token());
    let asked = asking.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
    assert!(matches!(asked, std::task::Poll::Ready(Err(TokenError::Interrupted))), "{asked:?}");
    drop(asking);
    runtime.block_on(async move {
        account.access_token().await.unwrap();
        drop(rotating);
    });
}
