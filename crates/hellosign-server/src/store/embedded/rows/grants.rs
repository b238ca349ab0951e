//! Codes, grants and imported tokens.

use rusqlite::{Connection, OptionalExtension as _, ToSql, named_params, params};

use super::timestamp;
use crate::clock::Timestamp;
use crate::store::model::{AccountId, Code, Grant, VoidRange};
use crate::token::{GrantId, KeyId, KeyedHash};

pub(crate) fn code(db: &Connection, hash: &KeyedHash) -> rusqlite::Result<Option<Code>> {
    db.prepare_cached("SELECT * FROM codes WHERE hash = ?")?
        .query_row([hash], |row| {
            let grant_id: Option<GrantId> = row.get("grant_id")?;
            let redeemed_at: Option<i64> = row.get("redeemed_at")?;
            Ok(Code {
                hash: row.get("hash")?,
                client_id: row.get("client_id")?,
                account_id: row.get("account_id")?,
                redirect_uri: row.get("redirect_uri")?,
                code_challenge: row.get("code_challenge")?,
                client_epoch: row.get("client_epoch")?,
                account_epoch: row.get("account_epoch")?,
                created_at: timestamp(row, "created_at")?,
                expires_at: timestamp(row, "expires_at")?,
                redeemed: grant_id.zip(redeemed_at.map(Timestamp::from_millis)),
            })
        })
        .optional()
}

pub(crate) fn insert_code(db: &Connection, code: &Code) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO codes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL) ON CONFLICT (hash) DO NOTHING",
    )?
    .execute(params![
        code.hash,
        code.client_id,
        code.account_id,
        code.redirect_uri,
        code.code_challenge,
        code.client_epoch,
        code.account_epoch,
        code.created_at.as_millis(),
        code.expires_at.as_millis(),
    ])?;
    Ok(())
}

/// Whether the code was there and not consumed yet.
pub(crate) fn consume_code(db: &Connection, hash: &KeyedHash, grant: &Grant) -> rusqlite::Result<bool> {
    let changed = db
        .prepare_cached("UPDATE codes SET grant_id = ?, redeemed_at = ? WHERE hash = ? AND grant_id IS NULL")?
        .execute(params![grant.grant_id, grant.issued_at.as_millis(), hash])?;
    Ok(changed == 1)
}

/// By position: to look for each column by its name takes a third of the time that a row in memory does.
pub(crate) fn grant(db: &Connection, grant_id: GrantId) -> rusqlite::Result<Option<Grant>> {
    let sql =
        "SELECT client_id, account_id, client_epoch, account_epoch, seed, created_at, is_imported, revision,
            generation, parent, issued_at, key_id, epoch, lifetime, is_seen, voids, access_since, revoked_at
        FROM grants WHERE grant_id = ?";
    let time = |value: Option<i64>| value.map(Timestamp::from_millis);
    db.prepare_cached(sql)?
        .query_row([grant_id], |row| {
            Ok(Grant {
                grant_id,
                client_id: row.get(0)?,
                account_id: row.get(1)?,
                client_epoch: row.get(2)?,
                account_epoch: row.get(3)?,
                seed: row.get(4)?,
                created_at: Timestamp::from_millis(row.get(5)?),
                is_imported: row.get(6)?,
                revision: row.get(7)?,
                generation: row.get(8)?,
                parent: row.get(9)?,
                issued_at: Timestamp::from_millis(row.get(10)?),
                key_id: KeyId(row.get(11)?),
                epoch: row.get(12)?,
                lifetime: row.get(13)?,
                is_seen: row.get(14)?,
                voids: VoidRange::decode(row.get_ref(15)?.as_blob_or_null()?),
                access_since: time(row.get(16)?),
                revoked_at: time(row.get(17)?),
            })
        })
        .optional()
}

/// The grants of an account to an app that their rows say are not revoked.
pub(crate) fn grants_between(
    db: &Connection,
    account_id: AccountId,
    client_id: &str,
) -> rusqlite::Result<Vec<GrantId>> {
    db.prepare_cached(
        "SELECT grant_id FROM grants WHERE account_id = ? AND client_id = ? AND revoked_at IS NULL",
    )?
    .query_map(params![account_id, client_id], |row| row.get(0))?
    .collect()
}

