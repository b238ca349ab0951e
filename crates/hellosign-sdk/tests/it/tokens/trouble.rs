//! When things go wrong.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hellosign_sdk::tokens::{
    BoxFuture, Clock as _, MemoryTokenStore, SealingKeys, StoreError, Stored, TokenError, TokenStore, Version,
};

use super::{Answer, DAY, TestClock, builder, expired, keys, tokens};
use crate::peer::{Act, Peer, TOKENS, answer};

const HOUR: i64 = 3_600_000;
const INVALID_GRANT: &str =
    r#"{"error":"invalid_grant","error_description":"Invalid grant data (refresh token)"}"#;

fn granted() -> Act {
    answer("200 OK", "", TOKENS)
}

#[tokio::test]
async fn while_the_server_fails_the_old_token_serves_and_attempts_are_spaced() {
    let busy = answer("503 Service Unavailable", "Retry-After: 30\r\n", "");
    let (peer, clock) =
        (Peer::start(Act::InTurn(vec![busy.clone(), busy, granted()])).await, Arc::<TestClock>::default());
    let manager = builder(&peer, &clock).build();
    let mut events = manager.subscribe();
    let account = manager.insert("jill", tokens("old", "rt", DAY), clock.wall()).await.unwrap();
    clock.advance(DAY - Duration::from_secs(60));
    for _ in 0..1000 {
        assert_eq!(account.access_token().await.unwrap().expose(), "old");
    }
    events.next().await.unwrap();
    for _ in 0..1000 {
        assert_eq!(account.access_token().await.unwrap().expose(), "old");
    }
    assert_eq!(peer.heard().len(), 1, "it was told to wait");

    clock.advance(Duration::from_secs(31));
    assert_eq!(account.access_token().await.unwrap().expose(), "old");
    events.next().await.unwrap();
    clock.advance(Duration::from_secs(29));
    let error = account.access_token().await.unwrap_err();
    let TokenError::Unavailable { retry_after, .. } = error else { panic!("{error}") };
    assert!(retry_after > Duration::ZERO && retry_after < Duration::from_secs(60), "{retry_after:?}");
    assert_eq!(peer.heard().len(), 2);

    clock.advance(retry_after);
    assert_eq!(account.access_token().await.unwrap().expose(), "at", "it recovers when the server does");
}

/// However long a server says, and whatever it says it with: an hour is enough.
#[tokio::test]
async fn nobody_is_sent_away_for_ever() {
    let never = u64::MAX;
    let headers = [
        format!("Retry-After: {never}\r\n"),
        "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n".to_owned(),
        "X-Ratelimit-Limit-Remaining: 0\r\nX-Ratelimit-Reset: 99999999999\r\n".to_owned(),
    ];
    for headers in headers {
        for status in ["429 Too Many Requests", "503 Service Unavailable"] {
            let busy = answer(status, &headers, "");
            let (peer, clock) = (Peer::start(Act::InTurn(vec![busy, granted()])).await, Arc::default());
            let manager = builder(&peer, &clock).build();
            let jill = expired(&manager, &clock, "jill", "rt").await;
            let error = jill.access_token().await.unwrap_err();
            let TokenError::Unavailable { retry_after, .. } = error else { panic!("{headers}: {error}") };
            assert_eq!(retry_after, Duration::from_secs(3600), "{headers}");
            assert!(jill.access_token().await.is_err());
            assert_eq!(peer.heard().len(), 1);
            clock.advance(retry_after);
            assert_eq!(jill.access_token().await.unwrap().expose(), "at");
        }
    }
}

/// The token was good for less time than it took to come.
#[tokio::test]
async fn a_token_that_has_expired_when_it_comes_is_not_handed_out() {
    let short = r#"{"access_token":"short","refresh_token":"rt2","expires_in":0}"#;
    let turns = vec![answer("200 OK", "", short), granted()];
    let (peer, clock) = (Peer::start(Act::InTurn(turns)).await, Arc::default());
    let manager = builder(&peer, &clock).build();
    let jill = expired(&manager, &clock, "jill", "rt").await;
    for _ in 0..10 {
        assert!(jill.access_token().await.unwrap_err().is_transient());
    }
    assert_eq!(peer.heard().len(), 1, "nor is it asked for again at once");
    clock.advance(Duration::from_secs(61));
    assert_eq!(jill.access_token().await.unwrap().expose(), "at");
    assert!(peer.heard()[1].contains("rt2"), "what came with it was kept");
}

