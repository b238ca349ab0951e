//! What all accounts of a manager share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;

use super::endpoint::Endpoint;
use super::environment::{self, Clock, Random, Spawner};
use super::error::TokenError;
use super::event::TokenEvent;
use super::host::Host;
use super::record::{LONGEST_LEASE, Record};
use super::running::Running;
use super::seal::SealingKeys;
use super::store::{TokenStore, Version};

/// What all accounts of a manager share.
pub(super) struct Shared {
    pub(super) endpoint: Arc<dyn Endpoint>,
    pub(super) client_id: String,
    pub(super) store: Arc<dyn TokenStore>,
    pub(super) keys: SealingKeys,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) spawner: Arc<dyn Spawner>,
    pub(super) host: Arc<Host>,
    pub(super) running: Running,
    pub(super) oauth_host: String,
    /// Of one request, from beginning to end.
    pub(super) timeout: Duration,
    pub(super) events: broadcast::Sender<(Arc<str>, TokenEvent)>,
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

    /// One that nobody has had before: 64 random bits.
    pub(super) fn number(&self) -> u64 {
        u64::from_le_bytes(environment::bytes(&*self.random))
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