pub(crate) fn insert_grant(db: &Connection, grant: &Grant) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO grants VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?
        .execute(params![
            grant.grant_id,
            grant.client_id,
            grant.account_id,
            grant.client_epoch,
            grant.account_epoch,
            grant.seed,
            grant.created_at.as_millis(),
            grant.is_imported,
            grant.revision,
            grant.generation,
            grant.parent,
            grant.issued_at.as_millis(),
            grant.key_id.0,
            grant.epoch,
            grant.lifetime,
            grant.is_seen,
            VoidRange::encode(&grant.voids),
            grant.access_since.map(Timestamp::as_millis),
            grant.revoked_at.map(Timestamp::as_millis),
        ])?;
    Ok(())
}

/// Writes a grant's row as it is now. What a grant is born with (its client, account, epochs and seed)
/// never changes and is not written.
pub(crate) fn update_grant(db: &Connection, grant: &Grant) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE grants SET revision = :revision, generation = :generation, parent = :parent,
            issued_at = :issued_at, key_id = :key_id, epoch = :epoch, lifetime = :lifetime,
            is_seen = :is_seen, voids = :voids, access_since = :access_since, revoked_at = :revoked_at
         WHERE grant_id = :grant_id",
    )?
    .execute(named_params! {
        ":grant_id": grant.grant_id,
        ":revision": grant.revision,
        ":generation": grant.generation,
        ":parent": grant.parent,
        ":issued_at": grant.issued_at.as_millis(),
        ":key_id": grant.key_id.0,
        ":epoch": grant.epoch,
        ":lifetime": grant.lifetime,
        ":is_seen": grant.is_seen,
        ":voids": VoidRange::encode(&grant.voids),
        ":access_since": grant.access_since.map(Timestamp::as_millis),
        ":revoked_at": grant.revoked_at.map(Timestamp::as_millis),
    })?;
    Ok(())
}

/// Appends what of a grant can change.
pub(crate) fn append_change(db: &Connection, change_id: i64, grant: &Grant) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO grant_changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute(
        params![
            change_id,
            grant.grant_id,
            grant.revision,
            grant.generation,
            grant.parent,
            grant.issued_at.as_millis(),
            grant.key_id.0,
            grant.epoch,
            grant.lifetime,
            grant.is_seen,
            VoidRange::encode(&grant.voids),
            grant.access_since.map(Timestamp::as_millis),
            grant.revoked_at.map(Timestamp::as_millis),
        ],
    )?;
    Ok(())
}

/// Writes the last change of each grant into its row, and forgets all changes.
pub(crate) fn fold_changes(db: &Connection) -> rusqlite::Result<()> {
    // What is selected beside max() is of the row that has it.
    db.execute_batch(
        "UPDATE grants SET revision = new.revision, generation = new.generation, parent = new.parent,
            issued_at = new.issued_at, key_id = new.key_id, epoch = new.epoch, lifetime = new.lifetime,
            is_seen = new.is_seen, voids = new.voids, access_since = new.access_since,
            revoked_at = new.revoked_at
         FROM (SELECT max(change_id), * FROM grant_changes GROUP BY grant_id) AS new
         WHERE grants.grant_id = new.grant_id;
         DELETE FROM grant_changes;",
    )
}

/// Forgets changes up to this one.
pub(crate) fn delete_changes(db: &Connection, up_to: i64) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM grant_changes WHERE change_id <= ?")?.execute([up_to])?;
    Ok(())
}

pub(crate) fn imported_token(db: &Connection, hash: &KeyedHash) -> rusqlite::Result<Option<GrantId>> {
    db.prepare_cached("SELECT grant_id FROM imported_tokens WHERE hash = ?")?
        .query_row([hash], |row| row.get(0))
        .optional()
}

pub(crate) fn insert_imported_token(
    db: &Connection,
    hash: &KeyedHash,
    grant_id: GrantId,
) -> rusqlite::Result<()> {
    let values: [&dyn ToSql; 2] = [hash, &grant_id];
    db.prepare_cached("INSERT INTO imported_tokens VALUES (?, ?)")?.execute(values)?;
    Ok(())
}