/// `""` is how some say that there is none.
#[tokio::test]
async fn an_empty_refresh_token_does_not_take_the_place_of_one() {
    let empty = r#"{"access_token":"at","refresh_token":"","expires_in":86400}"#;
    let (peer, clock) = (Peer::start(answer("200 OK", "", empty)).await, Arc::default());
    let manager = builder(&peer, &clock).build();
    let jill = expired(&manager, &clock, "jill", "the-one").await;
    jill.access_token().await.unwrap();
    clock.advance(DAY);
    jill.access_token().await.unwrap();
    assert!(peer.heard()[1].contains("the-one"));

    let nothing = answer("200 OK", "", r#"{"access_token":"","expires_in":86400}"#);
    let (peer, clock) = (Peer::start(nothing).await, Arc::default());
    let manager = builder(&peer, &clock).build();
    let jill = expired(&manager, &clock, "jill", "rt").await;
    assert!(jill.access_token().await.is_err(), "an answer without a token is none");
}

#[tokio::test]
async fn one_who_is_told_to_wait_waits_for_all_accounts() {
    let busy = answer("429 Too Many Requests", "Retry-After: 30\r\n", "");
    let (peer, clock) = (Peer::start(Act::InTurn(vec![busy, granted()])).await, Arc::default());
    let manager = builder(&peer, &clock).build();
    let jill = expired(&manager, &clock, "jill", "rt").await;
    let jack = expired(&manager, &clock, "jack", "rt").await;
    assert!(jill.access_token().await.is_err());
    let error = jack.access_token().await.unwrap_err();
    assert!(matches!(error, TokenError::Unavailable { source: None, .. }), "{error}");
    assert_eq!(peer.heard().len(), 1);
    clock.advance(Duration::from_secs(46));
    assert_eq!(jack.access_token().await.unwrap().expose(), "at");
}

/// Nothing of this says anything about the grant.
#[tokio::test]
async fn nothing_but_invalid_grant_ends_a_grant() {
    let others = [
        answer("500 Internal Server Error", "", "{}"),
        answer("502 Bad Gateway", "Content-Type: text/html\r\n", "<html>invalid_grant</html>"),
        answer("400 Bad Request", "", r#"{"error":"invalid_client","error_description":"no"}"#),
        answer("400 Bad Request", "", "<html>"),
        answer("408 Request Timeout", "", INVALID_GRANT),
        answer("429 Too Many Requests", "", "{}"),
        Act::Say(Vec::new()),
        Act::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"access".to_vec()),
        answer("200 OK", "", "{}"),
    ];
    let count = others.len();
    let (peer, clock) =
        (Peer::start(Act::InTurn([&others[..], &[granted()]].concat())).await, Arc::<TestClock>::default());
    let manager = builder(&peer, &clock).build();
    let account = expired(&manager, &clock, "jill", "rt").await;
    for at in 0..count {
        let error = account.access_token().await.unwrap_err();
        assert!(!error.needs_authorization(), "{at}: {error}");
        assert!(account.access_token().await.is_err(), "there is a pause");
        assert_eq!(peer.heard().len(), at + 1);
        clock.advance(Duration::from_secs(61));
    }
    assert_eq!(account.access_token().await.unwrap().expose(), "at");
}

#[tokio::test]
async fn a_grant_that_has_ended_is_remembered_until_there_is_another() {
    let (peer, clock) =
        (Peer::start(answer("400 Bad Request", "", INVALID_GRANT)).await, Arc::<TestClock>::default());
    let store = Arc::new(MemoryTokenStore::default());
    let manager = builder(&peer, &clock).shared_store(store.clone(), keys()).build();
    let account = expired(&manager, &clock, "jill", "rt").await;
    for _ in 0..3 {
        let error = account.access_token().await.unwrap_err();
        assert!(matches!(error, TokenError::GrantDead { answer_lost: false }), "{error}");
    }
    let sibling = builder(&peer, &clock).shared_store(store, keys()).build();
    assert!(sibling.account("jill").access_token().await.unwrap_err().needs_authorization());
    assert_eq!(peer.heard().len(), 1, "the server was asked once");

    manager.insert("jill", tokens("new", "rt2", DAY), clock.wall()).await.unwrap();
    assert_eq!(account.access_token().await.unwrap().expose(), "new");
    assert_eq!(sibling.account("jill").access_token().await.unwrap().expose(), "new");
}

#[tokio::test]
async fn a_grant_that_ends_after_an_answer_was_lost_says_so() {
    let turns = vec![Act::Say(Vec::new()), answer("400 Bad Request", "", INVALID_GRANT)];
    let (peer, clock) = (Peer::start(Act::InTurn(turns)).await, Arc::default());
    let manager = builder(&peer, &clock).build();
    let account = expired(&manager, &clock, "jill", "rt").await;
    assert!(account.access_token().await.unwrap_err().is_transient());
    clock.advance(Duration::from_secs(61));
    let error = account.access_token().await.unwrap_err();
    assert!(matches!(error, TokenError::GrantDead { answer_lost: true }), "{error}");
}

#[tokio::test]
async fn an_api_that_takes_no_token_costs_a_renewal_a_minute() {
    let (peer, clock) = (Peer::start(granted()).await, Arc::<TestClock>::default());
    let manager = builder(&peer, &clock).build();
    let account = manager.insert("jill", tokens("old", "rt", DAY), clock.wall()).await.unwrap();
    let old = account.access_token().await.unwrap();
    for _ in 0..100 {
        let token = account.access_token().await.unwrap();
        account.invalidate(&token);
    }
    assert_eq!(peer.heard().len(), 1);
    clock.advance(Duration::from_secs(61));
    account.invalidate(&old);
    assert_eq!(account.access_token().await.unwrap().expose(), "at");
    assert_eq!(peer.heard().len(), 1, "that one was replaced already");
    account.invalidate(&account.access_token().await.unwrap());
    account.access_token().await.unwrap();
    assert_eq!(peer.heard().len(), 2);
}

#[tokio::test]
async fn no_jump_of_a_clock_makes_an_expired_token_fresh() {
    let (peer, clock) = (Peer::start(granted()).await, Arc::<TestClock>::default());
    let manager = builder(&peer, &clock).build();
    let hour = Duration::from_secs(3600);
    let account = manager.insert("jill", tokens("old", "rt", hour), clock.wall()).await.unwrap();
    clock.jump(-HOUR);
    assert_eq!(account.access_token().await.unwrap().expose(), "old", "it is good still");
    clock.advance(hour);
    assert_eq!(account.access_token().await.unwrap().expose(), "at", "an hour is an hour");

    clock.jump(25 * HOUR);
    assert_eq!(account.access_token().await.unwrap().expose(), "at");
    assert_eq!(peer.heard().len(), 2, "for all that is known it has expired");
}

#[tokio::test]
async fn each_clock_alone_ends_a_token() {
    let (peer, clock) = (Peer::start(granted()).await, Arc::<TestClock>::default());
    let manager = builder(&peer, &clock).build();
    let hour = Duration::from_secs(3600);
    for (at, move_one) in [TestClock::sleep, TestClock::set_forward].into_iter().enumerate() {
        let account = manager.insert("jill", tokens("old", "rt", hour), clock.wall()).await.unwrap();
        assert_eq!(account.access_token().await.unwrap().expose(), "old");
        move_one(&clock, hour);
        assert_eq!(account.access_token().await.unwrap().expose(), "at");
        assert_eq!(peer.heard().len(), at + 1);
    }
}

/// A program that starts after the clock was set back has nothing else to go by.
#[tokio::test]
async fn a_token_from_the_future_is_not_believed() {
    let (peer, clock) = (Peer::start(granted()).await, Arc::<TestClock>::default());
    let store = Arc::new(MemoryTokenStore::default());
    let manager = || builder(&peer, &clock).shared_store(store.clone(), keys()).build();
    let hour = Duration::from_secs(3600);
    manager().insert("jill", tokens("old", "rt", hour), clock.wall()).await.unwrap();
    // Clocks of two machines are never quite the same.
    clock.jump(-2_000);
    assert_eq!(manager().account("jill").access_token().await.unwrap().expose(), "old");
    clock.jump(-HOUR);
    assert_eq!(manager().account("jill").access_token().await.unwrap().expose(), "at");
    assert_eq!(manager().account("jill").access_token().await.unwrap().expose(), "at", "that is believed");
    assert_eq!(peer.heard().len(), 1);
}

/// Fails some writes.
#[derive(Debug, Default)]
struct Failing {
    store: MemoryTokenStore,
    writes: AtomicUsize,
    /// Writes from this one on, as many as the other.
    fail_from: AtomicUsize,
    fail: AtomicUsize,
}

impl TokenStore for Failing {
    fn load<'a>(&'a self, account: &'a str) -> Answer<'a, Option<Stored>> {
        self.store.load(account)
    }

    fn replace<'a>(
        &'a self,
        account: &'a str,
        expected: Option<Version>,
        next: Version,
        content: Option<&'a [u8]>,
    ) -> Answer<'a, bool> {
        let at = self.writes.fetch_add(1, Ordering::SeqCst);
        let from = self.fail_from.load(Ordering::SeqCst);
        if (from..from + self.fail.load(Ordering::SeqCst)).contains(&at) {
            return Box::pin(async { Err(StoreError::new("the disk is full")) });
        }
        self.store.replace(account, expected, next, content)
    }

    fn accounts<'a>(&'a self, after: Option<&'a str>, limit: usize) -> Answer<'a, Vec<String>> {
        self.store.accounts(after, limit)
    }
}

