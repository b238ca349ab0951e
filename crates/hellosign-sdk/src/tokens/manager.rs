//! Tokens of many accounts.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use arc_swap::Guard;
use hellosign_wire::secret::{AccessToken, ClientSecret};
use hellosign_wire::token::OAuthTokenResponse;
use tokio::sync::{broadcast, watch};

use super::environment::{self, Clock, Random, Spawner, SystemClock, SystemRandom, TokioSpawner};
use super::error::TokenError;
use super::fresh::Fresh;
use super::host::Host;
use super::record::{LONGEST_LEASE, Record, millis};
use super::seal::SealingKeys;
use super::slot::Slot;
use super::store::{TokenStore, Version};
use crate::apis::OAuthApi;
use crate::authorization::Authorized;
use crate::client::ApiClient;
use crate::error::ApiError;

/// How many accounts stay in memory although nobody has a handle of them.
const KEPT: usize = 10_000;
/// How many requests of renewals may be under way at once.
const AT_ONCE: usize = 16;
/// How many events a subscriber may be behind.
const EVENTS: usize = 1024;

/// Keeps the tokens of any number of accounts fresh. Cheap to clone; clones are the same manager.
///
/// One renewal goes on for an account at a time, here and in all other processes on the same store; all
/// who need its token wait for that one. Before the refresh token is sent the store has a lease, and
/// before the new token is handed out the store has it: a process may be killed at any moment.
///
/// ```no_run
/// use hellosign_sdk::authorization::Authorized;
/// use hellosign_sdk::tokens::{FileTokenStore, SealingKeys, TokenManager};
/// use hellosign_sdk::{ApiClient, Configuration};
///
/// # async fn example(key: [u8; 32]) -> Result<(), Box<dyn std::error::Error>> {
/// let client = ApiClient::new(Configuration::default());
/// let manager = TokenManager::builder(&client, "cc91c61d00f8bb2ece1428035716b", "1d14434088507ffa390e6f5528465")
///     .store(FileTokenStore::open("tokens")?, SealingKeys::new(1, key))
///     .build();
/// // What the callback was called with; `authorization` has the whole way there.
/// let authorized = Authorized::new("1b0d28d90c86c141", "900e06e2");
/// let jill = manager.exchange("jill", &authorized).await?;
///
/// let token = jill.access_token().await?;
/// println!("Authorization: Bearer {} characters", token.expose().len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct TokenManager {
    shared: Arc<Shared>,
}

/// Settings of a [`TokenManager`].
#[derive(Debug)]
#[must_use]
pub struct TokenManagerBuilder {
    client: ApiClient,
    client_id: String,
    client_secret: ClientSecret,
    store: Arc<dyn TokenStore>,
    keys: Option<SealingKeys>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    spawner: Arc<dyn Spawner>,
}

/// What all handles of a manager share.
pub(super) struct Shared {
    pub(super) oauth: OAuthApi,
    pub(super) client_id: String,
    pub(super) client_secret: ClientSecret,
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) keys: SealingKeys,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) spawner: Arc<dyn Spawner>,
    pub(super) host: Arc<Host>,
    pub(super) running: Running,
    oauth_host: String,
    /// Of one request, from beginning to end.
    timeout: Duration,
    events: broadcast::Sender<(Arc<str>, TokenEvent)>,
    accounts: Mutex<Accounts>,
}

/// Accounts that are in use: by a handle, or lately.
#[derive(Default)]
struct Accounts {
    slots: HashMap<Arc<str>, Weak<Slot>>,
    lately: VecDeque<Arc<Slot>>,
    sweep_at: usize,
}

/// What has happened to an account's token.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TokenEvent {
    /// This process has renewed it.
    Renewed,
    /// An attempt to find or renew it has failed.
    Failed(TokenError),
}

/// What a manager has to tell, from the moment of [`TokenManager::subscribe`] on.
#[derive(Debug)]
pub struct TokenEvents(broadcast::Receiver<(Arc<str>, TokenEvent)>);

