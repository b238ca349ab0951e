//! API apps.

use hellosign_wire::scope::Scope;
use rusqlite::{Connection, OptionalExtension as _, Row, Statement, named_params, params};

use super::timestamp;
use crate::clock::Timestamp;
use crate::store::Page;
use crate::store::model::{AccountId, Client, Rotation};

const ROTATION_OFF: i64 = -1;

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

pub(crate) fn client(db: &Connection, client_id: &str) -> rusqlite::Result<Option<Client>> {
    db.prepare_cached("SELECT * FROM clients WHERE client_id = ?")?
        .query_row([client_id], client_of)
        .optional()
}

/// One page of an account's apps, the oldest first, and how many there are.
pub(crate) fn clients_of(
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

pub(crate) fn insert_client(db: &Connection, new: &Client) -> rusqlite::Result<()> {
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
pub(crate) fn update_client(db: &Connection, client: &Client) -> rusqlite::Result<bool> {
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
pub(crate) fn delete_client(db: &Connection, client_id: &str) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM clients WHERE client_id = ?")?.execute([client_id])?;
    Ok(())
}
