//! Every statement that requests run, by name. Each is one round trip and a transaction of its own.

use super::rows::{ACCOUNT, CLIENT, CODE, GRANT, SESSION};

/// Names a statement, which every connection has prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sql {
    Beat,
    FindClient,
    CountClients,
    ListClients,
    InsertClient,
    UpdateClient,
    DeleteClient,
    InsertAccount,
    InsertAccountAndGrant,
    UpdateAccount,
    FindAccount,
    FindAccountByEmail,
    FindAccountByApiKey,
    ReadGrant,
    ListGrants,
    FindImported,
    FindCode,
    InsertCode,
    RedeemCode,
    UpdateGrant,
    FindSession,
    InsertSession,
    DeleteSession,
    MarkSeen,
    MarkSessions,
    RehashSecret,
    RehashApiKey,
    RehashImported,
    PurgeCodes,
    PurgeSessions,
    Advance,
    ListKeys,
    AddKey,
    ListSettings,
    Settle,
}

impl Sql {
    /// All of them, in the order of their numbers.
    pub(super) const ALL: [Self; 35] = [
        Self::Beat,
        Self::FindClient,
        Self::CountClients,
        Self::ListClients,
        Self::InsertClient,
        Self::UpdateClient,
        Self::DeleteClient,
        Self::InsertAccount,
        Self::InsertAccountAndGrant,
        Self::UpdateAccount,
        Self::FindAccount,
        Self::FindAccountByEmail,
        Self::FindAccountByApiKey,
        Self::ReadGrant,
        Self::ListGrants,
        Self::FindImported,
        Self::FindCode,
        Self::InsertCode,
        Self::RedeemCode,
        Self::UpdateGrant,
        Self::FindSession,
        Self::InsertSession,
        Self::DeleteSession,
        Self::MarkSeen,
        Self::MarkSessions,
        Self::RehashSecret,
        Self::RehashApiKey,
        Self::RehashImported,
        Self::PurgeCodes,
        Self::PurgeSessions,
        Self::Advance,
        Self::ListKeys,
        Self::AddKey,
        Self::ListSettings,
        Self::Settle,
    ];

    /// Whether it changes nothing.
    pub(super) fn is_read(self) -> bool {
        matches!(
            self,
            Self::FindClient
                | Self::CountClients
                | Self::ListClients
                | Self::FindAccount
                | Self::FindAccountByEmail
                | Self::FindAccountByApiKey
                | Self::ReadGrant
                | Self::ListGrants
                | Self::FindImported
                | Self::FindCode
                | Self::FindSession
                | Self::ListKeys
                | Self::ListSettings
        )
    }

    pub(super) fn text(self) -> String {
        match self {
            Self::Beat
            | Self::Advance
            | Self::ListKeys
            | Self::AddKey
            | Self::ListSettings
            | Self::Settle => self.of_the_database().to_owned(),
            Self::FindClient
            | Self::CountClients
            | Self::ListClients
            | Self::InsertClient
            | Self::UpdateClient
            | Self::DeleteClient => self.of_clients(),
            Self::ReadGrant
            | Self::ListGrants
            | Self::FindImported
            | Self::FindCode
            | Self::InsertCode
            | Self::RedeemCode
            | Self::UpdateGrant => self.of_grants(),
            Self::InsertAccount
            | Self::InsertAccountAndGrant
            | Self::UpdateAccount
            | Self::FindAccount
            | Self::FindAccountByEmail
            | Self::FindAccountByApiKey
            | Self::FindSession
            | Self::InsertSession
            | Self::DeleteSession => self.of_people(),
            _ => self.of_bookkeeping().to_owned(),
        }
    }

