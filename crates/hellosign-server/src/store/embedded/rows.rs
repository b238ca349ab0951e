//! Rows to models and back.

use std::sync::Arc;

use hellosign_wire::scope::Scope;
use rusqlite::{Connection, OptionalExtension as _, Row, Statement, ToSql, named_params, params};

use crate::clock::Timestamp;
use crate::store::model::{
    Account, AccountId, Client, Code, Grant, NewAccount, Rotation, Session, SignInRecord, VoidRange,
};
use crate::store::{Ended, Page};
use crate::token::{GrantId, KeyId, KeyedHash};

const ROTATION_OFF: i64 = -1;

fn timestamp(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

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

pub(super) fn account_by_id(db: &Connection, account_id: AccountId) -> rusqlite::Result<Option<Account>> {
    db.prepare_cached("SELECT * FROM accounts WHERE account_id = ?")?
        .query_row([account_id], account)
        .optional()
}

pub(super) fn account_by_email(db: &Connection, email_address: &str) -> rusqlite::Result<Option<Account>> {
    db.prepare_cached("SELECT * FROM accounts WHERE email_address = ?")?
        .query_row([email_address], account)
        .optional()
}

pub(super) fn sign_in(db: &Connection, email_address: &str) -> rusqlite::Result<Option<SignInRecord>> {
    db.prepare_cached("SELECT * FROM accounts WHERE email_address = ?")?
        .query_row([email_address], |row| {
            let account = Arc::new(account(row)?);
            Ok(SignInRecord { account, password_hash: row.get("password_hash")? })
        })
        .optional()
}

pub(super) fn session(db: &Connection, hash: &KeyedHash) -> rusqlite::Result<Option<Session>> {
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

pub(super) fn insert_session(db: &Connection, session: &Session) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)")?.execute(params![
        session.hash,
        session.account_id,
        session.account_epoch,
        session.created_at.as_millis(),
        session.seen_at.as_millis(),
    ])?;
    Ok(())
}

pub(super) fn delete_session(db: &Connection, hash: &KeyedHash) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM sessions WHERE hash = ?")?.execute([hash])?;
    Ok(())
}

pub(super) fn mark_session(db: &Connection, hash: &KeyedHash, seen_at: Timestamp) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE sessions SET seen_at = ?2 WHERE hash = ?1 AND seen_at < ?2")?
        .execute(params![hash, seen_at.as_millis()])?;
    Ok(())
}

/// Deletes what has ended.
pub(super) fn purge(db: &Connection, ended: &Ended) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM codes WHERE expires_at <= ?")?
        .execute([ended.codes_expired.as_millis()])?;
    db.prepare_cached("DELETE FROM sessions WHERE seen_at <= ? OR created_at <= ?")?
        .execute([ended.sessions_seen.as_millis(), ended.sessions_created.as_millis()])?;
    Ok(())
}

pub(super) fn account_by_api_key(db: &Connection, hash: &KeyedHash) -> rusqlite::Result<Option<Account>> {
    db.prepare_cached("SELECT * FROM accounts WHERE api_key = ?")?.query_row([hash], account).optional()
}

pub(super) fn insert_account(db: &Connection, new: &NewAccount) -> rusqlite::Result<()> {
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
pub(super) fn update_account(db: &Connection, account: &Account) -> rusqlite::Result<bool> {
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

fn client_of(row: &Row<'_>) -> rusqlite::Result<Client> {
    let (scopes, domains, switches): (String, String, String) =
        (row.get("scopes")?, row.get("domains")?, row.get("switches")?);
    Ok(Client {
        client_id: row.get("client_id")?,
        owner: row.get("owner")?,
        name: row.get("name")?,
        domains: domains.split_ascii_whitespace().map(str::to_owned).collect(),
        event_callback_url: row.get("event_callback_url")?,
        can_insert_everywhere: row.get("can_insert_everywhere")?,
        created_at: timestamp(row, "created_at")?,
        callback_url: row.get("callback_url")?,
        scopes: scopes.split_ascii_whitespace().map(Scope::from).collect(),
        is_approved: row.get("is_approved")?,
        is_resource_server: row.get("is_resource_server")?,
        switches: serde_json::from_str(&switches).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
        })?,
        rotation: row.get::<_, Option<i64>>("rotation_since")?.map(|since| match since {
            ROTATION_OFF => Rotation::Off,
            since => Rotation::OnSince(Timestamp::from_millis(since)),
        }),
        secret: row.get("secret")?,
        revision: row.get("revision")?,
        epoch: row.get("epoch")?,
    })
}

