//! Opening a database: its schema, its keys, its time.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_postgres::{Client, GenericClient, Transaction};

use super::lane::check_commits;
use super::migrations;
use super::pool::Pool;
use super::rows::{self, Columns};
use super::statements::Sql;
use super::time::DatabaseTime;
use super::url::PostgresConfig;
use super::{Notes, Postgres, PostgresError, RecentRows};
use crate::clock::Clock;
use crate::config::KeySource;
use crate::live_keys::LiveKeys;
use crate::metrics::StoreMetrics;
use crate::random::Random;
use crate::store::StoreError;
use crate::token::{KeyRing, ListedKey, ServerKeys, key_file};

/// How long a start waits for a connection: many nodes may start at once.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the database's time is measured.
const BEAT: Duration = Duration::from_secs(1);

impl Postgres {
    /// Brings the schema up to date, holds the secret against the database's keys, and connects.
    ///
    /// # Errors
    /// Where the database cannot be reached or used: [`PostgresError`] says what to do.
    pub(crate) async fn open(
        config: &PostgresConfig,
        keys: &KeySource,
        clock: Option<Arc<dyn Clock>>,
        random: &dyn Random,
        metrics: &Arc<StoreMetrics>,
    ) -> Result<(Self, LiveKeys), PostgresError> {
        let connector = config.url.connector()?;
        let (mut client, driving) = connector.connect().await?;
        let driving = tokio::spawn(driving);
        check_commits(&client).await?;
        for step in migrations::migrate(&mut client).await? {
            tracing::info!(
                version = step.version,
                "the database's schema was brought up to date: {}",
                step.title
            );
        }
        warn_of_no_fsync(&client).await?;
        let OpenedKeys { ring, secret, file } = open_keys(&mut client, keys, random).await?;
        drop(client);
        let _ = driving.await;

        let pool = Arc::new(Pool::start(connector, config.connections, Arc::clone(metrics)));
        pool.connected(PATIENCE).await.map_err(PostgresError::NoConnection)?;
        let time = Arc::new(DatabaseTime::new(clock));
        let beat = beat(&pool, &time).await?;
        if beat.is_filling {
            return Err(PostgresError::Filling);
        }
        let mut beating = JoinSet::new();
        let epoch = Arc::new(AtomicU32::new(beat.epoch));
        beating.spawn(keep_beating(Arc::clone(&pool), Arc::clone(&time), Arc::clone(&epoch)));
        let store = Self {
            pool,
            time,
            epoch,
            recent: RecentRows::new(),
            notes: Mutex::new(Notes::default()),
            metrics: Arc::clone(metrics),
            _beating: beating,
        };
        Ok((store, LiveKeys::new(ring, secret, file)))
    }
}

async fn warn_of_no_fsync(client: &Client) -> Result<(), PostgresError> {
    let setting = client.query("SELECT setting FROM pg_settings WHERE name = 'fsync'", &[]).await?;
    if setting.first().is_some_and(|row| row.get::<_, &str>(0) == "off") {
        tracing::warn!("the database runs with fsync off: what was answered will not survive a power cut");
    }
    Ok(())
}

/// Where the secret is, and whether it is the database's. A new database takes the secret that it is given, or a
/// new one.
pub(super) async fn open_keys(
    client: &mut Client,
    source: &KeySource,
    random: &dyn Random,
) -> Result<OpenedKeys, PostgresError> {
    let transaction = client.transaction().await?;
    // One node at a time: the others find a database that has its keys.
    migrations::wait_for_locks(&transaction).await?;
    transaction.query("SELECT value FROM meta WHERE name = 'epoch' FOR UPDATE", &[]).await?;
    let listed = listed(&transaction).await?;
    let (secret, file) = match source {
        KeySource::Given(secret) => (Arc::clone(secret), None),
        KeySource::File(file) => (secret_in(file, listed.is_empty(), random)?, Some(file.clone())),
        KeySource::DataDir => return Err(PostgresError::NoKeySource),
    };
    let mut keys = listed;
    let added = match keys.is_empty() {
        true => KeyRing::list(&secret),
        false => KeyRing::unlisted(&secret, &keys),
    };
    keys.extend(&added);
    // Before anything is written: a key file that belongs to another database must leave no trace.
    let ring = KeyRing::open(&secret, &keys)?;
    for key in added {
        put(&transaction, &key).await?;
    }
    transaction.commit().await?;
    Ok(OpenedKeys { ring, secret, file })
}

/// The keys of a database, and where their secrets come from.
pub(super) struct OpenedKeys {
    pub(super) ring: KeyRing,
    pub(super) secret: Arc<ServerKeys>,
    /// `None` where the caller has given the secret.
    pub(super) file: Option<PathBuf>,
}

/// The secret in a key file. A new one is made for a new database only, and is durable before it.
fn secret_in(file: &Path, is_new: bool, random: &dyn Random) -> Result<Arc<ServerKeys>, PostgresError> {
    match key_file::read(file)? {
        Some(keys) => Ok(Arc::new(keys)),
        None if is_new => {
            let keys = ServerKeys::generate(random);
            key_file::write(file, &keys)?;
            Ok(Arc::new(keys))
        }
        None => Err(PostgresError::KeyFileMissing(file.to_owned())),
    }
}

/// The keys that a database knows.
pub(super) async fn listed(client: &impl GenericClient) -> Result<Vec<ListedKey>, PostgresError> {
    let rows = client.query(&Sql::ListKeys.text(), &[]).await?;
    Ok(rows.iter().map(rows::listed_key).collect::<Result<_, StoreError>>()?)
}

/// Adds a key, or changes what the database uses it for.
pub(super) async fn put(transaction: &Transaction<'_>, key: &ListedKey) -> Result<(), PostgresError> {
    let (id, check, state) = rows::key_values(key);
    let sql = "INSERT INTO server_keys VALUES ($1, $2, $3) ON CONFLICT (key_id) DO UPDATE SET state = $3";
    transaction.execute(sql, &[&id, &check, &state]).await?;
    Ok(())
}

/// What the database says of itself.
struct Beat {
    epoch: u32,
    is_filling: bool,
}

/// Measures the database's time, and has it store that.
async fn beat(pool: &Pool, time: &DatabaseTime) -> Result<Beat, StoreError> {
    let asked = Instant::now();
    let answered = pool.run(Sql::Beat, &[&time.told()]).await?;
    let row = answered.rows.first().ok_or(StoreError::Unavailable)?;
    let mut columns = Columns::of(row);
    let (millis, advanced): (i64, i64) = (columns.next()?, columns.next()?);
    // An answer that took a repetition says when it was, and not when that is.
    if !answered.was_repeated {
        time.measured(asked, millis, advanced);
    }
    let (epoch, filling): (i64, i64) = (columns.next()?, columns.next()?);
    Ok(Beat { epoch: u32::try_from(epoch).unwrap_or_default(), is_filling: filling != 0 })
}

async fn keep_beating(pool: Arc<Pool>, time: Arc<DatabaseTime>, epoch: Arc<AtomicU32>) {
    let mut interval = tokio::time::interval(BEAT);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        // The pool logs what goes wrong; the time goes on by this machine's.
        if let Ok(beat) = beat(&pool, &time).await {
            epoch.store(beat.epoch, Ordering::Release);
        }
    }
}