    fn of_the_database(self) -> &'static str {
        match self {
            // $1: the time by a test's clock, or NULL for the database's own.
            Self::Beat => {
                "UPDATE clock SET last_time = greatest(last_time, advanced + coalesce(CAST($1 AS BIGINT),
                     CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)))
                 RETURNING last_time, advanced, (SELECT value FROM meta WHERE name = 'epoch'),
                     (SELECT value FROM meta WHERE name = 'filling')"
            }
            Self::Advance => "UPDATE clock SET advanced = advanced + $1 RETURNING advanced",
            Self::ListSettings => "SELECT name, value FROM settings ORDER BY name",
            Self::ListKeys => "SELECT key_id, check_value, state FROM server_keys ORDER BY key_id",
            Self::Settle => {
                "INSERT INTO settled VALUES ($1) ON CONFLICT (slot) DO UPDATE SET slot = settled.slot"
            }
            _ => "INSERT INTO server_keys VALUES ($1, $2, $3) ON CONFLICT (key_id) DO NOTHING RETURNING 1",
        }
    }

    fn of_clients(self) -> String {
        match self {
            Self::FindClient => format!("SELECT {CLIENT} FROM clients WHERE client_id = $1"),
            Self::CountClients => {
                "SELECT count(*) FROM clients WHERE owner = $1 AND NOT is_resource_server".to_owned()
            }
            Self::ListClients => format!(
                "SELECT {CLIENT} FROM clients WHERE owner = $1 AND NOT is_resource_server
                 ORDER BY created_at, client_id LIMIT $2 OFFSET $3"
            ),
            Self::InsertClient => format!(
                "INSERT INTO clients ({CLIENT}) VALUES ({}) ON CONFLICT (client_id) DO NOTHING RETURNING 1",
                placeholders(16)
            ),
            Self::UpdateClient => {
                "UPDATE clients SET owner = $2, name = $3, domains = $4, event_callback_url = $5,
                     can_insert_everywhere = $6, created_at = $7, callback_url = $8, scopes = $9,
                     is_approved = $10, is_resource_server = $11, switches = $12, rotation_since = $13,
                     secret = $14, revision = $15, epoch = $16
                 WHERE client_id = $1 AND revision + 1 = $15 RETURNING 1"
                    .to_owned()
            }
            _ => "DELETE FROM clients WHERE client_id = $1".to_owned(),
        }
    }

    fn of_people(self) -> String {
        match self {
            Self::FindAccount => format!("SELECT {ACCOUNT} FROM accounts WHERE account_id = $1"),
            Self::FindAccountByEmail => {
                format!("SELECT {ACCOUNT}, password_hash FROM accounts WHERE email_key = $1")
            }
            Self::FindAccountByApiKey => {
                format!("SELECT {ACCOUNT}, api_key FROM accounts WHERE api_key = ANY($1)")
            }
            Self::InsertAccount => INSERT_ACCOUNT.to_owned(),
            // The account decides: without it there is no grant either.
            Self::InsertAccountAndGrant => format!(
                "WITH account AS ({INSERT_ACCOUNT})
                 INSERT INTO grants ({GRANT}) SELECT {} FROM account RETURNING 1",
                grant_values(10)
            ),
            Self::UpdateAccount => "UPDATE accounts SET is_locked = $2, is_confirmed = $3, callback_url = $4,
                     locale = $5, revision = $6, epoch = $7
                 WHERE account_id = $1 AND revision + 1 = $6 RETURNING 1"
                .to_owned(),
            Self::FindSession => format!("SELECT {SESSION} FROM sessions WHERE hash = ANY($1)"),
            Self::InsertSession => {
                format!("INSERT INTO sessions ({SESSION}) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING")
            }
            _ => "DELETE FROM sessions WHERE hash = ANY($1) RETURNING 1".to_owned(),
        }
    }

    fn of_grants(self) -> String {
        match self {
            // Who refreshes needs all three.
            Self::ReadGrant => format!(
                "SELECT {}, {}, {} FROM grants g LEFT JOIN clients c ON c.client_id = g.client_id
                     LEFT JOIN accounts a ON a.account_id = g.account_id
                 WHERE g.grant_id = $1",
                of_table("g", GRANT),
                of_table("c", CLIENT),
                of_table("a", ACCOUNT)
            ),
            Self::ListGrants => format!(
                "SELECT {GRANT} FROM grants WHERE account_id = $1 AND client_id = $2 AND revoked_at IS NULL"
            ),
            Self::FindImported => "SELECT grant_id, hash FROM imported_tokens WHERE hash = ANY($1)".to_owned(),
            Self::FindCode => format!("SELECT {CODE} FROM codes WHERE hash = ANY($1)"),
            Self::InsertCode => format!(
                "INSERT INTO codes ({CODE}) VALUES ({}, NULL, NULL) ON CONFLICT (hash) DO NOTHING
                 RETURNING 1",
                placeholders(9)
            ),
            Self::RedeemCode => redeem_code(),
            _ => "UPDATE grants SET revision = $2, generation = $3, parent = $4, issued_at = $5, key_id = $6,
                     epoch = $7, lifetime = $8, is_seen = $9, voids = $10, access_since = $11, revoked_at = $12
                 WHERE grant_id = $1 AND revision + 1 = $2 RETURNING 1"
                .to_owned(),
        }
    }

    /// What is written off the answers' way.
    fn of_bookkeeping(self) -> &'static str {
        match self {
            // A row that is locked is being rotated: what was used is not in force any more. And nodes that do this
            // at the same time never wait for each other in a circle.
            Self::MarkSeen => {
                "UPDATE grants SET is_seen = true, revision = revision + 1
                 FROM (SELECT g.grant_id FROM unnest(CAST($1 AS BYTEA[]), CAST($2 AS BIGINT[])) AS used (grant_id, generation)
                     JOIN grants g ON g.grant_id = used.grant_id AND g.generation = used.generation
                     WHERE NOT g.is_seen FOR UPDATE OF g SKIP LOCKED) AS unseen
                 WHERE grants.grant_id = unseen.grant_id RETURNING grants.grant_id"
            }
            Self::MarkSessions => "UPDATE sessions SET seen_at = $2 WHERE hash = $1 AND seen_at < $2",
            Self::RehashSecret => "UPDATE clients SET secret = $1 WHERE secret = $2",
            Self::RehashApiKey => "UPDATE accounts SET api_key = $1 WHERE api_key = $2",
            Self::RehashImported => "UPDATE imported_tokens SET hash = $1 WHERE hash = $2",
            Self::PurgeCodes => {
                "DELETE FROM codes WHERE hash IN (SELECT hash FROM codes WHERE expires_at <= $1 LIMIT 1000)
                 RETURNING 1"
            }
            _ => {
                "DELETE FROM sessions WHERE hash IN
                     (SELECT hash FROM sessions WHERE seen_at <= $1 OR created_at <= $2 LIMIT 1000)
                 RETURNING 1"
            }
        }
    }
}

