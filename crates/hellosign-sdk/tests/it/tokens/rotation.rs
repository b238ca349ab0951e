//! Against a server that rotates, forgives no second use, and revokes.

use std::sync::Arc;
use std::time::Duration;

use hellosign_sdk::models::{OAuthTokenResponse, RefreshToken};
use hellosign_sdk::tokens::{Clock as _, MemoryTokenStore, TokenManager, TokenManagerBuilder, TokenStore};
use hellosign_sdk::{ApiClient, Configuration};
use hellosign_testkit::{CLIENT_SECRET, Fault, FaultProxy, ROTATING_ID, ROTATING_TOKEN, TestServer};

use super::{TestClock, keys};

/// How long the server's access tokens live.
pub(super) const LIFETIME: Duration = Duration::from_secs(60);

pub(super) struct Rotating {
    pub(super) server: TestServer,
    pub(super) proxy: FaultProxy,
    clock: Arc<TestClock>,
    pub(super) store: Arc<MemoryTokenStore>,
}

impl Rotating {
    pub(super) async fn new() -> Self {
        let server = TestServer::spawn_with(|config| {
            config.rotation_grace = Duration::ZERO;
            config.access_token_ttl = LIFETIME;
        })
        .await;
        let proxy = FaultProxy::spawn(server.address()).await;
        let rotating = Self { server, proxy, clock: Arc::default(), store: Arc::default() };
        let mut tokens = OAuthTokenResponse::new("none yet");
        tokens.refresh_token = Some(RefreshToken::from(ROTATING_TOKEN));
        tokens.expires_in = Some(0);
        rotating.manager().insert("jill", tokens, rotating.clock.wall()).await.unwrap();
        rotating
    }

    /// As another process would have it.
    pub(super) fn manager(&self) -> TokenManager {
        self.builder().build()
    }

    /// The same over a store that is like no other.
    pub(super) fn manager_on(&self, store: Arc<dyn TokenStore>) -> TokenManager {
        self.builder().shared_store(store, keys()).build()
    }

    pub(super) fn builder(&self) -> TokenManagerBuilder {
        let configuration = Configuration::builder()
            .server(&format!("http://{}", self.proxy.address()))
            .timeout(Duration::from_secs(5));
        TokenManager::builder(&ApiClient::new(configuration.build().unwrap()), ROTATING_ID, CLIENT_SECRET)
            .shared_store(self.store.clone(), keys())
            .clock(Arc::clone(&self.clock) as _)
    }

    pub(super) fn advance(&self, span: Duration) {
        self.clock.advance(span);
        self.server.clock().advance(span);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_managers_of_one_store_are_one_request_for_each_renewal() {
    let rotating = Rotating::new().await;
    let managers: Vec<TokenManager> = (0..8).map(|_| rotating.manager()).collect();
    for round in 1..=20 {
        let asking: Vec<_> = managers
            .iter()
            .flat_map(|manager| {
                (0..50).map(|_| {
                    let account = manager.account("jill");
                    tokio::spawn(async move { account.access_token().await })
                })
            })
            .collect();
        let mut given = Vec::new();
        for one in asking {
            given.push(one.await.unwrap().unwrap().expose().to_owned());
        }
        given.dedup();
        assert_eq!(given.len(), 1, "all have the same token");
        assert_eq!(rotating.proxy.answers(), round);
        rotating.advance(LIFETIME);
    }
}

#[tokio::test]
async fn a_lost_answer_costs_no_grant() {
    let rotating = Rotating::new().await;
    let account = rotating.manager().account("jill");
    for fault in [Fault::BeforeRequest, Fault::AfterCommit, Fault::AfterCommit, Fault::BeforeRequest] {
        for manager in [None, Some(rotating.manager())] {
            rotating.proxy.fail_next(1, fault);
            let error = account.access_token().await.unwrap_err();
            assert!(error.is_transient(), "{fault:?}: {error}");
            rotating.advance(Duration::from_secs(2));
            // The one who had lost it, and one who knows of it from the store.
            let next = manager.map_or(account.clone(), |manager| manager.account("jill"));
            next.access_token().await.unwrap();
            rotating.advance(LIFETIME);
        }
    }
}

/// A process is held up while its request is under way, and comes back when another one has taken over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_comes_after_the_lease_is_thrown_away() {
    let rotating = Rotating::new().await;
    let late = rotating.manager().account("jill");
    let release = rotating.proxy.hold_next_answer();
    let asking = tokio::spawn({
        let late = late.clone();
        async move { late.access_token().await }
    });
    while rotating.proxy.answers() == 0 {
        tokio::task::yield_now().await;
    }
    // Past the lease, by every clock but the one of the request's own time-out.
    rotating.advance(Duration::from_secs(11));
    let sibling = rotating.manager().account("jill").access_token().await.unwrap();
    release.send(()).unwrap();
    let late = asking.await.unwrap().unwrap();
    assert_eq!(late.expose(), sibling.expose(), "what is stored is what counts");
    assert_eq!(rotating.proxy.answers(), 2);
    rotating.advance(LIFETIME);
    rotating.manager().account("jill").access_token().await.unwrap();
}

#[tokio::test]
async fn a_grant_that_was_revoked_is_gone_at_both_ends() {
    let rotating = Rotating::new().await;
    let (manager, sibling) = (rotating.manager(), rotating.manager().account("jill"));
    let jill = manager.account("jill");
    let token = jill.access_token().await.unwrap();
    assert_eq!(rotating.server.account(token.expose()).await.status, 200);
    sibling.access_token().await.unwrap();

    rotating.proxy.fail_next(1, Fault::BeforeRequest);
    assert!(manager.revoke("jill").await.unwrap_err().is_transient());
    assert_eq!(rotating.server.account(token.expose()).await.status, 200, "it is kept");
    manager.revoke("jill").await.unwrap();
    assert_eq!(rotating.server.account(token.expose()).await.status, 401);
    assert!(jill.access_token().await.unwrap_err().needs_authorization());
    assert!(manager.revoke("jill").await.unwrap_err().needs_authorization());
    rotating.advance(LIFETIME);
    assert!(sibling.access_token().await.unwrap_err().needs_authorization());
}
