//! The only place that knows how many databases there are.

use std::sync::Arc;
use std::time::Duration;

use super::model::{
    Account, AccountId, Client, Code, Grant, ImportReport, Inserted, NewAccount, NewClient, NewCode,
    NewGrant, Redeemed, Rehash, Session, SignInRecord, Updated,
};
use super::{Embedded, Postgres, StoreError};
use crate::clock::Timestamp;
use crate::token::{GrantId, KeyedHash, ListedKey};

/// What every backend does. A method that writes returns when the write is durable, and only then.
///
/// No method judges: conditions are equality with what was read, and the rules are in `grant`.
pub(crate) trait Backend {
    /// The database's time, never before a time that it has stored.
    fn now(&self) -> Timestamp;

    /// Takes note of a time that one of the nodes has given out: it is not in the future, however far this
    /// node's idea of the database's time lags behind.
    fn witness(&self, at: Timestamp);

    /// Whether the database can be relied on right now, without asking it: what is known.
    ///
    /// # Errors
    /// A sentence for people that says why not.
    fn readiness(&self) -> Result<(), String>;

    /// Brings the gauges of [`StoreMetrics`](crate::metrics::StoreMetrics) up to date, which are about to be read.
    fn measure(&self);

    /// Enters every token issued from now on; another one after each restore.
    fn epoch(&self) -> u32;

    /// The keys that the database knows, revoked ones included.
    fn list_keys(&self) -> impl Future<Output = Result<Vec<ListedKey>, StoreError>> + Send;

    /// Has the database know a key, unless it does.
    fn add_key(&self, key: ListedKey) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The settings that the database has for all its servers: names and values.
    fn list_settings(&self) -> impl Future<Output = Result<Vec<(String, String)>, StoreError>> + Send;