impl TokenEvents {
    /// The next event and its account. One who is more than a thousand events behind misses the oldest.
    /// `None` when the manager has gone.
    ///
    /// ```no_run
    /// # use hellosign_sdk::tokens::{TokenEvent, TokenManager};
    /// # async fn example(manager: TokenManager) {
    /// let mut events = manager.subscribe();
    /// while let Some((account, event)) = events.next().await {
    ///     println!("{account}: {event:?}");
    /// }
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<(Arc<str>, TokenEvent)> {
        loop {
            match self.0.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

impl TokenManagerBuilder {
    /// Keeps grants there, sealed with these keys. By default they are kept in memory.
    pub fn store(self, store: impl TokenStore + 'static, keys: SealingKeys) -> Self {
        self.shared_store(Arc::new(store), keys)
    }

    /// The same for a store that others have, too.
    pub fn shared_store(mut self, store: Arc<dyn TokenStore>, keys: SealingKeys) -> Self {
        self.store = store;
        self.keys = Some(keys);
        self
    }

    /// Where times come from: the operating system, by default.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Where randomness comes from: the operating system, by default.
    pub fn random(mut self, random: Arc<dyn Random>) -> Self {
        self.random = random;
        self
    }

    /// What renewals run on: the caller's tokio runtime, by default.
    pub fn spawner(mut self, spawner: Arc<dyn Spawner>) -> Self {
        self.spawner = spawner;
        self
    }

    /// The manager.
    #[must_use]
    pub fn build(self) -> TokenManager {
        let keys = self.keys.unwrap_or_else(|| SealingKeys::new(0, environment::bytes(&*self.random)));
        let configuration = self.client.configuration();
        let shared = Shared {
            oauth_host: configuration.oauth_host().to_owned(),
            timeout: configuration.timeout,
            oauth: OAuthApi::new(&self.client.without_retries()),
            client_id: self.client_id,
            client_secret: self.client_secret,
            store: self.store,
            keys,
            clock: self.clock,
            random: self.random,
            spawner: self.spawner,
            host: Arc::new(Host::new(AT_ONCE)),
            running: Running::default(),
            events: broadcast::Sender::new(EVENTS),
            accounts: Mutex::default(),
        };
        TokenManager { shared: Arc::new(shared) }
    }
}

impl TokenManager {
    /// Settings, with the client whose connections and OAuth host are used, and the app's credentials.
    /// A renewal is a single request, whatever the client's retry policy: the manager spaces its attempts
    /// itself.
    pub fn builder(
        client: &ApiClient,
        client_id: impl Into<String>,
        client_secret: impl Into<ClientSecret>,
    ) -> TokenManagerBuilder {
        TokenManagerBuilder {
            client: client.clone(),
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            store: Arc::new(super::MemoryTokenStore::default()),
            keys: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            spawner: Arc::new(TokioSpawner::default()),
        }
    }

    /// An account's token. The name is the program's own: a user's id, say. Nothing is read or sent yet.
    #[must_use]
    pub fn account(&self, name: &str) -> AccountToken {
        AccountToken { slot: self.shared.slot(name), shared: Arc::clone(&self.shared) }
    }

    /// Exchanges a code and keeps what it is exchanged for.
    ///
    /// A code is good once, so the store is asked first whether it is there.
    ///
    /// # Errors
    /// [`TokenError::Refused`] where the code is refused, [`TokenError::Unavailable`] where no answer came
    /// (the user may have to authorize again), [`TokenError::Store`] for the store.
    pub async fn exchange(&self, account: &str, authorized: &Authorized) -> Result<AccountToken, TokenError> {
        self.shared.store.load(account).await?;
        let requested_at = self.shared.clock.wall();
        let (id, secret) = (self.shared.client_id.as_str(), self.shared.client_secret.clone());
        let tokens = self.shared.oauth.exchange(id, secret, authorized).await.map_err(refused)?;
        self.insert(account, tokens, requested_at).await
    }

    /// Keeps tokens that the program got otherwise, in place of any that were kept for this account.
    /// `requested_at` is when their request was sent: their lifetime is counted from there.
    ///
    /// # Errors
    /// [`TokenError::NoGrant`] where there is no refresh token among them, [`TokenError::Store`] for the
    /// store.
    pub async fn insert(
        &self,
        account: &str,
        tokens: OAuthTokenResponse,
        requested_at: SystemTime,
    ) -> Result<AccountToken, TokenError> {
        let shared = &self.shared;
        let refresh_token = tokens.refresh_token.clone().ok_or(TokenError::NoGrant)?;
        let record = Record::new(tokens, refresh_token, shared.number(), millis(requested_at));
        let handle = self.account(account);
        loop {
            let known = shared.store.load(account).await?.map(|stored| stored.version);
            let sealed = shared.keys.seal(&record, &shared.context(account), &*shared.random);
            if shared.store.replace(account, known, shared.number(), Some(&sealed)).await? {
                handle.slot.put(Arc::new(Fresh::found(&record, &*shared.clock, &*shared.random)));
                return Ok(handle);
            }
        }
    }

    /// Ends an account's grant at the server (RFC 7009) and forgets it here. The vendor's service has no such
    /// endpoint: there a user ends it in the account's settings.
    ///
    /// # Errors
    /// [`TokenError::NoGrant`] and [`TokenError::GrantDead`] where there is nothing to end,
    /// [`TokenError::Refused`] where the server does not do it, [`TokenError::Unavailable`] where it does not
    /// answer: the grant is kept then.
    ///
    /// ```no_run
    /// # use hellosign_sdk::tokens::{TokenError, TokenManager};
    /// # async fn example(manager: TokenManager) -> Result<(), TokenError> {
    /// manager.revoke("jill").await
    /// # }
    /// ```
    pub async fn revoke(&self, account: &str) -> Result<(), TokenError> {
        let shared = &self.shared;
        let (_, record) = shared.load(account).await?;
        let revoked =
            shared.oauth.revoke(&shared.client_id, &shared.client_secret, &record.refresh_token).await;
        revoked.map_err(refused)?;
        self.remove(account).await
    }

    /// Forgets an account's grant. It goes on to exist at the server.
    ///
    /// # Errors
    /// [`TokenError::Store`] for the store.
    pub async fn remove(&self, account: &str) -> Result<(), TokenError> {
        let shared = &self.shared;
        while let Some(stored) = shared.store.load(account).await? {
            if shared.store.replace(account, Some(stored.version), shared.number(), None).await? {
                break;
            }
        }
        shared.slot(account).clear();
        Ok(())
    }

    /// Accounts that a grant is kept for, in the order of their names, after this one, at most so many.
    ///
    /// # Errors
    /// [`TokenError::Store`] for the store.
    pub async fn accounts(&self, after: Option<&str>, limit: usize) -> Result<Vec<String>, TokenError> {
        Ok(self.shared.store.accounts(after, limit).await?)
    }

    /// Tells what happens from now on.
    #[must_use]
    pub fn subscribe(&self) -> TokenEvents {
        TokenEvents(self.shared.events.subscribe())
    }

    /// Starts no renewal any more, and waits until those that are under way have been stored. Tokens that
    /// are good are handed out as before.
    pub async fn shutdown(&self) {
        self.shared.running.shut_down().await;
    }
}

/// One account's token. Cheap to clone; keep it as long as the account is in use.
#[derive(Debug, Clone)]
pub struct AccountToken {
    pub(super) slot: Arc<Slot>,
    pub(super) shared: Arc<Shared>,
}

/// An access token that was good when it was handed out.
pub struct FreshToken(Guard<Option<Arc<Fresh>>>);

impl AccountToken {
    /// A token that is good: the one in memory, or else the one in the store, or else a new one. In the
    /// last tenth of its lifetime a new one is fetched in the background.
    ///
    /// It may be dropped at any moment: what was begun goes on for the others.
    ///
    /// # Errors
    /// [`TokenError`] says what to do.
    ///
    /// ```no_run
    /// # use hellosign_sdk::tokens::{AccountToken, TokenError};
    /// # async fn example(jill: AccountToken) -> Result<(), TokenError> {
    /// match jill.access_token().await {
    ///     Ok(token) => println!("a token of {} characters", token.expose().len()),
    ///     Err(error) if error.needs_authorization() => println!("send jill to the authorization page"),
    ///     Err(error) if error.is_transient() => println!("later: {error}"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn access_token(&self) -> Result<FreshToken, TokenError> {
        // A guard rather than a count: threads that ask for one account do not slow each other down.
        let current = self.slot.current.load();
        let seen = current.as_ref().map(|fresh| fresh.serial);
        if let Some(fresh) = &*current {
            let now = self.shared.clock.monotonic();
            if fresh.is_usable_at(now, self.shared.clock.wall()) {
                if fresh.due <= now {
                    self.slot.renew_early(&self.shared, fresh.serial);
                }
                return Ok(FreshToken(current));
            }
        }
        drop(current);
        let fresh = self.slot.token(&self.shared, seen).await?;
        Ok(FreshToken(Guard::from_inner(Some(fresh))))
    }

    /// Says that the API did not take this token. If it is still the current one the next call of
    /// [`access_token`](Self::access_token) renews it, at most once a minute.
    pub fn invalidate(&self, token: &FreshToken) {
        self.slot.invalidate(token.fresh().serial, self.shared.clock.monotonic());
    }

    /// The account's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.slot.account
    }
}

impl FreshToken {
    fn fresh(&self) -> &Fresh {
        self.0.as_deref().expect("it is made of a token")
    }

