//! Rows to models and back. Columns are read in the order in which they are listed here.

use std::sync::Arc;

use hellosign_wire::scope::Scope;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, ToSql};

use crate::clock::Timestamp;
use crate::store::StoreError;
use crate::store::model::{Account, Client, Code, Grant, Rotation, Session, VoidRange};
use crate::token::{KeyId, KeyState, ListedKey};

pub(super) const ACCOUNT: &str =
    "account_id, email_address, is_locked, is_confirmed, callback_url, locale, revision, epoch";
pub(super) const CLIENT: &str = "client_id, owner, name, domains, event_callback_url, can_insert_everywhere, \
     created_at, callback_url, scopes, is_approved, is_resource_server, switches, rotation_since, secret, revision, \
     epoch";
pub(super) const CODE: &str = "hash, client_id, account_id, redirect_uri, code_challenge, client_epoch, \
     account_epoch, created_at, expires_at, grant_id, redeemed_at";
pub(super) const GRANT: &str = "grant_id, client_id, account_id, client_epoch, account_epoch, seed, created_at, \
     is_imported, revision, generation, parent, issued_at, key_id, epoch, lifetime, is_seen, voids, access_since, \
     revoked_at";
pub(super) const SESSION: &str = "hash, account_id, account_epoch, created_at, seen_at";

const GRANT_COLUMNS: usize = 19;
const CLIENT_COLUMNS: usize = 16;
const ROTATION_OFF: i64 = -1;

/// Reads a row column by column.
pub(super) struct Columns<'a> {
    row: &'a Row,
    at: usize,
}

impl<'a> Columns<'a> {
    pub(super) fn of(row: &'a Row) -> Self {
        Self { row, at: 0 }
    }

    fn from(row: &'a Row, at: usize) -> Self {
        Self { row, at }
    }

    pub(super) fn next<T: FromSql<'a>>(&mut self) -> Result<T, StoreError> {
        let value = self.row.try_get(self.at).map_err(|error| unreadable(&error));
        self.at += 1;
        value
    }

    /// Bytes of a fixed length.
    pub(super) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let bytes: &[u8] = self.next()?;
        bytes.try_into().map_err(|error| unreadable(&error))
    }

    fn optional_bytes<const N: usize>(&mut self) -> Result<Option<[u8; N]>, StoreError> {
        let bytes: Option<&[u8]> = self.next()?;
        bytes.map(|bytes| bytes.try_into().map_err(|error| unreadable(&error))).transpose()
    }

    fn number(&mut self) -> Result<u32, StoreError> {
        u32::try_from(self.next::<i64>()?).map_err(|error| unreadable(&error))
    }

    fn optional_number(&mut self) -> Result<Option<u32>, StoreError> {
        let number: Option<i64> = self.next()?;
        number.map(|number| u32::try_from(number).map_err(|error| unreadable(&error))).transpose()
    }

    pub(super) fn time(&mut self) -> Result<Timestamp, StoreError> {
        self.next().map(Timestamp::from_millis)
    }

    fn optional_time(&mut self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.next::<Option<i64>>()?.map(Timestamp::from_millis))
    }
}

/// A row that this program has not written: nothing can be decided by it.
fn unreadable(error: &dyn std::error::Error) -> StoreError {
    tracing::error!(%error, "a row of the database cannot be read");
    StoreError::Unavailable
}

pub(super) fn account(columns: &mut Columns<'_>) -> Result<Account, StoreError> {
    Ok(Account {
        account_id: columns.bytes()?,
        email_address: columns.next()?,
        is_locked: columns.next()?,
        is_confirmed: columns.next()?,
        callback_url: columns.next()?,
        locale: columns.next()?,
        revision: columns.number()?,
        epoch: columns.number()?,
    })
}

