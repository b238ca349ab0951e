//! Rows to models and back.

mod clients;
mod grants;
mod people;

pub(super) use self::clients::*;
pub(super) use self::grants::*;
pub(super) use self::people::*;
use crate::clock::Timestamp;
use crate::store::Ended;
use crate::token::KeyedHash;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

fn timestamp(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

/// Deletes what has ended.
pub(super) fn purge(db: &Connection, ended: &Ended) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM codes WHERE expires_at <= ?")?
        .execute([ended.codes_expired.as_millis()])?;
    db.prepare_cached("DELETE FROM sessions WHERE seen_at <= ? OR created_at <= ?")?
        .execute([ended.sessions_seen.as_millis(), ended.sessions_created.as_millis()])?;
    Ok(())
}

pub(in crate::store) fn meta(db: &Connection, name: &str) -> rusqlite::Result<i64> {
    db.query_row("SELECT value FROM meta WHERE name = ?", [name], |row| row.get(0))
}

/// Whether the database has moved elsewhere, and is not to be served from again.
pub(in crate::store) fn has_moved(db: &Connection) -> rusqlite::Result<bool> {
    let moved = db.query_row("SELECT value FROM meta WHERE name = 'moved'", [], |row| row.get::<_, i64>(0));
    Ok(moved.optional()?.is_some_and(|moved| moved != 0))
}

pub(in crate::store) fn set_moved(db: &Connection, moved: bool) -> rusqlite::Result<()> {
    db.execute("INSERT OR REPLACE INTO meta VALUES ('moved', ?)", [moved])?;
    Ok(())
}

/// The sum after the addition.
pub(super) fn add_to_meta(db: &Connection, name: &str, add: i64) -> rusqlite::Result<i64> {
    db.query_row(
        "UPDATE meta SET value = value + ?2 WHERE name = ?1 RETURNING value",
        params![name, add],
        |row| row.get(0),
    )
}

/// Deletes everything but the keys, and what tests have done to the time.
pub(super) fn delete_all(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "DELETE FROM clients; DELETE FROM accounts; DELETE FROM codes; DELETE FROM sessions; DELETE FROM grants;
         DELETE FROM grant_changes; DELETE FROM imported_tokens; DELETE FROM fixtures;
         UPDATE meta SET value = 0 WHERE name IN ('advanced', 'last_time');",
    )
}

/// Whether the fixture was not known before, under any key; it is from now on.
pub(super) fn remember_fixture(db: &Connection, fingerprints: &[KeyedHash]) -> rusqlite::Result<bool> {
    let is_known = |fingerprint: &KeyedHash| {
        db.prepare_cached("SELECT 1 FROM fixtures WHERE fingerprint = ?")?
            .query_row([fingerprint], |_| Ok(()))
            .optional()
    };
    let known = first_of(fingerprints, is_known)?;
    // One that was remembered under another key is remembered under the issuing one, too: the other may
    // be revoked some day.
    if let Some(issuing) = fingerprints.first() {
        db.prepare_cached("INSERT OR IGNORE INTO fixtures VALUES (?)")?.execute([issuing])?;
    }
    Ok(known.is_none())
}

/// The first row that any of the hashes leads to, and that hash.
pub(super) fn first_of<T>(
    hashes: &[KeyedHash],
    find: impl Fn(&KeyedHash) -> rusqlite::Result<Option<T>>,
) -> rusqlite::Result<Option<(T, KeyedHash)>> {
    for hash in hashes {
        if let Some(found) = find(hash)? {
            return Ok(Some((found, *hash)));
        }
    }
    Ok(None)
}
