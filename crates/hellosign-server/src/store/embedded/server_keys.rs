//! Which of the server's secrets the database knows, and what depends on each.

use rusqlite::{Connection, params};

use crate::store::{KeyUse, Rehash};
use crate::token::{KeyId, KeyState, ListedKey, Purpose};

/// Where hashes of credentials are kept that outlive a day: table and column.
const KEPT: [(Purpose, &str, &str); 3] = [
    (Purpose::ClientSecret, "clients", "secret"),
    (Purpose::ApiKey, "accounts", "api_key"),
    (Purpose::ImportedToken, "imported_tokens", "hash"),
];

pub(super) fn listed(db: &Connection) -> rusqlite::Result<Vec<ListedKey>> {
    db.prepare("SELECT key_id, check_value, state FROM server_keys ORDER BY key_id")?
        .query_map([], |row| {
            let state = match row.get(2)? {
                0 => KeyState::Accepted,
                1 => KeyState::Issuing,
                2 => KeyState::Revoked,
                other => return Err(rusqlite::Error::IntegralValueOutOfRange(2, other)),
            };
            Ok(ListedKey { id: KeyId(row.get(0)?), check: row.get(1)?, state })
        })?
        .collect()
}

/// Adds a key, or changes what the database uses it for.
pub(super) fn put(db: &Connection, key: &ListedKey) -> rusqlite::Result<()> {
    let state = match key.state {
        KeyState::Accepted => 0,
        KeyState::Issuing => 1,
        KeyState::Revoked => 2,
    };
    db.execute("INSERT OR REPLACE INTO server_keys VALUES (?, ?, ?)", params![key.id.0, key.check, state])?;
    Ok(())
}

/// Adds a key, unless it is listed: what the database uses it for is not for a key file to say.
pub(super) fn add(db: &Connection, key: &ListedKey) -> rusqlite::Result<()> {
    if listed(db)?.iter().any(|known| known.id == key.id) { Ok(()) } else { put(db, key) }
}

/// How many credentials of each kind are kept as hashes under this key.
pub(super) fn uses(db: &Connection, key_id: KeyId) -> rusqlite::Result<KeyUse> {
    let count = |wanted: Purpose| {
        let (_, table, column) = KEPT.into_iter().find(|(purpose, ..)| *purpose == wanted).unwrap_or(KEPT[0]);
        let sql = format!("SELECT count(*) FROM {table} WHERE substr({column}, 1, 4) = ?");
        db.query_row(&sql, [key_id.0.to_be_bytes()], |row| row.get::<_, i64>(0))
    };
    Ok(KeyUse {
        client_secrets: count(Purpose::ClientSecret)?.unsigned_abs(),
        api_keys: count(Purpose::ApiKey)?.unsigned_abs(),
        imported_tokens: count(Purpose::ImportedToken)?.unsigned_abs(),
    })
}

/// Keeps a credential under another key. Whether it was still kept as it was before.
pub(super) fn rehash(db: &Connection, rehash: &Rehash) -> rusqlite::Result<bool> {
    let Some((_, table, column)) = KEPT.into_iter().find(|(purpose, ..)| *purpose == rehash.purpose) else {
        return Ok(false);
    };
    let sql = format!("UPDATE {table} SET {column} = ? WHERE {column} = ?");
    Ok(db.prepare_cached(&sql)?.execute([rehash.to, rehash.from])? > 0)
}