    /// Does what an operator has asked for beside the server, if anything: to let the database go elsewhere.
    fn heed_operator(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether the store has failed for good.
    fn has_failed(&self) -> bool;

    /// Completes when the store has failed for good, and the process has to end.
    fn failed(&self) -> impl Future<Output = ()> + Send;

    fn find_client(
        &self,
        client_id: &str,
    ) -> impl Future<Output = Result<Option<Arc<Client>>, StoreError>> + Send;

    /// One page of an account's apps, the oldest first, and how many there are on all pages.
    fn list_clients(
        &self,
        owner: AccountId,
        page: Page,
    ) -> impl Future<Output = Result<(Vec<Client>, u64), StoreError>> + Send;

    fn insert_client(&self, client: Client) -> impl Future<Output = Result<Inserted, StoreError>> + Send;

    /// Writes an app's row if it still has the revision that `next` has, and counts that up.
    fn update_client(&self, next: Client) -> impl Future<Output = Result<Updated, StoreError>> + Send;

    /// Forgets an app. Its codes and grants are worth nothing from then on.
    fn delete_client(&self, client_id: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Stores an account, and a grant of it where one is given, both or neither.
    fn insert_account(
        &self,
        account: Account,
        grant: Option<Grant>,
    ) -> impl Future<Output = Result<Inserted, StoreError>> + Send;

    /// Writes an account's row if it still has the revision that `next` has, and counts that up.
    fn update_account(&self, next: Account) -> impl Future<Output = Result<Updated, StoreError>> + Send;

    fn find_account(
        &self,
        account_id: AccountId,
    ) -> impl Future<Output = Result<Option<Arc<Account>>, StoreError>> + Send;

    /// By address, whatever its capitals.
    fn find_account_by_email(
        &self,
        email_address: &str,
    ) -> impl Future<Output = Result<Option<Arc<Account>>, StoreError>> + Send;

    /// By address, whatever its capitals.
    fn find_sign_in(
        &self,
        email_address: &str,
    ) -> impl Future<Output = Result<Option<SignInRecord>, StoreError>> + Send;

    /// By any of the hashes that an API key may be stored under; with the one that it is.
    fn find_account_by_api_key(
        &self,
        hashes: Vec<KeyedHash>,
    ) -> impl Future<Output = Result<Option<(Arc<Account>, KeyedHash)>, StoreError>> + Send;

    /// A grant as it was at most a second ago: enough for what an access token is good for.
    fn find_grant(
        &self,
        grant_id: GrantId,
    ) -> impl Future<Output = Result<Option<Arc<Grant>>, StoreError>> + Send;

    /// A grant as it is now, and its client and account at hand for who asks for them next.
    fn read_grant(
        &self,
        grant_id: GrantId,
    ) -> impl Future<Output = Result<Option<Arc<Grant>>, StoreError>> + Send;

    /// The grants of an account to an app that are not revoked.
    fn list_grants(
        &self,
        account_id: AccountId,
        client_id: &str,
    ) -> impl Future<Output = Result<Vec<Arc<Grant>>, StoreError>> + Send;

    /// The grant that an imported refresh token is generation 0 of, with the hash that it is stored under.
    fn find_imported(
        &self,
        hashes: Vec<KeyedHash>,
    ) -> impl Future<Output = Result<Option<(GrantId, KeyedHash)>, StoreError>> + Send;

    fn find_code(
        &self,
        hashes: Vec<KeyedHash>,
    ) -> impl Future<Output = Result<Option<Code>, StoreError>> + Send;

    /// Stores a code. One that is there already stays as it is: it was made from the same consent.
    fn insert_code(&self, code: Code) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Consumes a code and stores the grant that it becomes, both or neither (RFC 6749 §4.1.2). Where the
    /// account has given the app more than `most` grants, those issued longest ago are revoked.
    fn redeem_code(
        &self,
        hash: KeyedHash,
        grant: Grant,
        most: usize,
    ) -> impl Future<Output = Result<Redeemed, StoreError>> + Send;

    /// Writes a grant's row if it still has the revision that `next` has, and counts that up.
    fn update_grant(&self, next: Grant) -> impl Future<Output = Result<Updated, StoreError>> + Send;

    /// Waits until all that was read here is durable, for an answer that says so without a write of its own: what
    /// another request has written can be read before anybody was told that it is.
    fn settle(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Remembers that a generation was used, if it is still the one in force. Best effort: it is
    /// written within a second, and the caller does not wait.
    fn note_seen(&self, grant_id: GrantId, generation: u32);

    fn find_session(
        &self,
        hashes: Vec<KeyedHash>,
    ) -> impl Future<Output = Result<Option<Session>, StoreError>> + Send;

    fn insert_session(&self, session: Session) -> impl Future<Output = Result<(), StoreError>> + Send;

    fn delete_session(&self, hashes: Vec<KeyedHash>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Remembers when a session was used. Best effort, like [`Backend::note_seen`].
    fn note_session(&self, hash: KeyedHash, at: Timestamp);

    /// Keeps a credential under the issuing key from now on. Best effort, like [`Backend::note_seen`].
    fn note_rehash(&self, rehash: Rehash);

    /// Loads what was not loaded before, all or nothing.
    fn import(&self, import: Import) -> impl Future<Output = Result<ImportReport, StoreError>> + Send;

    /// Moves the time forward, for good: for tests, which cannot wait.
    fn advance(&self, span: Duration) -> impl Future<Output = Result<Timestamp, StoreError>> + Send;

    /// Forgets everything but the keys, and how far the time was moved, too; then loads what there is to begin
    /// with at this moment. For tests.
    fn reset(
        &self,
        begin: impl FnOnce(Timestamp) -> Import + Send,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forgets codes and sessions that have ended.
    fn purge(&self, ended: Ended) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes what the methods `note_…` have gathered.
    fn flush_notes(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// Counted from 1.
    pub(crate) number: u32,
    /// How much is on a page, 1 at least.
    pub(crate) size: u32,
}

impl Page {
    /// How much is on the pages before.
    pub(crate) fn offset(self) -> i64 {
        i64::from(self.number.saturating_sub(1)) * i64::from(self.size)
    }
}

/// What can be forgotten: everything that is no younger than this.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) codes_expired: Timestamp,
    pub(crate) sessions_seen: Timestamp,
    pub(crate) sessions_created: Timestamp,
}

/// What is loaded in one transaction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Import {
    pub(crate) accounts: Vec<NewAccount>,
    pub(crate) clients: Vec<NewClient>,
    pub(crate) codes: Vec<NewCode>,
    pub(crate) grants: Vec<NewGrant>,
}

/// The backend that a server runs on.
#[derive(Debug)]
pub(crate) enum Store {
    Embedded(Embedded),
    Postgres(Postgres),
}

/// The same call, of whichever backend it is.
macro_rules! either {
    ($store:ident, $backend:ident => $call:expr) => {
        match $store {
            Store::Embedded($backend) => $call,
            Store::Postgres($backend) => $call,
        }
    };
}

impl Backend for Store {
    fn now(&self) -> Timestamp {
        either!(self, b => b.now())
    }

    fn witness(&self, at: Timestamp) {
        either!(self, b => b.witness(at))
    }

    fn readiness(&self) -> Result<(), String> {
        either!(self, b => b.readiness())
    }

    fn measure(&self) {
        either!(self, b => b.measure())
    }

    fn epoch(&self) -> u32 {
        either!(self, b => b.epoch())
    }

    async fn list_keys(&self) -> Result<Vec<ListedKey>, StoreError> {
        either!(self, b => b.list_keys().await)
    }

    async fn add_key(&self, key: ListedKey) -> Result<(), StoreError> {
        either!(self, b => b.add_key(key).await)
    }

    async fn list_settings(&self) -> Result<Vec<(String, String)>, StoreError> {
        either!(self, b => b.list_settings().await)
    }

    async fn heed_operator(&self) -> Result<(), StoreError> {
        either!(self, b => b.heed_operator().await)
    }

    fn has_failed(&self) -> bool {
        either!(self, b => b.has_failed())
    }

    async fn failed(&self) {
        either!(self, b => b.failed().await)
    }

    async fn find_client(&self, client_id: &str) -> Result<Option<Arc<Client>>, StoreError> {
        either!(self, b => b.find_client(client_id).await)
    }

    async fn list_clients(&self, owner: AccountId, page: Page) -> Result<(Vec<Client>, u64), StoreError> {
        either!(self, b => b.list_clients(owner, page).await)
    }

    async fn insert_client(&self, client: Client) -> Result<Inserted, StoreError> {
        either!(self, b => b.insert_client(client).await)
    }

    async fn update_client(&self, next: Client) -> Result<Updated, StoreError> {
        either!(self, b => b.update_client(next).await)
    }

    async fn delete_client(&self, client_id: &str) -> Result<(), StoreError> {
        either!(self, b => b.delete_client(client_id).await)
    }

    async fn insert_account(&self, account: Account, grant: Option<Grant>) -> Result<Inserted, StoreError> {
        either!(self, b => b.insert_account(account, grant).await)
    }

    async fn update_account(&self, next: Account) -> Result<Updated, StoreError> {
        either!(self, b => b.update_account(next).await)
    }

    async fn find_account(&self, account_id: AccountId) -> Result<Option<Arc<Account>>, StoreError> {
        either!(self, b => b.find_account(account_id).await)
    }

    async fn find_account_by_email(&self, email_address: &str) -> Result<Option<Arc<Account>>, StoreError> {
        either!(self, b => b.find_account_by_email(email_address).await)
    }

    async fn find_sign_in(&self, email_address: &str) -> Result<Option<SignInRecord>, StoreError> {
        either!(self, b => b.find_sign_in(email_address).await)
    }

    async fn find_account_by_api_key(
        &self,
        hashes: Vec<KeyedHash>,
    ) -> Result<Option<(Arc<Account>, KeyedHash)>, StoreError> {
        either!(self, b => b.find_account_by_api_key(hashes).await)
    }

    async fn find_grant(&self, grant_id: GrantId) -> Result<Option<Arc<Grant>>, StoreError> {
        either!(self, b => b.find_grant(grant_id).await)
    }

    async fn read_grant(&self, grant_id: GrantId) -> Result<Option<Arc<Grant>>, StoreError> {
        either!(self, b => b.read_grant(grant_id).await)
    }

    async fn list_grants(
        &self,
        account_id: AccountId,
        client_id: &str,
    ) -> Result<Vec<Arc<Grant>>, StoreError> {
        either!(self, b => b.list_grants(account_id, client_id).await)
    }

    async fn find_imported(
        &self,
        hashes: Vec<KeyedHash>,
    ) -> Result<Option<(GrantId, KeyedHash)>, StoreError> {
        either!(self, b => b.find_imported(hashes).await)
    }

    async fn find_code(&self, hashes: Vec<KeyedHash>) -> Result<Option<Code>, StoreError> {
        either!(self, b => b.find_code(hashes).await)
    }

    async fn insert_code(&self, code: Code) -> Result<(), StoreError> {
        either!(self, b => b.insert_code(code).await)
    }

    async fn redeem_code(&self, hash: KeyedHash, grant: Grant, most: usize) -> Result<Redeemed, StoreError> {
        either!(self, b => b.redeem_code(hash, grant, most).await)
    }

    async fn update_grant(&self, next: Grant) -> Result<Updated, StoreError> {
        either!(self, b => b.update_grant(next).await)
    }

    async fn settle(&self) -> Result<(), StoreError> {
        either!(self, b => b.settle().await)
    }

    fn note_seen(&self, grant_id: GrantId, generation: u32) {
        either!(self, b => b.note_seen(grant_id, generation))
    }

    async fn find_session(&self, hashes: Vec<KeyedHash>) -> Result<Option<Session>, StoreError> {
        either!(self, b => b.find_session(hashes).await)
    }

    async fn insert_session(&self, session: Session) -> Result<(), StoreError> {
        either!(self, b => b.insert_session(session).await)
    }

    async fn delete_session(&self, hashes: Vec<KeyedHash>) -> Result<(), StoreError> {
        either!(self, b => b.delete_session(hashes).await)
    }

    fn note_session(&self, hash: KeyedHash, at: Timestamp) {
        either!(self, b => b.note_session(hash, at))
    }

    fn note_rehash(&self, rehash: Rehash) {
        either!(self, b => b.note_rehash(rehash))
    }

    async fn import(&self, import: Import) -> Result<ImportReport, StoreError> {
        either!(self, b => b.import(import).await)
    }

    async fn advance(&self, span: Duration) -> Result<Timestamp, StoreError> {
        either!(self, b => b.advance(span).await)
    }

    async fn reset(&self, begin: impl FnOnce(Timestamp) -> Import + Send) -> Result<(), StoreError> {
        either!(self, b => b.reset(begin).await)
    }

    async fn purge(&self, ended: Ended) -> Result<(), StoreError> {
        either!(self, b => b.purge(ended).await)
    }

    async fn flush_notes(&self) -> Result<(), StoreError> {
        either!(self, b => b.flush_notes().await)
    }
}