impl Failing {
    fn fail(&self, after: usize, count: usize) {
        self.fail_from.store(self.writes.load(Ordering::SeqCst) + after, Ordering::SeqCst);
        self.fail.store(count, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn what_cannot_be_stored_is_not_handed_out_and_not_lost() {
    let (peer, clock) = (Peer::start(granted()).await, Arc::<TestClock>::default());
    let store = Arc::new(Failing::default());
    let manager = builder(&peer, &clock).shared_store(store.clone(), keys()).build();
    let account = expired(&manager, &clock, "jill", "rt").await;

    store.fail(0, 1);
    assert!(matches!(account.access_token().await, Err(TokenError::Store(_))));
    assert!(peer.heard().is_empty(), "without a lease nothing is sent");
    clock.advance(Duration::from_secs(2));

    store.fail(1, usize::MAX / 2);
    let asking = tokio::spawn({
        let account = account.clone();
        async move { account.access_token().await }
    });
    while peer.heard().is_empty() {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_secs(5));
    let error = asking.await.unwrap().unwrap_err();
    assert!(matches!(error, TokenError::Store(_)), "{error}");
    store.fail(0, 0);
    clock.advance(Duration::from_secs(2));
    assert_eq!(account.access_token().await.unwrap().expose(), "at");
    assert_eq!(peer.heard().len(), 1, "the answer was kept until it could be stored");
}

/// Something happens before one of the writes.
struct Meanwhile {
    store: Arc<MemoryTokenStore>,
    writes: AtomicUsize,
    before: Mutex<Option<(usize, BoxFuture<'static, ()>)>>,
}

impl std::fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meanwhile")
    }
}

impl Meanwhile {
    fn before_write(
        at: usize,
        store: &Arc<MemoryTokenStore>,
        what: impl Future<Output = ()> + Send + 'static,
    ) -> Arc<Self> {
        let before = Mutex::new(Some((at, Box::pin(what) as _)));
        Arc::new(Self { store: Arc::clone(store), writes: AtomicUsize::new(0), before })
    }
}

impl TokenStore for Meanwhile {
    fn load<'a>(&'a self, account: &'a str) -> Answer<'a, Option<Stored>> {
        self.store.load(account)
    }

    fn replace<'a>(
        &'a self,
        account: &'a str,
        expected: Option<Version>,
        next: Version,
        content: Option<&'a [u8]>,
    ) -> Answer<'a, bool> {
        let write = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
        let what = self.before.lock().unwrap().take_if(|(at, _)| *at == write);
        Box::pin(async move {
            if let Some((_, what)) = what {
                what.await;
            }
            self.store.replace(account, expected, next, content).await
        })
    }

