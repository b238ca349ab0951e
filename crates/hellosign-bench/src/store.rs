//! Ways of writing a rotation durably, over many grants.
//!
//! Every way ends a batch with an fsync, and is measured to the point where everything is where it is
//! looked for: folding, compaction and checkpoints count.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use fjall::{Config, PartitionCreateOptions, PersistMode};
use rusqlite::{Connection, params};

type Id = [u8; 16];
type Open = fn(&Path, &[Id]) -> anyhow::Result<Box<dyn Way>>;

#[derive(Debug, clap::Args)]
pub(crate) struct StoreArgs {
    /// Grants in the store
    #[arg(long, default_value_t = 1_000_000)]
    grants: usize,
    /// Rotations that each way writes
    #[arg(long, default_value_t = 400_000)]
    rotations: usize,
    /// Rotations that share an fsync; 64 is what 64 connections come to
    #[arg(long, value_delimiter = ',', default_value = "64,256")]
    batch: Vec<usize>,
    /// Where the stores are; it should be on a real disk
    #[arg(long, default_value = "target/bench")]
    directory: PathBuf,
}

/// Which grant is rotated next.
#[derive(Debug, Clone, Copy)]
enum Spread {
    Uniform,
    /// The k-th most frequent 1/k as often as the first.
    Zipf,
}

impl Spread {
    fn pick(self, random: &mut fastrand::Rng, grants: usize) -> usize {
        match self {
            Self::Uniform => random.usize(..grants),
            Self::Zipf => ((grants as f64).powf(random.f64()) as usize).min(grants) - 1,
        }
    }
}

pub(crate) fn run(args: &StoreArgs) -> anyhow::Result<()> {
    fs::create_dir_all(&args.directory)?;
    let mut random = fastrand::Rng::with_seed(1);
    let ids: Vec<Id> = (0..args.grants).map(|_| random.u128(..).to_be_bytes()).collect();
    println!("{} grants, {} rotations a run; per second, CPU and bytes each", args.grants, args.rotations);
    for batch in &args.batch {
        for spread in [Spread::Uniform, Spread::Zipf] {
            println!("batches of {batch}, {spread:?}:");
            let ways: [(&str, Open); 6] = [
                ("SQLite, rows in place", |dir, ids| Ok(Box::new(InPlace::open(dir, ids, WIDE)?))),
                ("SQLite, narrow rows in place", |dir, ids| Ok(Box::new(InPlace::open(dir, ids, NARROW)?))),
                ("SQLite, journal folded at 50,000", |dir, ids| {
                    Ok(Box::new(Journal::open(dir, ids, 50_000)?))
                }),
                ("SQLite, journal folded at 200,000", |dir, ids| {
                    Ok(Box::new(Journal::open(dir, ids, 200_000)?))
                }),
                ("fjall", |dir, ids| Ok(Box::new(Lsm::open(dir, ids)?))),
                ("append and fdatasync, nothing to find", |dir, _| Ok(Box::new(Append::open(dir)?))),
            ];
            for (name, open) in ways {
                let directory = tempfile::tempdir_in(&args.directory)?;
                let mut way = open(directory.path(), &ids)?;
                let figures = measure(way.as_mut(), &ids, spread, *batch, args.rotations)?;
                println!(
                    "  {name:<39}{:>8.0}/s {:>6.1} µs {:>7.0} B",
                    figures.per_second, figures.cpu_micros, figures.bytes
                );
            }
        }
    }
    Ok(())
}

struct Figures {
    per_second: f64,
    cpu_micros: f64,
    bytes: f64,
}

fn measure(
    way: &mut dyn Way,
    ids: &[Id],
    spread: Spread,
    batch: usize,
    rotations: usize,
) -> anyhow::Result<Figures> {
    let mut random = fastrand::Rng::with_seed(2);
    let (began, cpu, written) = (Instant::now(), cpu_time()?, bytes_written()?);
    let mut generation = 0;
    for _ in 0..rotations / batch {
        let picked: Vec<Id> = (0..batch).map(|_| ids[spread.pick(&mut random, ids.len())]).collect();
        generation += 1;
        way.write(&picked, generation)?;
    }
    way.finish()?;
    let each = |total: f64| total / rotations as f64;
    Ok(Figures {
        per_second: rotations as f64 / began.elapsed().as_secs_f64(),
        cpu_micros: each((cpu_time()? - cpu).as_micros() as f64),
        bytes: each((bytes_written()? - written) as f64),
    })
}

/// User and system time of this process, in clock ticks of ten milliseconds.
fn cpu_time() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit_once(')').context("stat")?.1.split_whitespace().collect();
    let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 10))
}

fn bytes_written() -> anyhow::Result<u64> {
    let io = fs::read_to_string("/proc/self/io")?;
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).context("io")?;
    Ok(line.parse()?)
}

/// A way of writing rotations.
trait Way {
    /// Writes one batch, durably.
    fn write(&mut self, ids: &[Id], generation: u32) -> anyhow::Result<()>;
    /// Brings everything to where it is looked for.
    fn finish(&mut self) -> anyhow::Result<()>;
}

/// As the server's own table has them.
const WIDE: &str = "client_id TEXT NOT NULL, account_id BLOB NOT NULL, client_epoch INTEGER NOT NULL,
    account_epoch INTEGER NOT NULL, seed BLOB NOT NULL, created_at INTEGER NOT NULL,";
/// Only what a rotation changes; the rest in another table.
const NARROW: &str = "";

