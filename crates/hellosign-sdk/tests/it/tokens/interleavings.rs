//! Whatever comes in whatever order: two processes, two accounts, callers that give up, complaints about tokens, grants that
//! are revoked and given anew, time that passes, answers that are lost. The server rotates, forgives no second use, and would revoke.

use std::sync::Arc;
use std::time::Duration;

use hellosign_sdk::authorization::Authorized;
use hellosign_sdk::models::{OAuthTokenResponse, RefreshToken};
use hellosign_sdk::tokens::{AccountToken, Clock as _, MemoryTokenStore, TokenError, TokenManager};
use hellosign_sdk::{ApiClient, Configuration};
use hellosign_testkit::emulator::{Cut, Fault};
use hellosign_testkit::fixtures::AuthorizationCode;
use hellosign_testkit::{ACCOUNT, CLIENT_SECRET, OWNER, ROTATING_ID, ROTATING_TOKEN, TestServer};
use proptest::prelude::*;
use tokio::task::JoinHandle;

use super::{TestClock, keys};

/// How long the server's access tokens live.
const LIFETIME: Duration = Duration::from_secs(60);
/// Of a request; no time passes by that is longer while one is under way.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Sequences have no more steps.
const LONGEST: usize = 60;
/// Longer than any sequence takes.
const PATIENCE: Duration = Duration::from_secs(30);
const ACCOUNTS: [(&str, &str); 2] = [("jill", ROTATING_TOKEN), ("jack", "another-rotating-refresh-token")];

#[derive(Debug, Clone)]
enum Step {
    /// A task of this process asks for this account's token.
    Ask(usize, usize),
    /// The oldest task that still asks gives up.
    GiveUp,
    /// The API is said to have refused the current token.
    Invalidate(usize, usize),
    /// The grant is revoked, and the user allows again.
    Revoke(usize, usize),
    /// The next refresh goes wrong.
    Fail(Trouble),
    /// The program does something else for a while.
    Yield(u8),
    /// A moment passes, in milliseconds.
    Wait(u16),
    /// All tokens expire.
    Expire,
}

#[derive(Debug, Clone, Copy)]
enum Trouble {
    Busy,
    Html,
    Late,
    CutBefore,
    CutAfter,
    /// The refresh token was rotated, and nobody has the new one.
    CutAfterCommit,
}

fn step() -> impl Strategy<Value = Step> {
    let trouble = prop_oneof![
        Just(Trouble::Busy),
        Just(Trouble::Html),
        Just(Trouble::Late),
        Just(Trouble::CutBefore),
        Just(Trouble::CutAfter),
        Just(Trouble::CutAfterCommit),
    ];
    prop_oneof![
        6 => (0..2_usize, 0..2_usize).prop_map(|(process, account)| Step::Ask(process, account)),
        2 => Just(Step::GiveUp),
        1 => (0..2_usize, 0..2_usize).prop_map(|(process, account)| Step::Invalidate(process, account)),
        1 => (0..2_usize, 0..2_usize).prop_map(|(process, account)| Step::Revoke(process, account)),
        2 => trouble.prop_map(Step::Fail),
        4 => (1..40_u8).prop_map(Step::Yield),
        2 => (1..2000_u16).prop_map(Step::Wait),
        2 => Just(Step::Expire),
    ]
}

fn fault(trouble: Trouble) -> Fault {
    let fault = match trouble {
        Trouble::Busy => Fault::answer(503),
        Trouble::Html => {
            let mut page = Fault::answer(502);
            page.html = true;
            page
        }
        Trouble::Late => Fault::delay(20),
        Trouble::CutBefore => Fault::cut(Cut::BeforeRequest),
        Trouble::CutAfter => Fault::cut(Cut::AfterRequest),
        Trouble::CutAfterCommit => Fault::cut(Cut::AfterCommit),
    };
    fault.on_grant_type("refresh_token")
}

type Asking = JoinHandle<Result<(), TokenError>>;

struct World {
    server: TestServer,
    clock: Arc<TestClock>,
    /// Of two processes on one store.
    managers: [TokenManager; 2],
    /// Of which account, and who.
    asking: Vec<(usize, Asking)>,
    /// Whose grant was revoked while somebody may have asked for its token.
    is_revoked: [bool; 2],
    /// How many grants were revoked.
    revoked: usize,
    /// Since everybody was seen to have an answer.
    passed: Duration,
}

