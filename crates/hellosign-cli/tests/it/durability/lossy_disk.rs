//! The disk after a power cut: `lossy_disk.c` writes down what each change replaced, this puts it back.
//!
//! Played are two kinds of cut. Either all that was not fsynced is gone; or of each file, and of the names in each
//! directory, some first part of what was not fsynced has reached the disk all the same, a part that differs from
//! file to file, as a disk writes back in an order of its own. Not played: one write that is torn in the middle.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command as StdCommand, Stdio};

use hellosign_testkit::once_across_processes;

use crate::harness::{Command, Random};

/// Which of the unsynced changes are gone.
#[derive(Debug)]
pub(super) enum Losses<'a> {
    All,
    Some(&'a mut Random),
}

/// What the shim does when it is asked to fsync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fsync {
    Works,
    /// Answers with success and keeps nothing: a program on it must lose what it promised.
    Pretends,
    /// Answers that it could not.
    Fails,
}

/// A directory whose disk forgets.
#[derive(Debug)]
pub(super) struct LossyDisk {
    directory: PathBuf,
    log: PathBuf,
}

impl LossyDisk {
    /// Below `parent` are then `disk`, which forgets, and its undo log beside it.
    pub(super) fn below(parent: &Path) -> Self {
        let parent = parent.canonicalize().expect("a directory");
        let disk = Self { directory: parent.join("disk"), log: parent.join("log") };
        fs::create_dir(&disk.directory).expect("a directory that forgets");
        fs::create_dir(&disk.log).expect("a directory for the log");
        disk
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// From now on, for the processes that run too.
    pub(super) fn set_fsync(&self, fsync: Fsync) {
        for (note, state) in [("pretend", Fsync::Pretends), ("fail", Fsync::Fails)] {
            let note = self.log.join(note);
            if fsync == state {
                File::create(note).expect("a note to the shim");
            } else {
                let _ = fs::remove_file(note);
            }
        }
    }

    /// The variables that put a process onto this disk.
    pub(super) fn environment(&self) -> [(&'static str, PathBuf); 4] {
        [
            ("LD_PRELOAD", shim()),
            ("LOSSY_DIR", self.directory.clone()),
            ("LOSSY_LOG", self.log.clone()),
            // As a solid-state disk takes. Without it a fast machine has nothing to gain by committing together.
            ("LOSSY_SYNC_MICROSECONDS", "1000".into()),
        ]
    }

    /// Puts the binary onto this disk.
    pub(super) fn under(&self, mut command: Command) -> Command {
        for (name, value) in self.environment() {
            command = command.env(name, value);
        }
        command
    }

    /// How often a file (not a directory) has been fsynced; to be compared with an earlier count.
    pub(super) fn fsyncs(&self) -> usize {
        self.records().iter().filter(|record| record.kind >= SYNC && record.old_size == 1).count()
    }

    /// The power was cut while the processes on this disk ran; they are dead now. The log begins anew.
    pub(super) fn cut(&self, losses: Losses<'_>) {
        let records = self.records();
        let undone = undone(&records, losses);
        let files = self.files_by_inode();
        for record in undone.into_iter().rev() {
            record.undo(&files);
        }
        for path in walk(&self.directory) {
            // Shared memory in a file's clothes: no part of what is durable.
            if path.to_string_lossy().ends_with("-shm") {
                fs::remove_file(path).expect("a file to remove");
            }
        }
        fs::remove_dir_all(&self.log).expect("the log goes");
        fs::create_dir(&self.log).expect("a new log");
    }

    /// Fails if there is a file that the shim has not seen made, by a system call that passed it by.
    pub(super) fn assert_all_seen(&self) {
        let records = self.records();
        for path in walk(&self.directory) {
            let seen = records.iter().any(|r| [&r.first, &r.second].contains(&&path.display().to_string()));
            assert!(
                seen || path.to_string_lossy().ends_with("-shm"),
                "{} came past the shim",
                path.display()
            );
        }
    }

    fn records(&self) -> Vec<Record> {
        parse(&fs::read(self.log.join("undo")).unwrap_or_default())
    }

    /// By inode, since names change; those that have lost their name are kept beside the log.
    fn files_by_inode(&self) -> HashMap<u64, File> {
        let open = |path: PathBuf| {
            let file = File::options().read(true).write(true).open(path).expect("a file to restore");
            (file.metadata().expect("its inode").ino(), file)
        };
        let kept = walk(&self.log).into_iter().filter(|path| path.to_string_lossy().contains("/kept-"));
        walk(&self.directory).into_iter().chain(kept).map(open).collect()
    }
}

/// Compiled once for each state of its source.
fn shim() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    include_str!("lossy_disk.c").hash(&mut hasher);
    once_across_processes(&format!("lossy_disk-{:016x}.so", hasher.finish()), |made| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/durability/lossy_disk.c");
        let unfinished = made.with_extension("unfinished");
        let flags = ["-O1", "-Wall", "-Wextra", "-shared", "-fPIC", source, "-o"];
        let compiler =
            StdCommand::new("cc").args(flags).arg(&unfinished).args(["-ldl", "-lpthread"]).output();
        let compiler = compiler.expect("a C compiler");
        assert!(compiler.status.success(), "{}", String::from_utf8_lossy(&compiler.stderr));
        fs::rename(unfinished, made).expect("the finished shim takes its place");
    })
}

