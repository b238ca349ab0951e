//! Loading fixtures, all of them in one transaction.

use rusqlite::Connection;

use super::rows;
use crate::store::dispatch::Import;
use crate::store::model::{Account, Client, Code, Grant, ImportReport};
use crate::token::KeyedHash;

/// Loads what is not remembered. An account that exists under the same address stands for the
/// fixture's; so does an app with the same `client_id`.
pub(super) fn load(db: &Connection, import: Import) -> rusqlite::Result<ImportReport> {
    let mut report = ImportReport::default();
    let mut is_new = |fingerprints: &[KeyedHash]| {
        let added = rows::remember_fixture(db, fingerprints)?;
        if added {
            report.added += 1;
        } else {
            report.known += 1;
        }
        Ok::<_, rusqlite::Error>(added)
    };
    for new in &import.accounts {
        if is_new(&new.fingerprints)? && rows::account_by_email(db, &new.account.email_address)?.is_none() {
            rows::insert_account(db, new)?;
        }
    }
    for new in import.clients {
        if is_new(&new.fingerprints)? && rows::client(db, &new.client.client_id)?.is_none() {
            let owner =
                rows::account_by_email(db, &new.owner)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            rows::insert_client(db, &Client { owner: owner.account_id, ..new.client })?;
        }
    }
    for new in import.codes {
        if is_new(&new.fingerprints)?
            && let Some((client, account)) = parties(db, &new.code.client_id, &new.account)?
        {
            let (client_epoch, account_epoch) = (client.epoch, account.epoch);
            let account_id = account.account_id;
            rows::insert_code(db, &Code { account_id, client_epoch, account_epoch, ..new.code })?;
        }
    }
    for new in import.grants {
        if is_new(&new.fingerprints)?
            && let Some((client, account)) = parties(db, &new.grant.client_id, &new.account)?
        {
            let (client_epoch, account_epoch) = (client.epoch, account.epoch);
            let account_id = account.account_id;
            rows::insert_grant(db, &Grant { account_id, client_epoch, account_epoch, ..new.grant.clone() })?;
            rows::insert_imported_token(db, &new.refresh_token, new.grant.grant_id)?;
        }
    }
    Ok(report)
}

/// Both ends of a grant; `None` where one has been deleted since the fixtures were loaded first.
fn parties(db: &Connection, client_id: &str, email: &str) -> rusqlite::Result<Option<(Client, Account)>> {
    Ok(rows::client(db, client_id)?.zip(rows::account_by_email(db, email)?))
}
