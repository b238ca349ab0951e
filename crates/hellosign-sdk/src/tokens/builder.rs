//! A manager's settings.

use std::sync::Arc;

use hellosign_wire::secret::ClientSecret;
use tokio::sync::broadcast;

use super::endpoint::Endpoints;
use super::environment::{self, Clock, Random, Spawner, SystemClock, SystemRandom, TokioSpawner};
use super::host::Host;
use super::manager::TokenManager;
use super::running::Running;
use super::seal::SealingKeys;
use super::shared::Shared;
use super::store::{MemoryTokenStore, TokenStore};
use crate::apis::OAuthApi;
use crate::client::ApiClient;

/// How many requests of renewals may be under way at once.
const AT_ONCE: usize = 16;
/// How many events a subscriber may be behind.
const EVENTS: usize = 1024;

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

impl TokenManagerBuilder {
    pub(super) fn new(client: &ApiClient, client_id: String, client_secret: ClientSecret) -> Self {
        Self {
            client: client.clone(),
            client_id,
            client_secret,
            store: Arc::new(MemoryTokenStore::default()),
            keys: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            spawner: Arc::new(TokioSpawner::default()),
        }
    }

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
            client_id: self.client_id.clone(),
            endpoint: Arc::new(Endpoints {
                oauth: OAuthApi::new(&self.client.without_retries()),
                client_id: self.client_id,
                client_secret: self.client_secret,
            }),
            store: self.store,
            keys,
            clock: self.clock,
            random: self.random,
            spawner: self.spawner,
            host: Arc::new(Host::new(AT_ONCE)),
            running: Running::default(),
            events: broadcast::Sender::new(EVENTS),
        };
        TokenManager::new(shared)
    }
}