impl World {
    async fn new() -> Self {
        let server = TestServer::spawn_with(|config| {
            config.rotation_grace = Duration::ZERO;
            config.access_token_ttl = LIFETIME;
            config.rate_limit = None;
            config.authorization_code_ttl = super::DAY;
            config.fixtures.authorization_codes.extend((0..LONGEST).flat_map(|n| {
                let code = |account, of| AuthorizationCode::new(code(account, n), ROTATING_ID, of);
                [code(0, ACCOUNT), code(1, OWNER)]
            }));
            let [_, (_, refresh_token)] = ACCOUNTS;
            config.fixtures.grants.push(hellosign_testkit::fixtures::Grant::new(
                ROTATING_ID,
                OWNER,
                refresh_token,
            ));
        })
        .await;
        let (clock, store) = (Arc::<TestClock>::default(), Arc::<MemoryTokenStore>::default());
        let manager = || {
            let configuration =
                Configuration::builder().server(&server.url()).timeout(TIMEOUT).build().unwrap();
            TokenManager::builder(&ApiClient::new(configuration), ROTATING_ID, CLIENT_SECRET)
                .shared_store(store.clone(), keys())
                .clock(Arc::clone(&clock) as _)
                .build()
        };
        let managers = [manager(), manager()];
        for (account, refresh_token) in ACCOUNTS {
            let mut tokens = OAuthTokenResponse::new("none yet");
            tokens.refresh_token = Some(RefreshToken::from(refresh_token));
            tokens.expires_in = Some(0);
            managers[0].insert(account, tokens, clock.wall()).await.unwrap();
        }
        Self {
            server,
            clock,
            managers,
            asking: Vec::new(),
            is_revoked: [false; 2],
            revoked: 0,
            passed: Duration::ZERO,
        }
    }

    fn account(&self, process: usize, account: usize) -> AccountToken {
        self.managers[process].account(ACCOUNTS[account].0)
    }

    fn advance(&mut self, span: Duration) {
        self.clock.advance(span);
        self.server.clock().advance(span);
        self.passed += span;
    }

    fn ask(&mut self, process: usize, account: usize) {
        let token = self.account(process, account);
        self.asking.push((account, tokio::spawn(async move { token.access_token().await.map(drop) })));
    }

    async fn take(&mut self, step: &Step) {
        match *step {
            Step::Ask(process, account) => self.ask(process, account),
            Step::GiveUp => {
                if !self.asking.is_empty() {
                    self.asking.remove(0).1.abort();
                }
            }
            Step::Invalidate(process, account) => {
                let account = self.account(process, account);
                if let Ok(token) = account.access_token().await {
                    account.invalidate(&token);
                }
            }
            Step::Revoke(process, account) => self.revoke(process, account).await,
            Step::Fail(trouble) => drop(self.server.control().add_fault(fault(trouble)).unwrap()),
            Step::Yield(times) => {
                for _ in 0..times {
                    tokio::task::yield_now().await;
                }
            }
            Step::Wait(millis) => {
                let span = Duration::from_millis(millis.into());
                if self.passed + span > TIMEOUT {
                    self.settle().await;
                }
                self.advance(span);
            }
            Step::Expire => {
                self.settle().await;
                self.advance(LIFETIME);
                self.passed = Duration::ZERO;
            }
        }
    }

    /// Somebody may be renewing it, here or there: then there is nothing to revoke any more when it comes to it.
    async fn revoke(&mut self, process: usize, account: usize) {
        let (manager, name) = (&self.managers[process], ACCOUNTS[account].0);
        if let Err(error) = manager.revoke(name).await {
            assert!(error.needs_authorization(), "{error}");
        }
        let authorized = Authorized::new(code(account, self.revoked), "state");
        manager.exchange(name, &authorized).await.unwrap();
        self.revoked += 1;
        self.is_revoked[account] = true;
        // Nothing of the one before is to be seen where it was done.
        let token = manager.account(name).access_token().await.unwrap();
        assert_eq!(self.server.account(token.expose()).await.status, 200);
    }

    /// Until nothing is under way: whoever asks joins what is.
    async fn settle(&mut self) {
        for process in 0..2 {
            for account in 0..2 {
                self.ask(process, account);
            }
        }
        for (account, asking) in self.asking.drain(..) {
            match asking.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) if self.is_revoked[account] && error.needs_authorization() => {}
                Ok(Err(error)) => assert!(error.is_transient(), "{error}"),
                Err(gave_up) => assert!(gave_up.is_cancelled(), "{gave_up}"),
            }
        }
        self.is_revoked = [false; 2];
        self.passed = Duration::ZERO;
    }

    /// Both processes have a token for both accounts that the server takes, and no grant was lost.
    async fn recover(mut self) {
        self.settle().await;
        self.server.control().clear_faults();
        for process in 0..2 {
            for account in 0..2 {
                // Longer than any pause.
                self.advance(Duration::from_secs(61));
                let token = self.account(process, account).access_token().await.unwrap();
                assert_eq!(self.server.account(token.expose()).await.status, 200);
            }
        }
        let refused: Vec<_> = self
            .server
            .control()
            .requests()
            .into_iter()
            .filter(|request| request.status == Some(400))
            .collect();
        // One that was revoked while it was being renewed is refused, once by each process.
        assert!(refused.len() <= 2 * self.revoked, "{refused:?}");
    }
}

fn code(account: usize, n: usize) -> String {
    format!("code-{account}-{n}")
}

fn cases() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "how ./check tells the tests their sizes")]
    let is_long = std::env::var("HELLOSIGN_LONG").is_ok();
    if is_long { 2000 } else { 60 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, max_shrink_iters: 8, ..ProptestConfig::default() })]

    #[test]
    fn no_grant_is_lost_in_any_order(steps in proptest::collection::vec(step(), 1..LONGEST)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let all = async {
            let mut world = World::new().await;
            for step in &steps {
                world.take(step).await;
            }
            world.recover().await;
        };
        let ended = runtime.block_on(async { tokio::time::timeout(PATIENCE, all).await });
        prop_assert!(ended.is_ok(), "somebody still waits");
    }
}
