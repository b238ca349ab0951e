//! Loading fixtures, all of them in one transaction.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_postgres::{Row, Statement, Transaction};

use super::failure::told;
use super::migrations;
use super::pool::Pool;
use super::rows::{self, Columns, Value, refs};
use super::statements::Sql;
use crate::store::StoreError;
use crate::store::dispatch::Import;
use crate::store::model::{Account, Client, Code, Grant, ImportReport, NewAccount};
use crate::token::KeyedHash;

/// What one of the statements has gone wrong with.
fn failed(error: tokio_postgres::Error) -> StoreError {
    tracing::error!(error = %told(&error), "loading into the database failed, and was undone");
    StoreError::Unavailable
}

/// Loads what is not remembered.
pub(super) async fn import(pool: &Pool, import: Import) -> Result<ImportReport, StoreError> {
    let mut client = pool.own_connection().await?;
    let transaction = client.transaction().await.map_err(failed)?;
    let report = load(&transaction, import).await?;
    transaction.commit().await.map_err(failed)?;
    Ok(report)
}

/// Forgets everything but the keys, then loads.
pub(super) async fn reset(pool: &Pool, import: Import) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM clients; DELETE FROM accounts; DELETE FROM codes; DELETE FROM sessions;
        DELETE FROM grants; DELETE FROM imported_tokens; DELETE FROM fixtures;
        UPDATE clock SET last_time = 0, advanced = 0;";
    let mut client = pool.own_connection().await?;
    let transaction = client.transaction().await.map_err(failed)?;
    transaction.batch_execute(FORGET).await.map_err(failed)?;
    load(&transaction, import).await?;
    transaction.commit().await.map_err(failed)
}

/// Loads what is not remembered. An account that exists under the same address stands for the fixture's; so does an
/// app with the same `client_id`.
async fn load(transaction: &Transaction<'_>, import: Import) -> Result<ImportReport, StoreError> {
    let mut loading = Loading { transaction, statements: HashMap::new(), parties: HashMap::new() };
    migrations::wait_for_locks(transaction).await.map_err(failed)?;
    // Nodes that start at the same time with the same fixtures do so one after the other.
    loading.execute("SELECT value FROM meta WHERE name = 'epoch' FOR UPDATE", &[]).await?;
    let mut report = ImportReport::default();
    for new in &import.accounts {
        if loading.is_new(&new.fingerprints, &mut report).await? {
            loading.insert_account(new).await?;
        }
    }
    for new in import.clients {
        if loading.is_new(&new.fingerprints, &mut report).await? {
            let owner = loading.account(&new.owner).await?.ok_or(StoreError::Unavailable)?;
            let client = Client { owner: owner.account_id, ..new.client };
            loading.execute(&Sql::InsertClient.text(), &rows::client_values(&client)?).await?;
        }
    }
    for new in import.codes {
        if loading.is_new(&new.fingerprints, &mut report).await?
            && let Some(parties) = loading.parties(&new.code.client_id, &new.account).await?
        {
            let (client, account) = &*parties;
            let (client_epoch, account_epoch) = (client.epoch, account.epoch);
            let code = Code { account_id: account.account_id, client_epoch, account_epoch, ..new.code };
            loading.execute(&Sql::InsertCode.text(), &rows::code_values(&code)).await?;
        }
    }
    for new in import.grants {
        if loading.is_new(&new.fingerprints, &mut report).await?
            && let Some(parties) = loading.parties(&new.grant.client_id, &new.account).await?
        {
            let (client, account) = &*parties;
            let (client_epoch, account_epoch) = (client.epoch, account.epoch);
            let grant = Grant { account_id: account.account_id, client_epoch, account_epoch, ..new.grant };
            loading.insert_grant(&grant, new.refresh_token).await?;
        }
    }
    Ok(report)
}

/// Both ends of a grant; `None` where one of them is not there.
type Parties = Option<Arc<(Client, Account)>>;