pub(super) fn client(columns: &mut Columns<'_>) -> Result<Client, StoreError> {
    let words = |text: &str| text.split_ascii_whitespace().map(str::to_owned).collect();
    Ok(Client {
        client_id: columns.next()?,
        owner: columns.bytes()?,
        name: columns.next()?,
        domains: words(columns.next()?),
        event_callback_url: columns.next()?,
        can_insert_everywhere: columns.next()?,
        created_at: columns.time()?,
        callback_url: columns.next()?,
        scopes: columns.next::<&str>()?.split_ascii_whitespace().map(Scope::from).collect(),
        is_approved: columns.next()?,
        is_resource_server: columns.next()?,
        switches: serde_json::from_str(columns.next()?).map_err(|error| unreadable(&error))?,
        rotation: columns.next::<Option<i64>>()?.map(|since| match since {
            ROTATION_OFF => Rotation::Off,
            since => Rotation::OnSince(Timestamp::from_millis(since)),
        }),
        secret: columns.optional_bytes()?,
        revision: columns.number()?,
        epoch: columns.number()?,
    })
}

pub(super) fn code(row: &Row) -> Result<Code, StoreError> {
    let mut columns = Columns::of(row);
    Ok(Code {
        hash: columns.bytes()?,
        client_id: columns.next()?,
        account_id: columns.bytes()?,
        redirect_uri: columns.next()?,
        code_challenge: columns.next()?,
        client_epoch: columns.number()?,
        account_epoch: columns.number()?,
        created_at: columns.time()?,
        expires_at: columns.time()?,
        redeemed: columns.optional_bytes()?.zip(columns.optional_time()?),
    })
}

pub(super) fn grant(columns: &mut Columns<'_>) -> Result<Grant, StoreError> {
    Ok(Grant {
        grant_id: columns.bytes()?,
        client_id: columns.next()?,
        account_id: columns.bytes()?,
        client_epoch: columns.number()?,
        account_epoch: columns.number()?,
        seed: columns.bytes()?,
        created_at: columns.time()?,
        is_imported: columns.next()?,
        revision: columns.number()?,
        generation: columns.number()?,
        parent: columns.optional_number()?,
        issued_at: columns.time()?,
        key_id: KeyId(columns.number()?),
        epoch: columns.number()?,
        lifetime: columns.number()?,
        is_seen: columns.next()?,
        voids: VoidRange::decode(columns.next()?),
        access_since: columns.optional_time()?,
        revoked_at: columns.optional_time()?,
    })
}

/// A grant with what a refresh asks for next.
pub(super) struct Joined {
    pub(super) grant: Grant,
    pub(super) client: Option<Arc<Client>>,
    pub(super) account: Option<Account>,
}

/// Reads what [`super::Sql::ReadGrant`] selects. The client is not read again where `known` has it in the same
/// revision.
pub(super) fn joined(
    row: &Row,
    known: impl FnOnce(&str) -> Option<Arc<Client>>,
) -> Result<Joined, StoreError> {
    let grant = grant(&mut Columns::of(row))?;
    let client_id: Option<&str> = Columns::from(row, GRANT_COLUMNS).next()?;
    let client = match client_id {
        None => None,
        Some(client_id) => {
            let revision = Columns::from(row, GRANT_COLUMNS + CLIENT_COLUMNS - 2).number()?;
            match known(client_id).filter(|client| client.revision == revision) {
                Some(client) => Some(client),
                None => Some(Arc::new(client_at(row)?)),
            }
        }
    };
    let at = GRANT_COLUMNS + CLIENT_COLUMNS;
    let account_id: Option<&[u8]> = Columns::from(row, at).next()?;
    let account = account_id.map(|_| account(&mut Columns::from(row, at))).transpose()?;
    Ok(Joined { grant, client, account })
}

fn client_at(row: &Row) -> Result<Client, StoreError> {
    client(&mut Columns::from(row, GRANT_COLUMNS))
}

pub(super) fn session(row: &Row) -> Result<Session, StoreError> {
    let mut columns = Columns::of(row);
    Ok(Session {
        hash: columns.bytes()?,
        account_id: columns.bytes()?,
        account_epoch: columns.number()?,
        created_at: columns.time()?,
        seen_at: columns.time()?,
    })
}

pub(super) fn listed_key(row: &Row) -> Result<ListedKey, StoreError> {
    let mut columns = Columns::of(row);
    let (id, check, state) = (KeyId(columns.number()?), columns.bytes()?, columns.number()?);
    let state = match state {
        0 => KeyState::Accepted,
        1 => KeyState::Issuing,
        _ => KeyState::Revoked,
    };
    Ok(ListedKey { id, check, state })
}