/// All regular files below a directory.
fn walk(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

const WRITE: u32 = 1;
const RESIZE: u32 = 2;
const CREATE: u32 = 3;
const RENAME: u32 = 4;
const UNLINK: u32 = 5;
const MKDIR: u32 = 6;
/// One more is an fsync that was pretended.
const SYNC: u32 = 7;

/// One of the shim's records; `lossy_disk.c` says what the fields hold.
#[derive(Debug)]
struct Record {
    kind: u32,
    first: String,
    second: String,
    data: Vec<u8>,
    inode: u64,
    offset: u64,
    old_size: u64,
    number: u64,
}

impl Record {
    fn undo(&self, files: &HashMap<u64, File>) {
        match self.kind {
            WRITE | RESIZE => {
                let file = files.get(&self.inode).unwrap_or_else(|| panic!("no file for {self:?}"));
                file.write_all_at(&self.data, self.offset).expect("old bytes");
                file.set_len(self.old_size).expect("the old size");
            }
            // What the process was about to make when it died may not be there.
            CREATE => drop(fs::remove_file(&self.first)),
            MKDIR => drop(fs::remove_dir_all(&self.first)),
            RENAME => {
                fs::rename(&self.second, &self.first).expect("the old name");
                if self.old_size == 1 {
                    let replaced = std::str::from_utf8(&self.data).expect("a path");
                    fs::hard_link(replaced, &self.second).expect("the file that was replaced");
                }
            }
            UNLINK => drop(fs::hard_link(&self.second, &self.first)),
            other => panic!("a record of kind {other}"),
        }
    }
}

/// A record that the end of the log cuts short was never followed by its change.
fn parse(mut log: &[u8]) -> Vec<Record> {
    fn take<'a>(log: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = log.split_at_checked(length)?;
        *log = rest;
        Some(taken)
    }
    fn number32(log: &mut &[u8]) -> Option<u32> {
        take(log, 4).map(|bytes| u32::from_ne_bytes(bytes.try_into().expect("four bytes")))
    }
    fn number64(log: &mut &[u8]) -> Option<u64> {
        take(log, 8).map(|bytes| u64::from_ne_bytes(bytes.try_into().expect("eight bytes")))
    }
    let mut record = || {
        let [kind, first, second, data] =
            [number32(&mut log)?, number32(&mut log)?, number32(&mut log)?, number32(&mut log)?];
        let [inode, offset, old_size, number] =
            [number64(&mut log)?, number64(&mut log)?, number64(&mut log)?, number64(&mut log)?];
        let mut text =
            |length| take(&mut log, length as usize).map(|b| String::from_utf8_lossy(b).into_owned());
        let (first, second) = (text(first)?, text(second)?);
        let data = take(&mut log, data as usize)?.to_vec();
        Some(Record { kind, first, second, data, inode, offset, old_size, number })
    };
    std::iter::from_fn(&mut record).collect()
}

