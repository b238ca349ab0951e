//! What all handlers share.

use std::sync::Arc;

use arc_swap::Guard;

use crate::admission::Admission;
use crate::client::switches::Rules;
use crate::config::Config;
use crate::consent::sign_in::SignIns;
use crate::emulator::Emulator;
use crate::http::forwarded::ProxyNetwork;
use crate::limits::Limits;
use crate::live_keys::LiveKeys;
use crate::metrics::Metrics;
use crate::random::Random;
use crate::rate_limit::{Budget, Limiter, Subject};
use crate::readiness::Draining;
use crate::settings::{LiveSettings, Settings};
use crate::store::{Backend as _, Client, Rehash, Store, StoreError};
use crate::token::{KeyLookup, KeyRing, KeyedHash, Purpose};

/// Everything that answering a request takes.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) live_keys: LiveKeys,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) limiter: Limiter<Subject>,
    pub(crate) sign_ins: SignIns,
    /// Where tests may do what no client can.
    pub(crate) emulator: Option<Emulator>,
    pub(crate) live_settings: LiveSettings,
    pub(crate) policy: Policy,
    pub(crate) limits: Limits,
    pub(crate) admission: Arc<Admission>,
    pub(crate) metrics: Metrics,
    pub(crate) draining: Arc<Draining>,
}

impl App {
    /// The keys in use.
    pub(crate) fn keys(&self) -> Guard<Arc<KeyRing>> {
        self.live_keys.ring()
    }

    /// The settings in use.
    pub(crate) fn settings(&self) -> Guard<Arc<Settings>> {
        self.live_settings.now()
    }

    /// Whether `credential` is what `stored` was made from.
    ///
    /// # Errors
    /// Where the key that it was made with is not held here.
    pub(crate) async fn matches(
        &self,
        purpose: Purpose,
        credential: &str,
        stored: &KeyedHash,
    ) -> Result<bool, StoreError> {
        let is_known = !matches!(self.keys().find(KeyRing::maker(stored)), KeyLookup::Unknown);
        if !is_known {
            self.live_keys.learn(&self.store).await?;
        }
        self.keys().matches(purpose, credential, stored).ok_or(StoreError::Unavailable)
    }

    /// Looks for what is kept under a hash of this credential, by any of the keys.
    ///
    /// # Errors
    /// Where it may be kept under a key that is not held here.
    pub(crate) async fn find_hashed<T, F>(
        &self,
        purpose: Purpose,
        credential: &str,
        find: impl Fn(Vec<KeyedHash>) -> F,
    ) -> Result<Option<T>, StoreError>
    where
        F: Future<Output = Result<Option<T>, StoreError>>,
    {
        let hashes = || self.keys().hashes(purpose, credential);
        if let Some(found) = find(hashes()).await? {
            return Ok(Some(found));
        }
        if self.live_keys.learn(&self.store).await?
            && let Some(found) = find(hashes()).await?
        {
            return Ok(Some(found));
        }
        if self.keys().is_incomplete() { Err(StoreError::Unavailable) } else { Ok(None) }
    }

    /// Takes over what the database says of keys and settings.
    pub(crate) async fn refresh(&self) {
        self.live_keys.refresh(&self.store).await;
        if let Some(settings) = self.live_settings.refresh(&self.store).await {
            self.limiter.set(settings.rate_limit);
        }
    }

    /// What holds for an app.
    pub(crate) fn rules(&self, client: &Client) -> Rules {
        Rules::of(client, &self.settings())
    }

    /// Takes one request from a budget, and counts it if that is used up.
    pub(crate) fn charge(&self, subject: &Subject) -> Budget {
        let budget = self.limiter.charge(subject, self.store.now());
        if !budget.is_within {
            self.metrics.requests.rate_limited(subject);
        }
        budget
    }

    /// Has a credential that was used kept under the issuing key, where it is not yet: so that a key
    /// that is rolled out of use ends up with nothing that depends on it.
    pub(crate) fn keep_under_issuing_key(&self, purpose: Purpose, credential: &str, stored: KeyedHash) {
        if KeyRing::maker(&stored) != self.keys().issuing().id() {
            let to = self.keys().hash(purpose, credential);
            self.store.note_rehash(Rehash { purpose, from: stored, to });
        }
    }
}

/// What a server was started with, and keeps.
#[derive(Debug)]
pub(crate) struct Policy {
    /// An origin, without a slash at its end.
    pub(crate) public_url: Option<String>,
    /// Who is believed about where a request came from.
    pub(crate) trusted_proxies: Vec<ProxyNetwork>,
    /// The address of the account that approves everything, where there is one.
    pub(crate) auto_approve: Option<String>,
}

impl Policy {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            public_url: config.public_url.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            auto_approve: config.auto_approve.clone(),
        }
    }
}