/// A load in progress. Each statement is prepared once, and both ends of grants are looked up once.
struct Loading<'a> {
    transaction: &'a Transaction<'a>,
    statements: HashMap<String, Statement>,
    /// By client_id and address.
    parties: HashMap<(String, String), Parties>,
}

impl Loading<'_> {
    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let statement = match self.statements.get(sql) {
            Some(statement) => statement.clone(),
            None => {
                let statement = self.transaction.prepare(sql).await.map_err(failed)?;
                self.statements.insert(sql.to_owned(), statement.clone());
                statement
            }
        };
        self.transaction.query(&statement, &refs(values)).await.map_err(failed)
    }

    async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<(), StoreError> {
        self.query(sql, values).await.map(drop)
    }

    /// Whether the fixture was not known before, under any key; it is from now on. One that was remembered under another
    /// key is remembered under the issuing one, too: the other may be revoked some day.
    async fn is_new(
        &mut self,
        fingerprints: &[KeyedHash],
        report: &mut ImportReport,
    ) -> Result<bool, StoreError> {
        const REMEMBER: &str = "WITH remembered AS (
                INSERT INTO fixtures SELECT fingerprint FROM unnest(CAST($2 AS BYTEA[])) AS issuing (fingerprint)
                ON CONFLICT DO NOTHING)
            SELECT 1 FROM fixtures WHERE fingerprint = ANY($1)";
        let issuing: Vec<KeyedHash> = fingerprints.first().copied().into_iter().collect();
        let known = self.query(REMEMBER, &[Box::new(fingerprints.to_vec()), Box::new(issuing)]).await?;
        match known.is_empty() {
            true => report.added += 1,
            false => report.known += 1,
        }
        Ok(known.is_empty())
    }

    async fn insert_account(&mut self, new: &NewAccount) -> Result<(), StoreError> {
        let mut values = rows::account_values(&new.account);
        values.push(Box::new(new.password_hash.clone()));
        values.push(Box::new(new.api_key));
        let sql = "INSERT INTO accounts (account_id, email_address, email_key, is_locked, is_confirmed,
                callback_url, locale, revision, epoch, password_hash, api_key)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (email_key) DO NOTHING";
        self.execute(sql, &values).await
    }

    async fn insert_grant(&mut self, grant: &Grant, refresh_token: KeyedHash) -> Result<(), StoreError> {
        let places: Vec<String> = (1..=19).map(|number| format!("${number}")).collect();
        let sql = format!("INSERT INTO grants ({}) VALUES ({})", rows::GRANT, places.join(", "));
        self.execute(&sql, &rows::grant_values(grant)).await?;
        let values: [Value; 2] = [Box::new(refresh_token), Box::new(grant.grant_id)];
        self.execute("INSERT INTO imported_tokens VALUES ($1, $2)", &values).await
    }

    async fn account(&mut self, email_address: &str) -> Result<Option<Account>, StoreError> {
        let values: [Value; 1] = [Box::new(rows::email_key(email_address))];
        let rows = self.query(&Sql::FindAccountByEmail.text(), &values).await?;
        rows.first().map(|row| rows::account(&mut Columns::of(row))).transpose()
    }

    /// Both ends of a grant; `None` where one has been deleted since the fixtures were loaded first.
    async fn parties(&mut self, client_id: &str, email_address: &str) -> Result<Parties, StoreError> {
        let both = (client_id.to_owned(), email_address.to_owned());
        if let Some(known) = self.parties.get(&both) {
            return Ok(known.clone());
        }
        let rows = self.query(&Sql::FindClient.text(), &[Box::new(both.0.clone())]).await?;
        let client = rows.first().map(|row| rows::client(&mut Columns::of(row))).transpose()?;
        let parties = client.zip(self.account(email_address).await?).map(Arc::new);
        self.parties.insert(both, parties.clone());
        Ok(parties)
    }
}