    fn accounts<'a>(&'a self, after: Option<&'a str>, limit: usize) -> Answer<'a, Vec<String>> {
        self.store.accounts(after, limit)
    }
}

/// A machine that sleeps between the lease and the request: others may have taken the lease over.
#[tokio::test]
async fn a_lease_that_was_slept_through_is_taken_again() {
    let (peer, clock) = (Peer::start(granted()).await, Arc::<TestClock>::default());
    let sleeping = Arc::clone(&clock);
    let sleep = async move { sleeping.advance(Duration::from_secs(5)) };
    // The first write is the test's own, the second the lease.
    let store = Meanwhile::before_write(2, &Arc::default(), sleep);
    let manager = builder(&peer, &clock).shared_store(Arc::clone(&store) as _, keys()).build();
    let account = expired(&manager, &clock, "jill", "rt").await;
    assert_eq!(account.access_token().await.unwrap().expose(), "at");
    assert_eq!(peer.heard().len(), 1);
    let writes = store.writes.load(Ordering::SeqCst);
    assert_eq!(writes, 4, "inserted, slept through, taken again, stored");
}

#[tokio::test]
async fn a_refusal_counts_for_nothing_where_a_sibling_was_faster() {
    let (peer, clock) =
        (Peer::start(answer("400 Bad Request", "", INVALID_GRANT)).await, Arc::<TestClock>::default());
    let kept = Arc::default();
    let sibling = builder(&peer, &clock).shared_store(Arc::clone(&kept) as _, keys()).build();
    let now = clock.wall();
    let renews = async move {
        sibling.insert("jill", tokens("the sibling's", "rt2", DAY), now).await.unwrap();
    };
    // Inserted, leased, and then the grant would be marked as ended.
    let store = Meanwhile::before_write(3, &kept, renews);
    let manager = builder(&peer, &clock).shared_store(store, keys()).build();
    let account = expired(&manager, &clock, "jill", "rt").await;
    assert_eq!(account.access_token().await.unwrap().expose(), "the sibling's");
    assert_eq!(peer.heard().len(), 1);
}