/// The values of a key's row.
pub(super) fn key_values(key: &ListedKey) -> (i64, [u8; 16], i64) {
    let state = match key.state {
        KeyState::Accepted => 0,
        KeyState::Issuing => 1,
        KeyState::Revoked => 2,
    };
    (key.id.0.into(), key.check, state)
}

/// Values on their way to the database.
pub(super) type Values<'a> = [&'a (dyn ToSql + Sync)];

/// A value on its way to the database.
pub(super) type Value = Box<dyn ToSql + Send + Sync>;

/// The values in the form in which a statement takes them.
pub(super) fn refs(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value.as_ref() as &(dyn ToSql + Sync)).collect()
}

/// The values of [`GRANT`]'s columns.
pub(super) fn grant_values(grant: &Grant) -> Vec<Value> {
    vec![
        Box::new(grant.grant_id),
        Box::new(grant.client_id.clone()),
        Box::new(grant.account_id),
        Box::new(i64::from(grant.client_epoch)),
        Box::new(i64::from(grant.account_epoch)),
        Box::new(grant.seed),
        Box::new(grant.created_at.as_millis()),
        Box::new(grant.is_imported),
        Box::new(i64::from(grant.revision)),
        Box::new(i64::from(grant.generation)),
        Box::new(grant.parent.map(i64::from)),
        Box::new(grant.issued_at.as_millis()),
        Box::new(i64::from(grant.key_id.0)),
        Box::new(i64::from(grant.epoch)),
        Box::new(i64::from(grant.lifetime)),
        Box::new(grant.is_seen),
        Box::new(VoidRange::encode(&grant.voids)),
        Box::new(grant.access_since.map(Timestamp::as_millis)),
        Box::new(grant.revoked_at.map(Timestamp::as_millis)),
    ]
}

/// The values of [`CLIENT`]'s columns.
pub(super) fn client_values(client: &Client) -> Result<Vec<Value>, StoreError> {
    let scopes: Vec<&str> = client.scopes.iter().map(Scope::as_str).collect();
    let rotation_since = client.rotation.map(|rotation| match rotation {
        Rotation::Off => ROTATION_OFF,
        Rotation::OnSince(since) => since.as_millis(),
    });
    let switches = serde_json::to_string(&client.switches).map_err(|error| unreadable(&error))?;
    Ok(vec![
        Box::new(client.client_id.clone()),
        Box::new(client.owner),
        Box::new(client.name.clone()),
        Box::new(client.domains.join(" ")),
        Box::new(client.event_callback_url.clone()),
        Box::new(client.can_insert_everywhere),
        Box::new(client.created_at.as_millis()),
        Box::new(client.callback_url.clone()),
        Box::new(scopes.join(" ")),
        Box::new(client.is_approved),
        Box::new(client.is_resource_server),
        Box::new(switches),
        Box::new(rotation_since),
        Box::new(client.secret),
        Box::new(i64::from(client.revision)),
        Box::new(i64::from(client.epoch)),
    ])
}

/// The values of a new account's columns, but for its password and its API key, with its address as it is found by.
pub(super) fn account_values(account: &Account) -> Vec<Value> {
    vec![
        Box::new(account.account_id),
        Box::new(account.email_address.clone()),
        Box::new(email_key(&account.email_address)),
        Box::new(account.is_locked),
        Box::new(account.is_confirmed),
        Box::new(account.callback_url.clone()),
        Box::new(account.locale.clone()),
        Box::new(i64::from(account.revision)),
        Box::new(i64::from(account.epoch)),
    ]
}

/// The values of a new code's columns.
pub(super) fn code_values(code: &Code) -> Vec<Value> {
    vec![
        Box::new(code.hash),
        Box::new(code.client_id.clone()),
        Box::new(code.account_id),
        Box::new(code.redirect_uri.clone()),
        Box::new(code.code_challenge.clone()),
        Box::new(i64::from(code.client_epoch)),
        Box::new(i64::from(code.account_epoch)),
        Box::new(code.created_at.as_millis()),
        Box::new(code.expires_at.as_millis()),
    ]
}

/// What an address is found by, whatever its capitals.
pub(super) fn email_key(email_address: &str) -> String {
    email_address.to_ascii_lowercase()
}
