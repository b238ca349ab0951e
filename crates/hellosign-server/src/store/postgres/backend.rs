//! The operations, each one statement.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::rows::{self, Columns, Value, refs};
use super::statements::Sql;
use super::{Notes, Postgres, import};
use crate::clock::Timestamp;
use crate::metrics::{self, gauged};
use crate::store::StoreError;
use crate::store::dispatch::{Backend, Ended, Import, Page};
use crate::store::model::{
    Account, AccountId, Client, Code, Grant, ImportReport, Inserted, Redeemed, Rehash, Session, SignInRecord,
    Updated,
};
use crate::token::{GrantId, KeyedHash, ListedKey, Purpose};

/// Notes of one kind that are kept while the database does not take them.
const KEPT_NOTES: usize = 100_000;
/// Used generations that are written by one statement.
const SEEN_AT_ONCE: usize = 1000;

/// What a conditional update has come to; `is_mine` says whether the row is what was to be written, where an attempt
/// whose answer was lost may have written it.
fn updated(is_done: bool, is_mine: bool) -> Updated {
    if is_done || is_mine { Updated::Done } else { Updated::Conflict }
}

impl Backend for Postgres {
    fn now(&self) -> Timestamp {
        self.time.now()
    }

    fn witness(&self, at: Timestamp) {
        self.time.witness(at);
    }

    fn readiness(&self) -> Result<(), String> {
        match self.pool.live() {
            0 => Err(format!("No connection to the database works: {}.", self.pool.trouble())),
            _ => Ok(()),
        }
    }

    fn measure(&self) {
        let Notes { seen, rehashes, sessions } = &*self.notes();
        self.metrics.notes_waiting.set(gauged(seen.len() + rehashes.len() + sessions.len()));
        self.pool.measure();
        for (kind, entries) in [
            (metrics::Cache::Clients, self.recent.clients.len()),
            (metrics::Cache::Accounts, self.recent.accounts.len()),
            (metrics::Cache::Grants, self.recent.grants.len()),
            (metrics::Cache::ImportedTokens, self.recent.imported.len()),
        ] {
            self.metrics.cached(kind, entries);
        }
    }

    fn epoch(&self) -> u32 {
        self.epoch.load(Ordering::Acquire)
    }

    async fn list_keys(&self) -> Result<Vec<ListedKey>, StoreError> {
        self.rows(Sql::ListKeys, &[]).await?.iter().map(rows::listed_key).collect()
    }

    async fn add_key(&self, key: ListedKey) -> Result<(), StoreError> {
        let (id, check, state) = rows::key_values(&key);
        self.pool.run_settled(Sql::AddKey, &[&id, &check, &state]).await
    }

    async fn list_settings(&self) -> Result<Vec<(String, String)>, StoreError> {
        let rows = self.rows(Sql::ListSettings, &[]).await?;
        let setting = |row| {
            let mut columns = Columns::of(row);
            Ok((columns.next()?, columns.next()?))
        };
        rows.iter().map(setting).collect()
    }

    async fn heed_operator(&self) -> Result<(), StoreError> {
        // An operator works on the database itself.
        Ok(())
    }

    fn has_failed(&self) -> bool {
        false
    }

    async fn failed(&self) {
        // What is not known is asked again; there is nothing here that could be wrong for good.
        std::future::pending().await
    }

    async fn find_client(&self, client_id: &str) -> Result<Option<Arc<Client>>, StoreError> {
        match self.recent.clients.find(&client_id.to_owned()) {
            Some(client) => Ok(Some(client)),
            None => self.read_client(client_id).await,
        }
    }

    async fn list_clients(&self, owner: AccountId, page: Page) -> Result<(Vec<Client>, u64), StoreError> {
        let (size, offset) = (i64::from(page.size), page.offset());
        let (count, listed): (&rows::Values<'_>, &rows::Values<'_>) = (&[&owner], &[&owner, &size, &offset]);
        let (count, listed) =
            tokio::join!(self.pool.run(Sql::CountClients, count), self.pool.run(Sql::ListClients, listed));
        let count: i64 = Columns::of(count?.rows.first().ok_or(StoreError::Unavailable)?).next()?;
        let listed = listed?.rows;
        let clients =
            listed.iter().map(|row| rows::client(&mut Columns::of(row))).collect::<Result<_, _>>()?;
        Ok((clients, count.unsigned_abs()))
    }

    async fn insert_client(&self, client: Client) -> Result<Inserted, StoreError> {
        let answered = self.run(Sql::InsertClient, &rows::client_values(&client)?).await?;
        let is_mine =
            async || Ok(self.read_client(&client.client_id).await?.is_some_and(|stored| *stored == client));
        if !answered.rows.is_empty() || answered.was_repeated && is_mine().await? {
            return Ok(Inserted::Done);
        }
        Ok(Inserted::Taken)
    }

