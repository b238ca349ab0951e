//! What is done to a data directory while no server runs on it: its keys, for now.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::open::{self, OpenError, Opened};
use super::{rows, server_keys};
use crate::config::KeySource;
use crate::random::SystemRandom;
use crate::store::{KeyEntry, KeyUse};
use crate::token::roll::{self, RollError};
use crate::token::{KeyId, KeyLookup, KeyRing, ListedKey, key_file};

/// A data directory that no server runs on, for its operator.
///
/// A server's secret is rolled in two steps, with a start of the server after each: a new key is added
/// and accepted, then it issues. Once nothing depends on the old one, or if it has leaked, it is revoked.
///
/// ```no_run
/// use hellosign_server::{DataDir, KeySource};
///
/// let mut data_dir = DataDir::open("data".as_ref(), KeySource::DataDir)?;
/// let key_id = data_dir.add_key()?;
/// data_dir.issue_with(key_id)?;
/// for key in data_dir.keys()? {
///     println!("{} {}", key.id, key.state);
/// }
/// # Ok::<(), hellosign_server::DataDirError>(())
/// ```
pub struct DataDir(Opened);

/// Why a data directory cannot be worked on. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DataDirError(#[from] Reason);

#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("there is no database in {0}; a server makes one when it starts there")]
    Nothing(String),
    #[error("the database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error(
        "the server's secret was not read from a file, so no key can be added to it; add a line to where it is kept"
    )]
    NoFile,
    #[error(transparent)]
    Roll(#[from] RollError),
}

impl From<OpenError> for DataDirError {
    fn from(error: OpenError) -> Self {
        Self(error.into())
    }
}

impl From<RollError> for DataDirError {
    fn from(error: RollError) -> Self {
        Self(error.into())
    }
}

impl From<rusqlite::Error> for DataDirError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.into())
    }
}

impl DataDir {
    /// Opens a directory that a server has made.
    ///
    /// # Errors
    /// Where there is no database, a server runs on it, or the database or its secret cannot be used.
    pub fn open(dir: &Path, keys: KeySource) -> Result<Self, DataDirError> {
        if !open::database(dir).exists() {
            return Err(Reason::Nothing(dir.display().to_string()).into());
        }
        Ok(Self(open::open(dir, &keys, &SystemRandom)?))
    }

    /// The keys that the database knows, revoked ones included.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn keys(&self) -> Result<Vec<KeyEntry>, DataDirError> {
        let entry = |key: ListedKey| {
            Ok(KeyEntry {
                id: key.id,
                state: key.state,
                is_held: matches!(self.0.keys.find(key.id), KeyLookup::Held(_)),
                uses: server_keys::uses(self.database(), key.id)?,
            })
        };
        server_keys::listed(self.database())?.into_iter().map(entry).collect()
    }

    /// Makes a new key, writes it to the key file, and has the database accept it.
    ///
    /// # Errors
    /// Where the secret is not in a file, or a write failed.
    pub fn add_key(&mut self) -> Result<KeyId, DataDirError> {
        let Some(key_file) = &self.0.key_file else { return Err(Reason::NoFile.into()) };
        let (secret, key_id) = self.0.secret.with_another(&SystemRandom);
        key_file::write(key_file, &secret).map_err(OpenError::from)?;
        self.0.keys = open::key_ring(self.database(), &secret, &self.0.path)?;
        self.0.secret = Arc::new(secret);
        Ok(key_id)
    }

    /// Has a key issue all credentials from now on. The one that did so is accepted further.
    ///
    /// # Errors
    /// Where there is no such key, it is revoked, or its secret was not given.
    pub fn issue_with(&mut self, key_id: KeyId) -> Result<(), DataDirError> {
        let listed = server_keys::listed(self.database())?;
        self.change(roll::issue(&listed, &self.0.keys, key_id)?)
    }

    /// Ends everything that was made with a key: tokens, and the credentials that are kept as hashes
    /// under it. It does not come back; its line in the key file can go.
    ///
    /// # Errors
    /// Where there is no such key, or it is the one that issues.
    pub fn revoke_key(&mut self, key_id: KeyId) -> Result<KeyUse, DataDirError> {
        let revoked = roll::revoke(&server_keys::listed(self.database())?, key_id)?;
        let ended = server_keys::uses(self.database(), key_id)?;
        self.change([revoked])?;
        Ok(ended)
    }

    /// Says that the database was restored from a backup. Tokens of the time that was lost are told apart from then on
    /// from those that are issued anew. Gives the epoch that begins.
    ///
    /// # Errors
    /// Where the database cannot be written.
    pub fn restored(&mut self) -> Result<u32, DataDirError> {
        let epoch = rows::add_to_meta(self.database(), "epoch", 1)?;
        Ok(u32::try_from(epoch).unwrap_or_default())
    }

    /// Writes all of it or nothing, durably.
    fn change(&mut self, keys: impl IntoIterator<Item = ListedKey>) -> Result<(), DataDirError> {
        let transaction = self.0.connection.transaction()?;
        keys.into_iter().try_for_each(|key| server_keys::put(&transaction, &key))?;
        transaction.commit()?;
        let listed = server_keys::listed(self.database())?;
        self.0.keys = KeyRing::open(&self.0.secret, &listed).map_err(OpenError::from)?;
        Ok(())
    }

    fn database(&self) -> &Connection {
        &self.0.connection
    }
}

impl fmt::Debug for DataDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataDir").field("path", &self.0.path).finish_non_exhaustive()
    }
}