const INSERT_ACCOUNT: &str =
    "INSERT INTO accounts (account_id, email_address, email_key, is_locked, is_confirmed,
         callback_url, locale, revision, epoch)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (email_key) DO NOTHING RETURNING 1";

/// Consumes a code ($1), stores its grant ($2 and on) and revokes those of the same account and app that are too
/// many (beyond $21, this one counted), all or nothing.
fn redeem_code() -> String {
    format!(
        "WITH consumed AS (
             UPDATE codes SET grant_id = $2, redeemed_at = $13 WHERE hash = $1 AND grant_id IS NULL
             RETURNING hash),
         surplus AS (
             UPDATE grants SET revoked_at = $13, revision = revision + 1
             WHERE revoked_at IS NULL AND grant_id IN (
                 SELECT grant_id FROM grants
                 WHERE account_id = $4 AND client_id = $3 AND revoked_at IS NULL
                     AND client_epoch = $5 AND account_epoch = $6
                 ORDER BY issued_at DESC OFFSET CAST($21 AS BIGINT) - 1)
                 AND EXISTS (SELECT 1 FROM consumed)
             RETURNING grant_id),
         inserted AS (
             INSERT INTO grants ({GRANT}) SELECT {} FROM consumed RETURNING grant_id)
         SELECT inserted.grant_id, surplus.grant_id FROM inserted LEFT JOIN surplus ON true",
        grant_values(2)
    )
}

/// The 19 values of a grant, from this number on, with the types that an INSERT … SELECT has to be told.
fn grant_values(from: usize) -> String {
    const TYPES: [&str; 19] = [
        "BYTEA", "TEXT", "BYTEA", "BIGINT", "BIGINT", "BYTEA", "BIGINT", "BOOLEAN", "BIGINT", "BIGINT",
        "BIGINT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "BOOLEAN", "BYTEA", "BIGINT", "BIGINT",
    ];
    let values = (from..).zip(TYPES).map(|(number, kind)| format!("CAST(${number} AS {kind})"));
    values.collect::<Vec<_>>().join(", ")
}

fn placeholders(count: usize) -> String {
    (1..=count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}

/// These columns, of this table among several.
fn of_table(table: &str, columns: &str) -> String {
    columns.split(", ").map(|column| format!("{table}.{column}")).collect::<Vec<_>>().join(", ")
}
