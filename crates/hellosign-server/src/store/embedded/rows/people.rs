//! Accounts and sessions.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

use super::timestamp;
use crate::clock::Timestamp;
use crate::store::model::{Account, AccountId, NewAccount, Session, SignInRecord};
use crate::token::KeyedHash;

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        account_id: row.get("account_id")?,
        email_address: row.get("email_address")?,
        is_locked: row.get("is_locked")?,
        is_confirmed: row.get("is_confirmed")?,
        callback_url: row.get("callback_url")?,
        locale: row.get("locale")?,
        revision: row.get("revision")?,
        epoch: row.get("epoch")?,
    })
}

pub(crate) fn account_by_id(db: &Connection, account_id: AccountId) -> rusqlite::Result<Option<Account>> {
    db.prepare_cached("SELECT * FROM accounts WHERE account_id = ?")?
        .query_row([account_id], account)
        .optional()
}

pub(crate) fn account_by_email(db: &Connection, email_address: &str) -> rusqlite::Result<Option<Account>> {
    db.prepare_cached("SELECT * FROM accounts WHERE email_address = ?")?
        .query_row([email_address], account)
        .optional()
}

pub(crate) fn sign_in(db: &Connection, email_address: &str) -> rusqlite::Result<Option<SignInRecord>> {
    db.prepare_cached("SELECT * FROM accounts WHERE email_address = ?")?
        .query_row([email_address], |row| {
            let account = Arc::new(account(row)?);
            Ok(SignInRecord { account, password_hash: row.get("password_hash")? })
        })
        .optional()
}

pub(crate) fn account_by_api_key(db: &Connection, hash: &KeyedHash) -> rusqlite::Result<Option<Account>> {
    db.prepare_cached("SELECT * FROM accounts WHERE api_key = ?")?.query_row([hash], account).optional()
}

pub(crate) fn insert_account(db: &Connection, new: &NewAccount) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute(params![
        new.account.account_id,
        new.account.email_address,
        new.password_hash,
        new.api_key,
        new.account.is_locked,
        new.account.is_confirmed,
        new.account.callback_url,
        new.account.locale,
        new.account.revision,
        new.account.epoch,
    ])?;
    Ok(())
}

/// Writes an account's row over that of the revision before. Its address never changes.
pub(crate) fn update_account(db: &Connection, account: &Account) -> rusqlite::Result<bool> {
    let changed = db
        .prepare_cached(
            "UPDATE accounts SET is_locked = :is_locked, is_confirmed = :is_confirmed,
                callback_url = :callback_url, locale = :locale, revision = :revision, epoch = :epoch
             WHERE account_id = :account_id AND revision = :revision - 1",
        )?
        .execute(named_params! {
            ":account_id": account.account_id,
            ":is_locked": account.is_locked,
            ":is_confirmed": account.is_confirmed,
            ":callback_url": account.callback_url,
            ":locale": account.locale,
            ":revision": account.revision,
            ":epoch": account.epoch,
        })?;
    Ok(changed == 1)
}

pub(crate) fn session(db: &Connection, hash: &KeyedHash) -> rusqlite::Result<Option<Session>> {
    db.prepare_cached("SELECT * FROM sessions WHERE hash = ?")?
        .query_row([hash], |row| {
            Ok(Session {
                hash: row.get("hash")?,
                account_id: row.get("account_id")?,
                account_epoch: row.get("account_epoch")?,
                created_at: timestamp(row, "created_at")?,
                seen_at: timestamp(row, "seen_at")?,
            })
        })
        .optional()
}

pub(crate) fn insert_session(db: &Connection, session: &Session) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)")?.execute(params![
        session.hash,
        session.account_id,
        session.account_epoch,
        session.created_at.as_millis(),
        session.seen_at.as_millis(),
    ])?;
    Ok(())
}

pub(crate) fn delete_session(db: &Connection, hash: &KeyedHash) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM sessions WHERE hash = ?")?.execute([hash])?;
    Ok(())
}

pub(crate) fn mark_session(db: &Connection, hash: &KeyedHash, seen_at: Timestamp) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE sessions SET seen_at = ?2 WHERE hash = ?1 AND seen_at < ?2")?
        .execute(params![hash, seen_at.as_millis()])?;
    Ok(())
}