pub(super) fn client(db: &Connection, client_id: &str) -> rusqlite::Result<Option<Client>> {
    db.prepare_cached("SELECT * FROM clients WHERE client_id = ?")?
        .query_row([client_id], client_of)
        .optional()
}

/// One page of an account's apps, the oldest first, and how many there are.
pub(super) fn clients_of(
    db: &Connection,
    owner: AccountId,
    page: Page,
) -> rusqlite::Result<(Vec<Client>, u64)> {
    let count = db
        .prepare_cached("SELECT count(*) FROM clients WHERE owner = ? AND NOT is_resource_server")?
        .query_row([owner], |row| row.get::<_, i64>(0))?;
    let clients = db
        .prepare_cached(
            "SELECT * FROM clients WHERE owner = ? AND NOT is_resource_server
             ORDER BY created_at, client_id LIMIT ? OFFSET ?",
        )?
        .query_map(params![owner, page.size, page.offset()], client_of)?
        .collect::<Result<_, _>>()?;
    Ok((clients, u64::try_from(count).unwrap_or_default()))
}

pub(super) fn insert_client(db: &Connection, new: &Client) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO clients (client_id, owner, name, domains, event_callback_url, can_insert_everywhere,
            created_at, callback_url, scopes, is_approved, is_resource_server, switches, rotation_since, secret,
            revision, epoch)
         VALUES (:client_id, :owner, :name, :domains, :event_callback_url, :can_insert_everywhere,
            :created_at, :callback_url, :scopes, :is_approved, :is_resource_server, :switches, :rotation_since,
            :secret, :revision, :epoch)",
    )
    .and_then(|mut statement| write_client(&mut statement, new))
    .map(drop)
}

/// Writes an app's row over that of the revision before.
pub(super) fn update_client(db: &Connection, client: &Client) -> rusqlite::Result<bool> {
    let changed = db
        .prepare_cached(
            "UPDATE clients SET owner = :owner, name = :name, domains = :domains,
                event_callback_url = :event_callback_url, can_insert_everywhere = :can_insert_everywhere,
                created_at = :created_at, callback_url = :callback_url, scopes = :scopes,
                is_approved = :is_approved, is_resource_server = :is_resource_server, switches = :switches,
                rotation_since = :rotation_since, secret = :secret, revision = :revision, epoch = :epoch
             WHERE client_id = :client_id AND revision = :revision - 1",
        )
        .and_then(|mut statement| write_client(&mut statement, client))?;
    Ok(changed == 1)
}

fn write_client(statement: &mut Statement<'_>, client: &Client) -> rusqlite::Result<usize> {
    let scopes: Vec<&str> = client.scopes.iter().map(Scope::as_str).collect();
    let rotation_since = client.rotation.map(|rotation| match rotation {
        Rotation::Off => ROTATION_OFF,
        Rotation::OnSince(since) => since.as_millis(),
    });
    let switches = serde_json::to_string(&client.switches)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    statement.execute(named_params! {
        ":client_id": client.client_id,
        ":owner": client.owner,
        ":name": client.name,
        ":domains": client.domains.join(" "),
        ":event_callback_url": client.event_callback_url,
        ":can_insert_everywhere": client.can_insert_everywhere,
        ":created_at": client.created_at.as_millis(),
        ":callback_url": client.callback_url,
        ":scopes": scopes.join(" "),
        ":is_approved": client.is_approved,
        ":is_resource_server": client.is_resource_server,
        ":switches": switches,
        ":rotation_since": rotation_since,
        ":secret": client.secret,
        ":revision": client.revision,
        ":epoch": client.epoch,
    })
}