    /// The token itself, to be sent and not to be shown.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.fresh().access_token.expose()
    }

    /// The token, to be given on.
    #[must_use]
    pub fn access_token(&self) -> &AccessToken {
        &self.fresh().access_token
    }
}

impl Clone for FreshToken {
    fn clone(&self) -> Self {
        Self(Guard::from_inner(self.0.clone()))
    }
}

impl fmt::Debug for FreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FreshToken([redacted])")
    }
}

impl Shared {
    /// How long a lease lasts: a request from beginning to end, and as much again for what comes before and
    /// after it.
    pub(super) fn lease(&self) -> Duration {
        (self.timeout * 2).min(LONGEST_LEASE)
    }

    /// How long after a lease was taken a request may still be begun.
    pub(super) fn slack(&self) -> Duration {
        self.timeout / 2
    }

    /// What a stored grant belongs to: no other account, host or client can open it.
    pub(super) fn context(&self, account: &str) -> Vec<u8> {
        [&*self.oauth_host, &*self.client_id, account].join("\n").into_bytes()
    }

    /// What is stored of a grant that has not ended.
    pub(super) async fn load(&self, account: &str) -> Result<(Version, Record), TokenError> {
        let stored = self.store.load(account).await?.ok_or(TokenError::NoGrant)?;
        let record: Option<Record> = self.keys.open(&stored.content, &self.context(account));
        let record = record.ok_or(TokenError::Unreadable)?;
        match record.ended {
            Some(ended) => Err(TokenError::GrantDead { answer_lost: ended.answer_lost }),
            None => Ok((stored.version, record)),
        }
    }

