//! What is done to a PostgreSQL database beside the servers that run on it: its schema, its keys.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_postgres::Client;

use super::migrations::{self, PendingMigration};
use super::open::{self, OpenedKeys};
use super::statements::Sql;
use super::{DatabaseUrl, PostgresError};
use crate::config::KeySource;
use crate::random::SystemRandom;
use crate::settings::{SharedSetting, SharedSettingError};
use crate::store::{KeyEntry, KeyUse};
use crate::token::roll::{self, RollError};
use crate::token::{KeyId, KeyLookup, KeyRing, ListedKey, ServerKeys, key_file};

/// A PostgreSQL database, for its operator. Servers may run on it meanwhile: they take over what changes here
/// within a second or two.
///
/// A server's secret is rolled in two steps: a new key is added and accepted, and its line brought to the key file of
/// every node; then it issues. Once nothing depends on the old one, or if it has leaked, it is revoked.
///
/// ```no_run
/// use hellosign_server::{KeySource, SharedDatabase};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let url = "postgres://hellosign:secret@127.0.0.1/hellosign".parse()?;
/// SharedDatabase::migrate(&url).await?;
/// let mut database = SharedDatabase::open(&url, KeySource::File("server.key".into())).await?;
/// let key_id = database.add_key().await?;
/// // Once every node has the key file:
/// database.issue_with(key_id).await?;
/// # Ok(())
/// # }
/// ```
pub struct SharedDatabase {
    client: Client,
    ring: KeyRing,
    secret: Arc<ServerKeys>,
    key_file: Option<PathBuf>,
}

/// Why a database cannot be worked on. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SharedDatabaseError(#[from] Reason);