#[tokio::test]
async fn what_is_sealed_for_another_is_not_opened() {
    let (peer, clock) = (Peer::start(granted()).await, Arc::<TestClock>::default());
    let store = Arc::new(MemoryTokenStore::default());
    let manager = builder(&peer, &clock).shared_store(store.clone(), keys()).build();
    manager.insert("jill", tokens("old", "rt", DAY), clock.wall()).await.unwrap();

    let other = builder(&peer, &clock).shared_store(store.clone(), SealingKeys::new(1, [2; 32])).build();
    assert!(matches!(other.account("jill").access_token().await, Err(TokenError::Unreadable)));
    let rolled = SealingKeys::new(2, [2; 32]).and(1, [1; 32]);
    let rolled = builder(&peer, &clock).shared_store(store.clone(), rolled).build();
    assert_eq!(rolled.account("jill").access_token().await.unwrap().expose(), "old");

    // Jill's grant under Jack's name.
    let stored = store.load("jill").await.unwrap().unwrap();
    store.replace("jack", None, 1, Some(&stored.content)).await.unwrap();
    assert!(matches!(manager.account("jack").access_token().await, Err(TokenError::Unreadable)));
}

#[tokio::test]
async fn an_account_without_a_grant_and_one_that_was_removed() {
    let (peer, clock) = (Peer::start(granted()).await, Arc::<TestClock>::default());
    let manager = builder(&peer, &clock).build();
    assert!(matches!(manager.account("nobody").access_token().await, Err(TokenError::NoGrant)));
    let account = manager.insert("jill", tokens("old", "rt", DAY), clock.wall()).await.unwrap();
    assert_eq!(manager.accounts(None, 10).await.unwrap(), ["jill"]);
    manager.remove("jill").await.unwrap();
    assert!(matches!(account.access_token().await, Err(TokenError::NoGrant)));
    assert!(manager.accounts(None, 10).await.unwrap().is_empty());
}