    pub(super) fn tell(&self, account: &Arc<str>, event: TokenEvent) {
        // Nobody has to listen.
        let _ = self.events.send((Arc::clone(account), event));
    }

    fn number(&self) -> u64 {
        u64::from_le_bytes(environment::bytes(&*self.random))
    }

    /// The one slot of an account.
    fn slot(&self, name: &str) -> Arc<Slot> {
        let mut accounts = self.accounts();
        if let Some(slot) = accounts.slots.get(name).and_then(Weak::upgrade) {
            return slot;
        }
        if accounts.slots.len() >= accounts.sweep_at {
            accounts.slots.retain(|_, slot| slot.strong_count() > 0);
            accounts.sweep_at = (accounts.slots.len() * 2).max(KEPT);
        }
        let slot = Arc::new(Slot::new(Arc::from(name)));
        accounts.slots.insert(Arc::clone(&slot.account), Arc::downgrade(&slot));
        accounts.lately.push_back(Arc::clone(&slot));
        if accounts.lately.len() > KEPT {
            accounts.lately.pop_front();
        }
        slot
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenManager")
            .field("oauth_host", &self.oauth_host)
            .field("client_id", &self.client_id)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

fn refused(error: ApiError) -> TokenError {
    let error = Arc::new(error);
    if error.is_transient() {
        TokenError::Unavailable { retry_after: error.retry_after().unwrap_or_default(), source: Some(error) }
    } else {
        TokenError::Refused(error)
    }
}

/// Renewals that are under way.
#[derive(Debug)]
pub(super) struct Running(watch::Sender<(usize, bool)>);

impl Default for Running {
    fn default() -> Self {
        Self(watch::Sender::new((0, false)))
    }
}

impl Running {
    /// Counts one more until the guard is dropped; `None` after a shutdown.
    pub(super) fn start(&self) -> Option<OneMore> {
        let mut is_shut_down = false;
        self.0.send_modify(|(running, shut_down)| {
            is_shut_down = *shut_down;
            *running += usize::from(!*shut_down);
        });
        (!is_shut_down).then(|| OneMore(self.0.clone()))
    }

    async fn shut_down(&self) {
        self.0.send_modify(|(_, shut_down)| *shut_down = true);
        // The sender is here, so that it does not close.
        let _ = self.0.subscribe().wait_for(|(running, _)| *running == 0).await;
    }
}

pub(super) struct OneMore(watch::Sender<(usize, bool)>);

impl Drop for OneMore {
    fn drop(&mut self) {
        self.0.send_modify(|(running, _)| *running -= 1);
    }
}
