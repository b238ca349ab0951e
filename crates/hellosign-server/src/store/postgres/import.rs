//! Loading fixtures, all of them in one transaction.

use tokio_postgres::Transaction;
use tokio_postgres::types::ToSql;

use super::pool::{Pool, told};
use super::rows::{self, CLIENT, Columns, Value, refs};
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
    let loading = Loading { transaction };
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
            && let Some((client, account)) = loading.parties(&new.code.client_id, &new.account).await?
        {
            let (client_epoch, account_epoch) = (client.epoch, account.epoch);
            let code = Code { account_id: account.account_id, client_epoch, account_epoch, ..new.code };
            loading.execute(&Sql::InsertCode.text(), &rows::code_values(&code)).await?;
        }
    }
    for new in import.grants {
        if loading.is_new(&new.fingerprints, &mut report).await?
            && let Some((client, account)) = loading.parties(&new.grant.client_id, &new.account).await?
        {
            let (client_epoch, account_epoch) = (client.epoch, account.epoch);
            let grant = Grant { account_id: account.account_id, client_epoch, account_epoch, ..new.grant };
            loading.insert_grant(&grant, new.refresh_token).await?;
        }
    }
    Ok(report)
}

struct Loading<'a> {
    transaction: &'a Transaction<'a>,
}

impl Loading<'_> {
    async fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        self.transaction.execute(sql, &refs(values)).await.map_err(failed)
    }

    /// Whether the fixture was not known before, under any key; it is from now on.
    async fn is_new(
        &self,
        fingerprints: &[KeyedHash],
        report: &mut ImportReport,
    ) -> Result<bool, StoreError> {
        let known = "SELECT 1 FROM fixtures WHERE fingerprint = ANY($1)";
        let is_known = self.execute(known, &[Box::new(fingerprints.to_vec())]).await? > 0;
        // One that was remembered under another key is remembered under the issuing one, too: the other may be
        // revoked some day.
        if let Some(issuing) = fingerprints.first() {
            let remember = "INSERT INTO fixtures VALUES ($1) ON CONFLICT DO NOTHING";
            self.execute(remember, &[Box::new(*issuing)]).await?;
        }
        match is_known {
            true => report.known += 1,
            false => report.added += 1,
        }
        Ok(!is_known)
    }

    async fn insert_account(&self, new: &NewAccount) -> Result<(), StoreError> {
        let mut values = rows::account_values(&new.account);
        values.push(Box::new(new.password_hash.clone()));
        values.push(Box::new(new.api_key));
        let sql = "INSERT INTO accounts (account_id, email_address, email_key, is_locked, is_confirmed,
                callback_url, locale, revision, epoch, password_hash, api_key)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (email_key) DO NOTHING";
        self.execute(sql, &values).await.map(drop)
    }

    async fn insert_grant(&self, grant: &Grant, refresh_token: KeyedHash) -> Result<(), StoreError> {
        let places: Vec<String> = (1..=19).map(|number| format!("${number}")).collect();
        let sql = format!("INSERT INTO grants ({}) VALUES ({})", rows::GRANT, places.join(", "));
        self.execute(&sql, &rows::grant_values(grant)).await?;
        let values: [Value; 2] = [Box::new(refresh_token), Box::new(grant.grant_id)];
        self.execute("INSERT INTO imported_tokens VALUES ($1, $2)", &values).await.map(drop)
    }

    async fn account(&self, email_address: &str) -> Result<Option<Account>, StoreError> {
        let sql = Sql::FindAccountByEmail.text();
        let values: [&(dyn ToSql + Sync); 1] = [&rows::email_key(email_address)];
        let row = self.transaction.query_opt(&sql, &values).await.map_err(failed)?;
        row.map(|row| rows::account(&mut Columns::of(&row))).transpose()
    }

    /// Both ends of a grant; `None` where one has been deleted since the fixtures were loaded first.
    async fn parties(
        &self,
        client_id: &str,
        email_address: &str,
    ) -> Result<Option<(Client, Account)>, StoreError> {
        let sql = format!("SELECT {CLIENT} FROM clients WHERE client_id = $1");
        let row = self.transaction.query_opt(&sql, &[&client_id]).await.map_err(failed)?;
        let client = row.map(|row| rows::client(&mut Columns::of(&row))).transpose()?;
        Ok(client.zip(self.account(email_address).await?))
    }
}