fn database(directory: &Path, ids: &[Id], birth: &str) -> anyhow::Result<Connection> {
    let mut db = Connection::open(directory.join("store.db"))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "cache_size", -65_536)?;
    db.execute_batch(&format!(
        "CREATE TABLE grants (grant_id BLOB PRIMARY KEY, {birth} revision INTEGER NOT NULL,
            generation INTEGER NOT NULL, parent INTEGER, issued_at INTEGER NOT NULL, key_id INTEGER NOT NULL,
            epoch INTEGER NOT NULL, lifetime INTEGER NOT NULL, is_seen INTEGER NOT NULL) STRICT, WITHOUT ROWID;
         CREATE TABLE rotations (rotation INTEGER PRIMARY KEY, grant_id BLOB NOT NULL, revision INTEGER NOT NULL,
            generation INTEGER NOT NULL, parent INTEGER, issued_at INTEGER NOT NULL, key_id INTEGER NOT NULL,
            epoch INTEGER NOT NULL, lifetime INTEGER NOT NULL, is_seen INTEGER NOT NULL) STRICT;"
    ))?;
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    let loading = db.transaction()?;
    {
        let values = if birth.is_empty() {
            ""
        } else {
            "'26ca0a24e7c1085f3f6aefa4d7d4afeb', zeroblob(20), 0, 0, zeroblob(16), 1, "
        };
        let mut insert = loading.prepare(&format!(
            "INSERT INTO grants VALUES (?, {values} 0, 0, NULL, 1790000000000, 123456789, 0, 86400, 0)"
        ))?;
        for id in &sorted {
            insert.execute([id])?;
        }
    }
    loading.commit()?;
    db.pragma_update(None, "wal_checkpoint", "TRUNCATE")?;
    Ok(db)
}

struct InPlace(Connection);

impl InPlace {
    fn open(directory: &Path, ids: &[Id], birth: &str) -> anyhow::Result<Self> {
        database(directory, ids, birth).map(Self)
    }
}

const UPDATE: &str =
    "UPDATE grants SET revision = revision + 1, generation = ?2, parent = ?2 - 1, issued_at = ?3,
    is_seen = 0 WHERE grant_id = ?1";

impl Way for InPlace {
    fn write(&mut self, ids: &[Id], generation: u32) -> anyhow::Result<()> {
        let transaction = self.0.transaction()?;
        for id in ids {
            transaction.prepare_cached(UPDATE)?.execute(params![id, generation, 1_790_000_000_001_i64])?;
        }
        Ok(transaction.commit()?)
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        Ok(self.0.pragma_update(None, "wal_checkpoint", "TRUNCATE")?)
    }
}

/// Rotations are appended; now and then the last one of each grant is written into its row.
struct Journal {
    db: Connection,
    waiting: std::collections::BTreeMap<Id, u32>,
    rows: usize,
    fold_at: usize,
}

impl Journal {
    fn open(directory: &Path, ids: &[Id], fold_at: usize) -> anyhow::Result<Self> {
        let db = database(directory, ids, WIDE)?;
        Ok(Self { db, waiting: std::collections::BTreeMap::new(), rows: 0, fold_at })
    }

    fn fold(&mut self) -> anyhow::Result<()> {
        let transaction = self.db.transaction()?;
        for (id, generation) in std::mem::take(&mut self.waiting) {
            transaction.prepare_cached(UPDATE)?.execute(params![id, generation, 1_790_000_000_001_i64])?;
        }
        transaction.execute("DELETE FROM rotations", [])?;
        self.rows = 0;
        Ok(transaction.commit()?)
    }
}

impl Way for Journal {
    fn write(&mut self, ids: &[Id], generation: u32) -> anyhow::Result<()> {
        let transaction = self.db.transaction()?;
        for id in ids {
            transaction
                .prepare_cached(
                    "INSERT INTO rotations VALUES (NULL, ?, 1, ?, ?, 1790000000001, 123456789, 0, 86400, 0)",
                )?
                .execute(params![id, generation, generation - 1])?;
            self.waiting.insert(*id, generation);
        }
        transaction.commit()?;
        self.rows += ids.len();
        if self.rows >= self.fold_at { self.fold() } else { Ok(()) }
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        self.fold()?;
        Ok(self.db.pragma_update(None, "wal_checkpoint", "TRUNCATE")?)
    }
}

struct Lsm {
    keyspace: fjall::Keyspace,
    grants: fjall::PartitionHandle,
}

impl Lsm {
    fn open(directory: &Path, ids: &[Id]) -> anyhow::Result<Self> {
        let keyspace = Config::new(directory.join("fjall")).open()?;
        let grants = keyspace.open_partition("grants", PartitionCreateOptions::default())?;
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        for id in &sorted {
            grants.insert(id, [0; 120])?;
        }
        keyspace.persist(PersistMode::SyncAll)?;
        Ok(Self { keyspace, grants })
    }
}

impl Way for Lsm {
    fn write(&mut self, ids: &[Id], generation: u32) -> anyhow::Result<()> {
        let mut batch = self.keyspace.batch();
        for id in ids {
            let mut row = [0; 120];
            row[..4].copy_from_slice(&generation.to_be_bytes());
            batch.insert(&self.grants, *id, row);
        }
        batch.commit()?;
        Ok(self.keyspace.persist(PersistMode::SyncData)?)
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        Ok(self.keyspace.persist(PersistMode::SyncAll)?)
    }
}

struct Append(File);

impl Append {
    fn open(directory: &Path) -> anyhow::Result<Self> {
        Ok(Self(File::create(directory.join("log"))?))
    }
}

impl Way for Append {
    fn write(&mut self, ids: &[Id], generation: u32) -> anyhow::Result<()> {
        let mut bytes = Vec::with_capacity(ids.len() * 64);
        for id in ids {
            bytes.extend_from_slice(id);
            bytes.extend_from_slice(&generation.to_be_bytes());
            bytes.extend_from_slice(&[0; 44]);
        }
        self.0.write_all(&bytes)?;
        Ok(self.0.sync_data()?)
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
}