/// The changes that the cut takes back, oldest first.
fn undone<'a>(records: &'a [Record], mut losses: Losses<'_>) -> Vec<&'a Record> {
    let mut void_below: HashMap<u64, u64> = HashMap::new();
    for sync in records.iter().filter(|record| record.kind == SYNC) {
        let below = void_below.entry(sync.inode).or_default();
        *below = sync.offset.max(*below);
    }
    let changes = records.iter().filter(|record| record.kind < SYNC);
    let mut lost: Vec<&Record> =
        changes.filter(|r| r.number >= void_below.get(&r.inode).copied().unwrap_or(0)).collect();
    if let Losses::Some(random) = &mut losses {
        let mut of_each: HashMap<u64, u64> = HashMap::new();
        for record in &lost {
            *of_each.entry(record.inode).or_default() += 1;
        }
        let mut inodes: Vec<u64> = of_each.keys().copied().collect();
        inodes.sort_unstable();
        let mut reached_the_disk: HashMap<u64, u64> =
            inodes.into_iter().map(|inode| (inode, random.below(of_each[&inode] + 1))).collect();
        lost.retain(|record| {
            let left = reached_the_disk.get_mut(&record.inode).expect("counted above");
            let is_lost = *left == 0;
            *left = left.saturating_sub(1);
            is_lost
        });
    }
    lost
}

/// SQLite is what the model must be right about: with `synchronous=FULL` it keeps every commit, and with `OFF` it
/// keeps none that a checkpoint has not passed. Also without a server.
#[test]
fn the_model_tells_a_synced_commit_from_an_unsynced_one() {
    const COMMITS: usize = 200;
    let mut random = Random::announced();
    for (synchronous, fsync, must_be_kept) in
        [("FULL", Fsync::Works, true), ("OFF", Fsync::Works, false), ("FULL", Fsync::Pretends, false)]
    {
        for round in 0..4 {
            let parent = tempfile::tempdir().expect("a directory");
            let disk = LossyDisk::below(parent.path());
            let losses = if round % 2 == 0 { Losses::All } else { Losses::Some(&mut random) };
            let is_partial = matches!(losses, Losses::Some(_));
            disk.set_fsync(fsync);
            let acknowledged = commit_and_die(&disk, synchronous, COMMITS + round);
            disk.assert_all_seen();
            disk.cut(losses);
            let found = commits_found(&disk);
            if must_be_kept {
                assert!(found >= acknowledged, "{found} of {acknowledged} commits under {synchronous}");
            } else if !is_partial {
                assert_eq!(found, 0, "{synchronous} with an fsync that {fsync:?}");
            }
        }
    }
}

/// Commits rows until `commits` are acknowledged, and kills the writer there. A small WAL, so that checkpoints happen.
fn commit_and_die(disk: &LossyDisk, synchronous: &str, commits: usize) -> usize {
    use std::io::{BufRead, BufReader};
    const WRITER: &str = "
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute('PRAGMA journal_mode=WAL'); db.execute('PRAGMA synchronous=' + sys.argv[2])
db.execute('PRAGMA wal_autocheckpoint=20')
db.execute('CREATE TABLE t (n INTEGER PRIMARY KEY, filler BLOB)')
n = 0
while True:
    db.execute('INSERT INTO t VALUES (?, randomblob(700))', (n,)); n += 1
    print(n, flush=True)
";
    let mut command = StdCommand::new("python3");
    command.args(["-c", WRITER]).arg(disk.directory().join("db")).arg(synchronous);
    command.envs(disk.environment()).stdout(Stdio::piped());
    let mut writer = command.spawn().expect("python3");
    let lines = BufReader::new(writer.stdout.take().expect("piped")).lines();
    let mut acknowledged = 0;
    for line in lines.map_while(Result::ok) {
        acknowledged = line.parse().expect("a count");
        if acknowledged == commits {
            writer.kill().expect("a writer to kill");
        }
    }
    writer.wait().expect("a dead writer");
    acknowledged
}

fn commits_found(disk: &LossyDisk) -> usize {
    const READER: &str = "
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
assert db.execute('PRAGMA integrity_check').fetchone() == ('ok',)
there = db.execute(\"SELECT count(*) FROM sqlite_master WHERE name = 't'\").fetchone()[0]
print(db.execute('SELECT count(*) FROM t').fetchone()[0] if there else 0)
";
    let output = StdCommand::new("python3").args(["-c", READER]).arg(disk.directory().join("db")).output();
    let output = output.expect("python3");
    let text = String::from_utf8_lossy(&output.stdout);
    // A file that the cut has left torn is a loss too: that is what OFF risks.
    text.trim().parse().unwrap_or(0)
}