    async fn update_client(&self, next: Client) -> Result<Updated, StoreError> {
        let next = Client { revision: next.revision + 1, ..next };
        let sent = Instant::now();
        let answered = self.run(Sql::UpdateClient, &rows::client_values(&next)?).await?;
        let is_done = !answered.rows.is_empty();
        self.recent.clients.remove(&next.client_id);
        let is_mine = !is_done
            && answered.was_repeated
            && self.read_client(&next.client_id).await?.is_some_and(|stored| *stored == next);
        if is_done {
            self.recent.clients.wrote(next.client_id.clone(), Arc::new(next), sent);
        }
        Ok(updated(is_done, is_mine))
    }

    async fn delete_client(&self, client_id: &str) -> Result<(), StoreError> {
        self.pool.run(Sql::DeleteClient, &[&client_id]).await?;
        self.recent.clients.remove(&client_id.to_owned());
        Ok(())
    }

    async fn insert_account(&self, account: Account, grant: Option<Grant>) -> Result<Inserted, StoreError> {
        let mut values = rows::account_values(&account);
        let sql = match &grant {
            None => Sql::InsertAccount,
            Some(grant) => {
                values.extend(rows::grant_values(grant));
                Sql::InsertAccountAndGrant
            }
        };
        let answered = self.run(sql, &values).await?;
        let is_mine = async || Ok(self.read_account(account.account_id).await?.is_some());
        if !answered.rows.is_empty() || answered.was_repeated && is_mine().await? {
            return Ok(Inserted::Done);
        }
        Ok(Inserted::Taken)
    }

    async fn update_account(&self, next: Account) -> Result<Updated, StoreError> {
        let next = Account { revision: next.revision + 1, ..next };
        let (revision, epoch) = (i64::from(next.revision), i64::from(next.epoch));
        let sent = Instant::now();
        let answered = self
            .pool
            .run(
                Sql::UpdateAccount,
                &[
                    &next.account_id,
                    &next.is_locked,
                    &next.is_confirmed,
                    &next.callback_url,
                    &next.locale,
                    &revision,
                    &epoch,
                ],
            )
            .await?;
        let is_done = !answered.rows.is_empty();
        self.recent.accounts.remove(&next.account_id);
        let is_mine = !is_done
            && answered.was_repeated
            && self.read_account(next.account_id).await?.is_some_and(|stored| *stored == next);
        if is_done {
            self.recent.accounts.wrote(next.account_id, Arc::new(next), sent);
        }
        Ok(updated(is_done, is_mine))
    }

    async fn find_account(&self, account_id: AccountId) -> Result<Option<Arc<Account>>, StoreError> {
        match self.recent.accounts.find(&account_id) {
            Some(account) => Ok(Some(account)),
            None => self.read_account(account_id).await,
        }
    }

    async fn find_account_by_email(&self, email_address: &str) -> Result<Option<Arc<Account>>, StoreError> {
        Ok(self.find_sign_in(email_address).await?.map(|record| record.account))
    }

    async fn find_sign_in(&self, email_address: &str) -> Result<Option<SignInRecord>, StoreError> {
        let rows = self.pool.run(Sql::FindAccountByEmail, &[&rows::email_key(email_address)]).await?.rows;
        let record = |row| {
            let mut columns = Columns::of(row);
            let account = Arc::new(rows::account(&mut columns)?);
            Ok(SignInRecord { account, password_hash: columns.next()? })
        };
        rows.first().map(record).transpose()
    }

    async fn find_account_by_api_key(
        &self,
        hashes: Vec<KeyedHash>,
    ) -> Result<Option<(Arc<Account>, KeyedHash)>, StoreError> {
        let rows = self.rows(Sql::FindAccountByApiKey, &any_of(&hashes)).await?;
        let found = |row| {
            let mut columns = Columns::of(row);
            Ok((Arc::new(rows::account(&mut columns)?), columns.bytes()?))
        };
        rows.first().map(found).transpose()
    }

    async fn find_grant(&self, grant_id: GrantId) -> Result<Option<Arc<Grant>>, StoreError> {
        match self.recent.grants.find(&grant_id) {
            Some(grant) => Ok(Some(grant)),
            None => self.read_joined(grant_id).await,
        }
    }

    async fn read_grant(&self, grant_id: GrantId) -> Result<Option<Arc<Grant>>, StoreError> {
        self.read_joined(grant_id).await
    }

