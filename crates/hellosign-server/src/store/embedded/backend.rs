//! The operations: what is not cached is read, and what changes something is written and then shown.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quick_cache::sync::GuardResult;
use rusqlite::Connection;

use super::journal::Batch;
use super::{Embedded, Notes, current_grant, import, open, rows, server_keys};
use crate::clock::Timestamp;
use crate::metrics::{self, gauged};
use crate::store::StoreError;
use crate::store::dispatch::{Backend, Ended, Import, Page};
use crate::store::model::{
    Account, AccountId, Client, Code, Grant, ImportReport, Inserted, NewAccount, Redeemed, Rehash, Session,
    SignInRecord, Updated,
};
use crate::token::{GrantId, KeyedHash, ListedKey, Purpose};

impl Backend for Embedded {
    fn now(&self) -> Timestamp {
        let now = self.clock.now().as_millis().saturating_add(self.advanced.load(Ordering::Acquire));
        Timestamp::from_millis(self.last_time.fetch_max(now, Ordering::AcqRel).max(now))
    }

    fn witness(&self, _at: Timestamp) {
        // This process is the only node.
    }

    fn readiness(&self) -> Result<(), String> {
        if self.has_failed() {
            return Err("A write to the database has failed, and the server is about to end.".to_owned());
        }
        if self.moved.load(Ordering::Acquire) {
            return Err("The database has moved to PostgreSQL, and is served from there.".to_owned());
        }
        Ok(())
    }