#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error(
        "the server's secret was not read from a file, so no key can be added to it; add a line to where it is kept"
    )]
    NoFile,
    #[error(transparent)]
    Roll(#[from] RollError),
    #[error(transparent)]
    Setting(#[from] SharedSettingError),
}

impl<E: Into<PostgresError>> From<E> for SharedDatabaseError {
    fn from(error: E) -> Self {
        Self(Reason::Postgres(error.into()))
    }
}

impl SharedDatabase {
    /// The steps that the schema lacks; changes nothing.
    ///
    /// # Errors
    /// Where the database cannot be reached, or was made by a newer release.
    pub async fn plan(url: &DatabaseUrl) -> Result<Vec<PendingMigration>, SharedDatabaseError> {
        let mut client = connect(url).await?;
        Ok(migrations::plan(&mut client).await?)
    }

    /// Takes the steps that the schema lacks, all or none; gives them. A server does so, too, when it starts.
    ///
    /// # Errors
    /// Where the database cannot be reached, or was made by a newer release.
    pub async fn migrate(url: &DatabaseUrl) -> Result<Vec<PendingMigration>, SharedDatabaseError> {
        let mut client = connect(url).await?;
        Ok(migrations::migrate(&mut client).await?)
    }

    /// Opens a database whose schema is there, with its secret. A database without keys takes those of the secret.
    ///
    /// # Errors
    /// Where the database cannot be used, or the secret is not the one that belongs to it.
    pub async fn open(url: &DatabaseUrl, keys: KeySource) -> Result<Self, SharedDatabaseError> {
        let mut client = connect(url).await?;
        let OpenedKeys { ring, secret, file } = open::open_keys(&mut client, &keys, &SystemRandom).await?;
        Ok(Self { client, ring, secret, key_file: file })
    }

    /// The keys that the database knows, revoked ones included.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn keys(&self) -> Result<Vec<KeyEntry>, SharedDatabaseError> {
        let mut entries = Vec::new();
        for key in open::listed(&self.client).await? {
            let is_held = matches!(self.ring.find(key.id), KeyLookup::Held(_));
            entries.push(KeyEntry { id: key.id, state: key.state, is_held, uses: self.uses(key.id).await? });
        }
        Ok(entries)
    }

    /// Makes a new key, writes it to the key file, and has the database accept it.
    ///
    /// # Errors
    /// Where the secret is not in a file, or a write failed.
    pub async fn add_key(&mut self) -> Result<KeyId, SharedDatabaseError> {
        let key_file = self.key_file.clone().ok_or(SharedDatabaseError(Reason::NoFile))?;
        let (secret, key_id) = self.secret.with_another(&SystemRandom);
        key_file::write(&key_file, &secret)?;
        let source = KeySource::File(key_file);
        let opened = open::open_keys(&mut self.client, &source, &SystemRandom).await?;
        (self.ring, self.secret) = (opened.ring, opened.secret);
        Ok(key_id)
    }

    /// Has a key issue all credentials from now on, at every node that has it. The one that did so is accepted
    /// further.
    ///
    /// # Errors
    /// Where there is no such key, it is revoked, or its secret was not given.
    pub async fn issue_with(&mut self, key_id: KeyId) -> Result<(), SharedDatabaseError> {
        self.change(|listed, ring| roll::issue(listed, ring, key_id)).await
    }

    /// Ends everything that was made with a key: tokens, and the credentials that are kept as hashes under it. It
    /// does not come back; its line in the key files can go.
    ///
    /// # Errors
    /// Where there is no such key, or it is the one that issues.
    pub async fn revoke_key(&mut self, key_id: KeyId) -> Result<KeyUse, SharedDatabaseError> {
        let ended = self.uses(key_id).await?;
        self.change(|listed, _| Ok(vec![roll::revoke(listed, key_id)?])).await?;
        Ok(ended)
    }

    /// Says that the database was restored from a backup. Tokens of the time that was lost are told apart from then on
    /// from those that are issued anew. Gives the epoch that begins.
    ///
    /// # Errors
    /// Where the database cannot be written.
    pub async fn restored(url: &DatabaseUrl) -> Result<u32, SharedDatabaseError> {
        let sql = "UPDATE meta SET value = value + 1 WHERE name = 'epoch' RETURNING value";
        let mut client = connect(url).await?;
        let transaction = client.transaction().await?;
        migrations::wait_for_locks(&transaction).await?;
        let row = transaction.query_one(sql, &[]).await?;
        transaction.commit().await?;
        Ok(u32::try_from(row.get::<_, i64>(0)).unwrap_or_default())
    }

    /// What is set for all servers.
    ///
    /// # Errors
    /// Where the database cannot be read. What a newer release has set is left out.
    pub async fn settings(url: &DatabaseUrl) -> Result<Vec<SharedSetting>, SharedDatabaseError> {
        let rows = connect(url).await?.query(&Sql::ListSettings.text(), &[]).await?;
        Ok(rows.iter().filter_map(|row| SharedSetting::parse(row.get(0), row.get(1)).ok()).collect())
    }

    /// Has all servers go by this setting, within a second or two.
    ///
    /// # Errors
    /// Where the database cannot be written.
    pub async fn set(url: &DatabaseUrl, setting: SharedSetting) -> Result<(), SharedDatabaseError> {
        let sql = "INSERT INTO settings VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2";
        connect(url).await?.execute(sql, &[&setting.name(), &setting.value()]).await?;
        Ok(())
    }

    /// Has each server go by what it was started with again.
    ///
    /// # Errors
    /// Where the database cannot be written, or there is no such setting.
    pub async fn unset(url: &DatabaseUrl, name: &str) -> Result<(), SharedDatabaseError> {
        if !SharedSetting::NAMES.contains(&name) {
            return Err(SharedDatabaseError(SharedSettingError::Name(name.to_owned()).into()));
        }
        connect(url).await?.execute("DELETE FROM settings WHERE name = $1", &[&name]).await?;
        Ok(())
    }

    /// Writes all of it or nothing, durably, one operator after the other.
    async fn change(
        &mut self,
        decide: impl FnOnce(&[ListedKey], &KeyRing) -> Result<Vec<ListedKey>, RollError>,
    ) -> Result<(), SharedDatabaseError> {
        let transaction = self.client.transaction().await?;
        migrations::wait_for_locks(&transaction).await?;
        transaction.query("SELECT value FROM meta WHERE name = 'epoch' FOR UPDATE", &[]).await?;
        let listed = open::listed(&transaction).await?;
        let changed = decide(&listed, &self.ring).map_err(Reason::from)?;
        for key in changed {
            open::put(&transaction, &key).await?;
        }
        let listed = open::listed(&transaction).await?;
        let ring = KeyRing::open(&self.secret, &listed)?;
        transaction.commit().await?;
        self.ring = ring;
        Ok(())
    }

    /// How many credentials of each kind are kept as hashes under this key.
    async fn uses(&self, key_id: KeyId) -> Result<KeyUse, SharedDatabaseError> {
        const COUNT: &str = "SELECT
            (SELECT count(*) FROM clients WHERE substring(secret FOR 4) = $1),
            (SELECT count(*) FROM accounts WHERE substring(api_key FOR 4) = $1),
            (SELECT count(*) FROM imported_tokens WHERE substring(hash FOR 4) = $1)";
        let row = self.client.query_one(COUNT, &[&key_id.0.to_be_bytes()]).await?;
        let count = |at| row.get::<_, i64>(at).unsigned_abs();
        Ok(KeyUse { client_secrets: count(0), api_keys: count(1), imported_tokens: count(2) })
    }
}

/// A connection to a database whose schema is up to date.
pub(in crate::store) async fn connect_and_migrate(url: &DatabaseUrl) -> Result<Client, PostgresError> {
    let (mut client, driving) = url.connector()?.connect().await?;
    tokio::spawn(driving);
    migrations::migrate(&mut client).await?;
    Ok(client)
}

async fn connect(url: &DatabaseUrl) -> Result<Client, SharedDatabaseError> {
    let (client, driving) = url.connector()?.connect().await?;
    tokio::spawn(driving);
    Ok(client)
}

impl fmt::Debug for SharedDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedDatabase").field("keys", &self.ring).finish_non_exhaustive()
    }
}