    async fn list_grants(
        &self,
        account_id: AccountId,
        client_id: &str,
    ) -> Result<Vec<Arc<Grant>>, StoreError> {
        let rows = self.pool.run(Sql::ListGrants, &[&account_id, &client_id]).await?.rows;
        rows.iter().map(|row| rows::grant(&mut Columns::of(row)).map(Arc::new)).collect()
    }

    async fn find_imported(
        &self,
        hashes: Vec<KeyedHash>,
    ) -> Result<Option<(GrantId, KeyedHash)>, StoreError> {
        let known = hashes.iter().find_map(|hash| Some((self.recent.imported.last(hash)?, *hash)));
        if known.is_some() {
            return Ok(known);
        }
        let began = Instant::now();
        let rows = self.rows(Sql::FindImported, &any_of(&hashes)).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let mut columns = Columns::of(row);
        let (grant_id, hash): (GrantId, KeyedHash) = (columns.bytes()?, columns.bytes()?);
        self.recent.imported.insert(hash, grant_id, began);
        Ok(Some((grant_id, hash)))
    }

    async fn find_code(&self, hashes: Vec<KeyedHash>) -> Result<Option<Code>, StoreError> {
        let rows = self.rows(Sql::FindCode, &any_of(&hashes)).await?;
        let code = rows.first().map(rows::code).transpose()?;
        if let Some(code) = &code {
            self.time.witness(code.redeemed.map_or(code.created_at, |(_, at)| at));
        }
        Ok(code)
    }

    async fn insert_code(&self, code: Code) -> Result<(), StoreError> {
        self.pool.run_settled(Sql::InsertCode, &refs(&rows::code_values(&code))).await
    }

    async fn redeem_code(&self, hash: KeyedHash, grant: Grant, most: usize) -> Result<Redeemed, StoreError> {
        let mut values: Vec<Value> = vec![Box::new(hash)];
        values.extend(rows::grant_values(&grant));
        values.push(Box::new(i64::try_from(most).unwrap_or(i64::MAX)));
        let sent = Instant::now();
        let answered = self.run(Sql::RedeemCode, &values).await?;
        if !answered.rows.is_empty() {
            for row in &answered.rows {
                // Those that were one too many.
                let revoked: Option<&[u8]> = row.try_get(1).unwrap_or_default();
                if let Some(Ok(grant_id)) = revoked.map(GrantId::try_from) {
                    self.recent.grants.remove(&grant_id);
                }
            }
            self.recent.grants.wrote(grant.grant_id, Arc::new(grant), sent);
            return Ok(Redeemed::Fresh);
        }
        Ok(match self.find_code(vec![hash]).await?.and_then(|code| code.redeemed) {
            // A retried commit that finds its own grant has succeeded.
            Some((grant_id, _)) if grant_id == grant.grant_id => Redeemed::Fresh,
            Some((grant_id, at)) => Redeemed::Spent { grant_id, at },
            None => Redeemed::Gone,
        })
    }

    async fn update_grant(&self, next: Grant) -> Result<Updated, StoreError> {
        let next = Grant { revision: next.revision + 1, ..next };
        let sent = Instant::now();
        let answered = self.run(Sql::UpdateGrant, &grant_changes(&next)).await?;
        if !answered.rows.is_empty() {
            self.recent.grants.wrote(next.grant_id, Arc::new(next), sent);
            return Ok(Updated::Done);
        }
        self.recent.grants.remove(&next.grant_id);
        let is_mine = answered.was_repeated
            && self.read_joined(next.grant_id).await?.is_some_and(|stored| *stored == next);
        Ok(updated(false, is_mine))
    }

    async fn settle(&self) -> Result<(), StoreError> {
        self.pool.settle().await
    }

    fn note_seen(&self, grant_id: GrantId, generation: u32) {
        self.notes().seen.insert((grant_id, generation));
    }

    async fn find_session(&self, hashes: Vec<KeyedHash>) -> Result<Option<Session>, StoreError> {
        let rows = self.rows(Sql::FindSession, &any_of(&hashes)).await?;
        let session = rows.first().map(rows::session).transpose()?;
        if let Some(session) = &session {
            self.time.witness(session.seen_at);
        }
        Ok(session)
    }

    async fn insert_session(&self, session: Session) -> Result<(), StoreError> {
        let (epoch, created_at) = (i64::from(session.account_epoch), session.created_at.as_millis());
        let seen_at = session.seen_at.as_millis();
        let values: &rows::Values<'_> = &[&session.hash, &session.account_id, &epoch, &created_at, &seen_at];
        self.pool.run(Sql::InsertSession, values).await.map(drop)
    }

    async fn delete_session(&self, hashes: Vec<KeyedHash>) -> Result<(), StoreError> {
        self.pool.run_settled(Sql::DeleteSession, &refs(&any_of(&hashes))).await
    }