    fn measure(&self) {
        let Notes { seen, rehashes, sessions } = &*self.notes();
        self.metrics.notes_waiting.set(gauged(seen.len() + rehashes.len() + sessions.len()));
        self.metrics.writes_waiting.set(gauged(self.writer.waiting()));
        self.metrics.journal_grants.set(gauged(self.journal.len()));
        for (kind, entries) in [
            (metrics::Cache::Clients, self.cached.clients.len()),
            (metrics::Cache::Accounts, self.cached.accounts.len()),
            (metrics::Cache::Grants, self.cached.grants.len()),
            (metrics::Cache::ImportedTokens, self.cached.imported.len()),
        ] {
            self.metrics.cached(kind, entries);
        }
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| gauged(file.len()));
        let path = &self.readers.path;
        self.metrics.database_bytes.set(size(path));
        self.metrics.wal_bytes.set(size(&path.with_extension("db-wal")));
    }

    async fn list_settings(&self) -> Result<Vec<(String, String)>, StoreError> {
        // There is one server, and it was told when it was started.
        Ok(Vec::new())
    }

    async fn heed_operator(&self) -> Result<(), StoreError> {
        let is_asked = open::request_to_move(&self.readers.path).exists();
        if !is_asked || self.moved.load(Ordering::Acquire) {
            return Ok(());
        }
        tracing::info!("the database is moving to PostgreSQL; from here on every request is answered 503");
        // What was noted goes along, and what is in flight is written before this, or not at all.
        self.flush_notes().await?;
        let moved = Arc::clone(&self.moved);
        let publish = move |(): &()| moved.store(true, Ordering::Release);
        self.writer.write(|batch| rows::set_moved(batch.db, true), publish).await
    }

    fn epoch(&self) -> u32 {
        self.epoch
    }

    async fn list_keys(&self) -> Result<Vec<ListedKey>, StoreError> {
        self.readers.read(server_keys::listed).await
    }

    async fn add_key(&self, key: ListedKey) -> Result<(), StoreError> {
        self.writer.write(move |batch| server_keys::add(batch.db, &key), |()| {}).await
    }

    fn has_failed(&self) -> bool {
        self.writer.has_failed()
    }

    async fn failed(&self) {
        self.writer.failed().await;
    }

    async fn find_client(&self, client_id: &str) -> Result<Option<Arc<Client>>, StoreError> {
        self.readers.check_here()?;
        if let Some(client) = self.cached.clients.get(client_id) {
            return Ok(Some(client));
        }
        self.cached(
            metrics::Cache::Clients,
            |cached| &cached.clients,
            client_id.to_owned(),
            |db, id| Ok(rows::client(db, id)?.map(Arc::new)),
        )
        .await
    }

    async fn list_clients(&self, owner: AccountId, page: Page) -> Result<(Vec<Client>, u64), StoreError> {
        self.readers.read(move |db| rows::clients_of(db, owner, page)).await
    }

    async fn insert_client(&self, client: Client) -> Result<Inserted, StoreError> {
        let insert = move |batch: &Batch<'_>| {
            if rows::client(batch.db, &client.client_id)?.is_some() {
                return Ok(Inserted::Taken);
            }
            rows::insert_client(batch.db, &client)?;
            Ok(Inserted::Done)
        };
        self.writer.write(insert, |_| {}).await
    }

    async fn update_client(&self, next: Client) -> Result<Updated, StoreError> {
        let cached = Arc::clone(&self.cached);
        let next = Arc::new(Client { revision: next.revision + 1, ..next });
        let stored = Arc::clone(&next);
        let update = move |batch: &Batch<'_>| {
            Ok(if rows::update_client(batch.db, &next)? { Updated::Done } else { Updated::Conflict })
        };
        let publish = move |updated: &Updated| {
            if matches!(updated, Updated::Done) {
                cached.clients.insert(stored.client_id.clone(), stored);
            }
        };
        self.writer.write(update, publish).await
    }

    async fn delete_client(&self, client_id: &str) -> Result<(), StoreError> {
        let cached = Arc::clone(&self.cached);
        let (client_id, deleted) = (client_id.to_owned(), client_id.to_owned());
        let delete = move |batch: &Batch<'_>| rows::delete_client(batch.db, &client_id);
        // Who is reading the row at this moment finds that he is late: his placeholder is removed, too.
        let publish = move |(): &()| drop(cached.clients.remove(&deleted));
        self.writer.write(delete, publish).await
    }

    async fn insert_account(&self, account: Account, grant: Option<Grant>) -> Result<Inserted, StoreError> {
        let cached = Arc::clone(&self.cached);
        let stored = grant.clone();
        let insert = move |batch: &Batch<'_>| {
            if rows::account_by_email(batch.db, &account.email_address)?.is_some() {
                return Ok(Inserted::Taken);
            }
            let new = NewAccount { fingerprints: Vec::new(), account, password_hash: None, api_key: None };
            rows::insert_account(batch.db, &new)?;
            grant.iter().try_for_each(|grant| rows::insert_grant(batch.db, grant))?;
            Ok(Inserted::Done)
        };
        let publish = move |inserted: &Inserted| {
            if let (Inserted::Done, Some(grant)) = (inserted, stored) {
                cached.grants.insert(grant.grant_id, Arc::new(grant));
            }
        };
        self.writer.write(insert, publish).await
    }

    async fn update_account(&self, next: Account) -> Result<Updated, StoreError> {
        let cached = Arc::clone(&self.cached);
        let next = Arc::new(Account { revision: next.revision + 1, ..next });
        let stored = Arc::clone(&next);
        let update = move |batch: &Batch<'_>| {
            Ok(if rows::update_account(batch.db, &next)? { Updated::Done } else { Updated::Conflict })
        };
        let publish = move |updated: &Updated| {
            if matches!(updated, Updated::Done) {
                cached.accounts.insert(stored.account_id, stored);
            }
        };
        self.writer.write(update, publish).await
    }

    async fn find_account(&self, account_id: AccountId) -> Result<Option<Arc<Account>>, StoreError> {
        self.cached(
            metrics::Cache::Accounts,
            |cached| &cached.accounts,
            account_id,
            |db, id| Ok(rows::account_by_id(db, *id)?.map(Arc::new)),
        )
        .await
    }

    async fn find_account_by_email(&self, email_address: &str) -> Result<Option<Arc<Account>>, StoreError> {
        let email_address = email_address.to_owned();
        let found = self.readers.read(move |db| rows::account_by_email(db, &email_address)).await?;
        Ok(found.map(Arc::new))
    }

    async fn find_sign_in(&self, email_address: &str) -> Result<Option<SignInRecord>, StoreError> {
        let email_address = email_address.to_owned();
        self.readers.read(move |db| rows::sign_in(db, &email_address)).await
    }

    async fn find_account_by_api_key(
        &self,
        hashes: Vec<KeyedHash>,
    ) -> Result<Option<(Arc<Account>, KeyedHash)>, StoreError> {
        let find = move |db: &Connection| rows::first_of(&hashes, |hash| rows::account_by_api_key(db, hash));
        Ok(self.readers.read(find).await?.map(|(account, hash)| (Arc::new(account), hash)))
    }

    async fn find_grant(&self, grant_id: GrantId) -> Result<Option<Arc<Grant>>, StoreError> {
        let journal = Arc::clone(&self.journal);
        let read = move |db: &Connection, id: &GrantId| current_grant(db, &journal, *id);
        self.cached(metrics::Cache::Grants, |cached| &cached.grants, grant_id, read).await
    }

    async fn read_grant(&self, grant_id: GrantId) -> Result<Option<Arc<Grant>>, StoreError> {
        self.find_grant(grant_id).await
    }

    async fn find_imported(
        &self,
        hashes: Vec<KeyedHash>,
    ) -> Result<Option<(GrantId, KeyedHash)>, StoreError> {
        self.readers.check_here()?;
        let known = hashes.iter().find_map(|hash| Some((self.cached.imported.get(hash)?, *hash)));
        if known.is_some() {
            return Ok(known);
        }
        self.metrics.cache_missed(metrics::Cache::ImportedTokens);
        let (journal, cached) = (Arc::clone(&self.journal), Arc::clone(&self.cached));
        let metrics = Arc::clone(&self.metrics);
        let find = move |db: &Connection| {
            let found = rows::first_of(&hashes, |hash| rows::imported_token(db, hash))?;
            // Who presents it is about to ask for its grant. If a commit is faster the cache has what it wrote.
            if let Some((grant_id, _)) = found
                && let GuardResult::Guard(guard) =
                    cached.grants.get_value_or_guard(&grant_id, Some(Duration::ZERO))
            {
                metrics.cache_missed(metrics::Cache::Grants);
                if let Some(grant) = current_grant(db, &journal, grant_id)? {
                    let _ = guard.insert(grant);
                }
            }
            Ok(found)
        };
        let found = self.readers.read(find).await?;
        if let Some((grant_id, hash)) = found {
            self.cached.imported.insert(hash, grant_id);
        }
        Ok(found)
    }

    async fn find_code(&self, hashes: Vec<KeyedHash>) -> Result<Option<Code>, StoreError> {
        let find = move |db: &Connection| rows::first_of(&hashes, |hash| rows::code(db, hash));
        Ok(self.readers.read(find).await?.map(|(code, _)| code))
    }

    async fn insert_code(&self, code: Code) -> Result<(), StoreError> {
        self.writer.write(move |batch| rows::insert_code(batch.db, &code), |()| {}).await
    }

    async fn redeem_code(&self, hash: KeyedHash, grant: Grant, most: usize) -> Result<Redeemed, StoreError> {
        let cached = Arc::clone(&self.cached);
        let stored = grant.clone();
        let redeem = move |batch: &Batch<'_>| {
            let db = batch.db;
            if rows::consume_code(db, &hash, &grant)? {
                rows::insert_grant(db, &grant)?;
                return Ok((Redeemed::Fresh, batch.revoke_surplus(&grant, most)?));
            }
            let redeemed = match rows::code(db, &hash)?.and_then(|code| code.redeemed) {
                // A retried commit that finds its own grant has succeeded.
                Some((grant_id, _)) if grant_id == grant.grant_id => Redeemed::Fresh,
                Some((grant_id, at)) => Redeemed::Spent { grant_id, at },
                None => Redeemed::Gone,
            };
            Ok((redeemed, Vec::new()))
        };
        let publish = move |(redeemed, revoked): &(Redeemed, Vec<Arc<Grant>>)| {
            if *redeemed == Redeemed::Fresh {
                cached.grants.insert(stored.grant_id, Arc::new(stored));
            }
            for grant in revoked {
                cached.grants.insert(grant.grant_id, Arc::clone(grant));
            }
        };
        Ok(self.writer.write(redeem, publish).await?.0)
    }

    async fn list_grants(
        &self,
        account_id: AccountId,
        client_id: &str,
    ) -> Result<Vec<Arc<Grant>>, StoreError> {
        let client_id = client_id.to_owned();
        let listed = self.readers.read(move |db| rows::grants_between(db, account_id, &client_id)).await?;
        let mut grants = Vec::new();
        for grant_id in listed {
            let grant = self.find_grant(grant_id).await?;
            grants.extend(grant.filter(|grant| grant.revoked_at.is_none()));
        }
        Ok(grants)
    }

    async fn update_grant(&self, next: Grant) -> Result<Updated, StoreError> {
        let cached = Arc::clone(&self.cached);
        let decided_on = next.revision;
        let next = Arc::new(Grant { revision: next.revision + 1, ..next });
        let stored = Arc::clone(&next);
        let update = move |batch: &Batch<'_>| {
            let current = batch.grant(next.grant_id)?;
            if current.is_none_or(|current| current.revision != decided_on) {
                return Ok(Updated::Conflict);
            }
            batch.change(next)?;
            Ok(Updated::Done)
        };
        let publish = move |updated: &Updated| {
            if matches!(updated, Updated::Done) {
                cached.grants.insert(stored.grant_id, stored);
            }
        };
        self.writer.write(update, publish).await
    }

    async fn settle(&self) -> Result<(), StoreError> {
        // What can be read is durable: a commit is seen by nobody until it is.
        Ok(())
    }

    fn note_seen(&self, grant_id: GrantId, generation: u32) {
        self.notes().seen.insert((grant_id, generation));
    }

    async fn find_session(&self, hashes: Vec<KeyedHash>) -> Result<Option<Session>, StoreError> {
        let find = move |db: &Connection| rows::first_of(&hashes, |hash| rows::session(db, hash));
        Ok(self.readers.read(find).await?.map(|(session, _)| session))
    }

    async fn insert_session(&self, session: Session) -> Result<(), StoreError> {
        self.writer.write(move |batch| rows::insert_session(batch.db, &session), |()| {}).await
    }

    async fn delete_session(&self, hashes: Vec<KeyedHash>) -> Result<(), StoreError> {
        let delete =
            move |batch: &Batch<'_>| hashes.iter().try_for_each(|hash| rows::delete_session(batch.db, hash));
        self.writer.write(delete, |()| {}).await
    }

    fn note_session(&self, hash: KeyedHash, at: Timestamp) {
        self.notes().sessions.insert(hash, at);
    }

    fn note_rehash(&self, rehash: Rehash) {
        self.notes().rehashes.insert(rehash);
    }

    async fn flush_notes(&self) -> Result<(), StoreError> {
        let Notes { seen, rehashes, sessions } = std::mem::take(&mut *self.notes());
        if seen.is_empty() && rehashes.is_empty() && sessions.is_empty() {
            return Ok(());
        }
        let cached = Arc::clone(&self.cached);
        let write = move |batch: &Batch<'_>| {
            let mut changed = Vec::new();
            for (grant_id, generation) in seen {
                let current = batch.grant(grant_id)?;
                let unseen = current.filter(|grant| grant.generation == generation && !grant.is_seen);
                if let Some(grant) = unseen {
                    let revision = grant.revision + 1;
                    let grant = Arc::new(Grant { is_seen: true, revision, ..Grant::clone(&grant) });
                    batch.change(Arc::clone(&grant))?;
                    changed.push(grant);
                }
            }
            for (hash, seen_at) in sessions {
                rows::mark_session(batch.db, &hash, seen_at)?;
            }
            let mut is_client_changed = false;
            for rehash in rehashes {
                let is_changed = server_keys::rehash(batch.db, &rehash)?;
                is_client_changed |= is_changed && rehash.purpose == Purpose::ClientSecret;
            }
            Ok((changed, is_client_changed))
        };
        let publish = move |(changed, is_client_changed): &(Vec<Arc<Grant>>, bool)| {
            for grant in changed {
                cached.grants.insert(grant.grant_id, Arc::clone(grant));
            }
            if *is_client_changed {
                cached.clients.clear();
            }
        };
        self.writer.write(write, publish).await.map(drop)
    }

    async fn import(&self, import: Import) -> Result<ImportReport, StoreError> {
        // Nothing that is imported can be cached already: a row that exists is left alone.
        self.writer.write(move |batch| import::load(batch.db, import), |_| {}).await
    }

    async fn advance(&self, span: Duration) -> Result<Timestamp, StoreError> {
        let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let advanced = Arc::clone(&self.advanced);
        let advance = move |batch: &Batch<'_>| rows::add_to_meta(batch.db, "advanced", millis);
        self.writer.write(advance, move |sum| advanced.store(*sum, Ordering::Release)).await?;
        Ok(self.now())
    }

    async fn reset(&self, begin: impl FnOnce(Timestamp) -> Import + Send) -> Result<(), StoreError> {
        let (cached, last_time, advanced) =
            (Arc::clone(&self.cached), Arc::clone(&self.last_time), Arc::clone(&self.advanced));
        let now = self.clock.now();
        let import = begin(now);
        let reset = move |batch: &Batch<'_>| {
            rows::delete_all(batch.db)?;
            import::load(batch.db, import)?;
            // Last: what fails is undone, and then all of it counts again.
            batch.forget();
            // Before the transaction stores the time. Until it is committed some answers may be off by what
            // was advanced, and they are about to be forgotten.
            advanced.store(0, Ordering::Release);
            last_time.store(now.as_millis(), Ordering::Release);
            Ok(())
        };
        drop(std::mem::take(&mut *self.notes()));
        self.writer.write(reset, move |()| cached.clear()).await
    }

    async fn purge(&self, ended: Ended) -> Result<(), StoreError> {
        self.writer.write(move |batch| rows::purge(batch.db, &ended), |()| {}).await
    }
}