/// Its grants and codes end with it: nobody stands behind them any more.
pub(super) fn delete_client(db: &Connection, client_id: &str) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM clients WHERE client_id = ?")?.execute([client_id])?;
    Ok(())
}

pub(super) fn code(db: &Connection, hash: &KeyedHash) -> rusqlite::Result<Option<Code>> {
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

pub(super) fn insert_code(db: &Connection, code: &Code) -> rusqlite::Result<()> {
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
pub(super) fn consume_code(db: &Connection, hash: &KeyedHash, grant: &Grant) -> rusqlite::Result<bool> {
    let changed = db
        .prepare_cached("UPDATE codes SET grant_id = ?, redeemed_at = ? WHERE hash = ? AND grant_id IS NULL")?
        .execute(params![grant.grant_id, grant.issued_at.as_millis(), hash])?;
    Ok(changed == 1)
}

pub(super) fn grant(db: &Connection, grant_id: GrantId) -> rusqlite::Result<Option<Grant>> {
    db.prepare_cached("SELECT * FROM grants WHERE grant_id = ?")?
        .query_row([grant_id], |row| {
            Ok(Grant {
                grant_id: row.get("grant_id")?,
                client_id: row.get("client_id")?,
                account_id: row.get("account_id")?,
                client_epoch: row.get("client_epoch")?,
                account_epoch: row.get("account_epoch")?,
                seed: row.get("seed")?,
                created_at: timestamp(row, "created_at")?,
                is_imported: row.get("is_imported")?,
                revision: row.get("revision")?,
                generation: row.get("generation")?,
                parent: row.get("parent")?,
                issued_at: timestamp(row, "issued_at")?,
                key_id: KeyId(row.get("key_id")?),
                epoch: row.get("epoch")?,
                lifetime: row.get("lifetime")?,
                is_seen: row.get("is_seen")?,
                voids: VoidRange::decode(row.get::<_, Option<Vec<u8>>>("voids")?.as_deref()),
                access_since: row.get::<_, Option<i64>>("access_since")?.map(Timestamp::from_millis),
                revoked_at: row.get::<_, Option<i64>>("revoked_at")?.map(Timestamp::from_millis),
            })
        })
        .optional()
}

pub(super) fn insert_grant(db: &Connection, grant: &Grant) -> rusqlite::Result<()> {
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
pub(super) fn update_grant(db: &Connection, grant: &Grant) -> rusqlite::Result<()> {
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
pub(super) fn append_change(db: &Connection, change_id: i64, grant: &Grant) -> rusqlite::Result<()> {
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
pub(super) fn fold_changes(db: &Connection) -> rusqlite::Result<()> {
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
pub(super) fn delete_changes(db: &Connection, up_to: i64) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM grant_changes WHERE change_id <= ?")?.execute([up_to])?;
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

/// The grants of an account to an app that their rows say are not revoked.
pub(super) fn grants_between(
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

pub(super) fn imported_token(db: &Connection, hash: &KeyedHash) -> rusqlite::Result<Option<GrantId>> {
    db.prepare_cached("SELECT grant_id FROM imported_tokens WHERE hash = ?")?
        .query_row([hash], |row| row.get(0))
        .optional()
}

pub(super) fn insert_imported_token(
    db: &Connection,
    hash: &KeyedHash,
    grant_id: GrantId,
) -> rusqlite::Result<()> {
    let values: [&dyn ToSql; 2] = [hash, &grant_id];
    db.prepare_cached("INSERT INTO imported_tokens VALUES (?, ?)")?.execute(values)?;
    Ok(())
}