    fn note_session(&self, hash: KeyedHash, at: Timestamp) {
        self.notes().sessions.insert(hash, at);
    }

    fn note_rehash(&self, rehash: Rehash) {
        self.notes().rehashes.insert(rehash);
    }

    async fn import(&self, import: Import) -> Result<ImportReport, StoreError> {
        import::import(&self.pool, import).await
    }

    async fn advance(&self, span: Duration) -> Result<Timestamp, StoreError> {
        let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let rows = self.pool.run(Sql::Advance, &[&millis]).await?.rows;
        let advanced = Columns::of(rows.first().ok_or(StoreError::Unavailable)?).next()?;
        self.time.advance(advanced);
        Ok(self.now())
    }

    async fn reset(&self, begin: impl FnOnce(Timestamp) -> Import + Send) -> Result<(), StoreError> {
        drop(std::mem::take(&mut *self.notes()));
        self.time.reset();
        import::reset(&self.pool, begin(self.now())).await?;
        // What was measured meanwhile was still the time before.
        self.time.reset();
        self.recent.clear();
        Ok(())
    }

    async fn purge(&self, ended: Ended) -> Result<(), StoreError> {
        let codes = ended.codes_expired.as_millis();
        let (seen, created) = (ended.sessions_seen.as_millis(), ended.sessions_created.as_millis());
        // Piece by piece, so that no answer waits behind it for long.
        while !self.pool.run(Sql::PurgeCodes, &[&codes]).await?.rows.is_empty() {}
        while !self.pool.run(Sql::PurgeSessions, &[&seen, &created]).await?.rows.is_empty() {}
        Ok(())
    }

    async fn flush_notes(&self) -> Result<(), StoreError> {
        let Notes { seen, rehashes, sessions } = std::mem::take(&mut *self.notes());
        let (mut seen, mut rehashes): (Vec<_>, Vec<_>) =
            (seen.into_iter().collect(), rehashes.into_iter().collect());
        let mut sessions: Vec<_> = sessions.into_iter().collect();
        let written = self.write_notes(&mut seen, &mut rehashes, &mut sessions).await;
        if written.is_err() {
            let mut notes = self.notes();
            let room = KEPT_NOTES.saturating_sub(notes.seen.len());
            notes.seen.extend(seen.into_iter().take(room));
            notes.rehashes.extend(rehashes.into_iter().take(KEPT_NOTES));
            for (hash, at) in sessions.into_iter().take(KEPT_NOTES) {
                notes.sessions.entry(hash).or_insert(at);
            }
        }
        written
    }
}

impl Postgres {
    /// Writes notes, and leaves those that were not written.
    async fn write_notes(
        &self,
        seen: &mut Vec<(GrantId, u32)>,
        rehashes: &mut Vec<Rehash>,
        sessions: &mut Vec<(KeyedHash, Timestamp)>,
    ) -> Result<(), StoreError> {
        while !seen.is_empty() {
            let piece = &seen[seen.len().saturating_sub(SEEN_AT_ONCE)..];
            let ids: Vec<GrantId> = piece.iter().map(|(id, _)| *id).collect();
            let generations: Vec<i64> = piece.iter().map(|(_, generation)| i64::from(*generation)).collect();
            for row in self.pool.run(Sql::MarkSeen, &[&ids, &generations]).await?.rows {
                self.recent.grants.remove(&Columns::of(&row).bytes()?);
            }
            seen.truncate(seen.len().saturating_sub(SEEN_AT_ONCE));
        }
        while let Some((hash, at)) = sessions.last() {
            self.pool.run(Sql::MarkSessions, &[hash, &at.as_millis()]).await?;
            sessions.pop();
        }
        while let Some(Rehash { purpose, from, to }) = rehashes.last() {
            let sql = match purpose {
                Purpose::ClientSecret => Sql::RehashSecret,
                Purpose::ApiKey => Sql::RehashApiKey,
                _ => Sql::RehashImported,
            };
            self.pool.run(sql, &[to, from]).await?;
            match purpose {
                Purpose::ClientSecret => self.recent.clients.clear(),
                Purpose::ImportedToken => self.recent.imported.remove(from),
                _ => {}
            }
            rehashes.pop();
        }
        Ok(())
    }
}

fn any_of(hashes: &[KeyedHash]) -> [Value; 1] {
    [Box::new(hashes.to_vec())]
}

/// The values of what of a grant can change.
fn grant_changes(grant: &Grant) -> Vec<Value> {
    let mut values = rows::grant_values(grant);
    // What it is born with (its client, account, epochs, seed, time and origin) never changes.
    drop(values.drain(1..8));
    values
}
