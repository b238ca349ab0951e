//! Tokens of many accounts.

use std::sync::Arc;
use std::time::SystemTime;

use hellosign_wire::secret::ClientSecret;
use hellosign_wire::token::OAuthTokenResponse;
use tokio::sync::oneshot;

use super::account::AccountToken;
use super::accounts::Accounts;
use super::builder::TokenManagerBuilder;
use super::error::TokenError;
use super::event::TokenEvents;
use super::fresh::Fresh;
use super::record::{Record, millis};
use super::shared::Shared;
use crate::authorization::Authorized;
use crate::client::ApiClient;
use crate::error::ApiError;

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
    accounts: Arc<Accounts>,
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
        TokenManagerBuilder::new(client, client_id.into(), client_secret.into())
    }

    pub(super) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared), accounts: Arc::default() }
    }

    /// An account's token. The name is the program's own: a user's id, say. Nothing is read or sent yet.
    #[must_use]
    pub fn account(&self, name: &str) -> AccountToken {
        AccountToken { slot: self.accounts.slot(name), shared: Arc::clone(&self.shared) }
    }

    /// Exchanges a code and keeps what it is exchanged for. A code is good once: so the store is asked first
    /// whether it is there, and what was begun is ended, whether or not anybody waits for it.
    ///
    /// # Errors
    /// [`TokenError::Refused`] where the code is refused, [`TokenError::Unavailable`] where no answer came
    /// (the user may have to authorize again), [`TokenError::NoGrant`] where there is no refresh token in the
    /// answer, [`TokenError::Store`] for the store, [`TokenError::ShutDown`] after a shutdown.
    pub async fn exchange(&self, account: &str, authorized: &Authorized) -> Result<AccountToken, TokenError> {
        let (account, authorized) = (account.to_owned(), authorized.clone());
        self.to_its_end(|manager| async move {
            let shared = &manager.shared;
            shared.store.load(&account).await?;
            let requested_at = shared.clock.wall();
            let tokens = shared.endpoint.exchange(&authorized).await.map_err(refused)?;
            manager.keep(&account, tokens, requested_at).await
        })
        .await
    }

    /// Keeps tokens that the program got otherwise, in place of any that were kept for this account.
    /// `requested_at` is when their request was sent: their lifetime is counted from there.
    ///
    /// # Errors
    /// [`TokenError::NoGrant`] where there is no refresh token among them, [`TokenError::Store`] for the
    /// store, [`TokenError::ShutDown`] after a shutdown.
    pub async fn insert(
        &self,
        account: &str,
        tokens: OAuthTokenResponse,
        requested_at: SystemTime,
    ) -> Result<AccountToken, TokenError> {
        let account = account.to_owned();
        self.to_its_end(|manager| async move { manager.keep(&account, tokens, requested_at).await }).await
    }

    /// Ends an account's grant at the server (RFC 7009) and forgets it here. The vendor's service has no such
    /// endpoint: there a user ends it in the account's settings.
    ///
    /// # Errors
    /// [`TokenError::NoGrant`] and [`TokenError::GrantDead`] where there is nothing to end,
    /// [`TokenError::Refused`] where the server does not do it, [`TokenError::Unavailable`] where it does not
    /// answer: the grant is kept then. [`TokenError::ShutDown`] after a shutdown.
    ///
    /// ```no_run
    /// # use hellosign_sdk::tokens::{TokenError, TokenManager};
    /// # async fn example(manager: TokenManager) -> Result<(), TokenError> {
    /// manager.revoke("jill").await
    /// # }
    /// ```
    pub async fn revoke(&self, account: &str) -> Result<(), TokenError> {
        let account = account.to_owned();
        self.to_its_end(|manager| async move {
            let (_, record) = manager.shared.load(&account).await?;
            manager.shared.endpoint.revoke(&record.refresh_token).await.map_err(refused)?;
            manager.forget(&account).await
        })
        .await
    }

    /// Forgets an account's grant. It goes on to exist at the server.
    ///
    /// # Errors
    /// [`TokenError::Store`] for the store, [`TokenError::ShutDown`] after a shutdown.
    pub async fn remove(&self, account: &str) -> Result<(), TokenError> {
        let account = account.to_owned();
        self.to_its_end(|manager| async move { manager.forget(&account).await }).await
    }

    /// Work that a caller who goes away does not end, and that a shutdown waits for: store and memory say the
    /// same when it is done.
    async fn to_its_end<T, W>(&self, work: impl FnOnce(Self) -> W) -> Result<T, TokenError>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, TokenError>> + Send + 'static,
    {
        let running = self.shared.running.start().ok_or(TokenError::ShutDown)?;
        let (sender, done) = oneshot::channel();
        let work = work(self.clone());
        self.shared.spawner.spawn(Box::pin(async move {
            // Nobody has to wait for it.
            let _ = sender.send(work.await);
            drop(running);
        }));
        done.await.unwrap_or(Err(TokenError::Interrupted))
    }

    async fn keep(
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

    async fn forget(&self, account: &str) -> Result<(), TokenError> {
        let shared = &self.shared;
        while let Some(stored) = shared.store.load(account).await? {
            if shared.store.replace(account, Some(stored.version), shared.number(), None).await? {
                break;
            }
        }
        self.accounts.slot(account).clear();
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

    /// Begins nothing any more, and waits until what is under way has been stored: renewals, exchanges,
    /// revocations. Tokens that are good are handed out as before.
    pub async fn shutdown(&self) {
        self.shared.running.shut_down().await;
    }
}

/// What a request that is no renewal has failed with.
fn refused(error: ApiError) -> TokenError {
    let error = Arc::new(error);
    if error.is_transient() {
        TokenError::Unavailable { retry_after: error.retry_after().unwrap_or_default(), source: Some(error) }
    } else {
        TokenError::Refused(error)
    }
}
