//! One server for all test processes of a run.
//!
//! Whoever needs it first starts it, and it ends by itself half a minute after its last user has. A file under the
//! target directory says where it is.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::cluster::{self, Cluster};
use super::installation::Installation;
use super::template::{self, SUPERUSER, Template, USER};
use super::{Postgres, psql, url};
use crate::kept;

/// How long it waits for its next user: a test that uses it may come after some that do not.
const GRACE: Duration = Duration::from_secs(30);

/// Many tests at once, each with a pool of its own. No test of what a crash leaves behind can share it.
const SETTINGS: [(&str, &str); 4] =
    [("fsync", "off"), ("full_page_writes", "off"), ("max_connections", "300"), ("max_wal_size", "4GB")];

impl Postgres {
    /// The URL of a new database on a server that all tests share.
    ///
    /// It does not fsync, and what one test does to the server others meet: a test that kills, freezes or
    /// configures one takes [`Postgres::start`]. The database is dropped some time after this process has ended.
    ///
    /// # Panics
    /// Where PostgreSQL is not installed or does not start.
    #[must_use]
    pub fn shared_database() -> String {
        static SHARED: OnceLock<Shared> = OnceLock::new();
        static CREATED: AtomicUsize = AtomicUsize::new(0);
        let shared = SHARED.get_or_init(Shared::find_or_start);
        let (id, number) = (process::id(), CREATED.fetch_add(1, Ordering::SeqCst));
        let name = format!("test_{id}_{number}");
        psql(&shared.admin_url(), &format!("CREATE DATABASE {name} OWNER {USER}"));
        url(USER, &shared.password, shared.port, &name)
    }
}

#[derive(Debug)]
struct Shared {
    port: u16,
    password: String,
    /// Locked: it is used.
    _users: File,
}

impl Shared {
    fn find_or_start() -> Self {
        let installation = Installation::get();
        let template = Template::get(installation);
        let kept = kept::directory().join(format!("postgres-{}-shared", installation.major));
        fs::create_dir_all(&kept).expect("a directory under target/");
        let gate = lock_file(&kept.join("gate"));
        gate.lock().expect("a lock");
        let users = lock_file(&kept.join("users"));
        users.lock_shared().expect("a lock");
        let cluster = running(&kept).unwrap_or_else(|| start(installation, &template, &kept));
        let shared = Self { port: cluster.port, password: template.password, _users: users };
        shared.drop_left_behind();
        shared
    }

    fn admin_url(&self) -> String {
        url(SUPERUSER, &self.password, self.port, "postgres")
    }

    /// Drops the databases of processes that have ended: each takes 8 MB.
    fn drop_left_behind(&self) {
        let databases =
            psql(&self.admin_url(), "SELECT datname FROM pg_database WHERE datname LIKE 'test\\_%'");
        let is_left = |name: &&str| {
            name.split('_').nth(1).is_some_and(|process| !Path::new("/proc").join(process).exists())
        };
        let statements = databases.lines().filter(is_left);
        let statements: String =
            statements.map(|name| format!("DROP DATABASE IF EXISTS {name} WITH (FORCE);\n")).collect();
        if !statements.is_empty() {
            psql(&self.admin_url(), &statements);
        }
    }
}

/// The server that the state file names, if it lives.
fn running(kept: &Path) -> Option<Cluster> {
    let state = fs::read_to_string(kept.join("state")).ok()?;
    let (port, directory) = state.split_once(' ')?;
    Cluster::running(PathBuf::from(directory), port.parse().ok()?)
}

#[expect(clippy::zombie_processes, reason = "the watchdog lives longer than this process")]
fn start(installation: &Installation, template: &Template, kept: &Path) -> Cluster {
    let directory = template::directory().keep();
    // First: if this process ends at any moment from now on, the directory goes.
    cluster::watch(&kept.join("users"), &kept.join("gate"), GRACE, &directory);
    template.copy(installation, &directory.join("data"));
    let cluster = Cluster::start(directory, &SETTINGS);
    let state = format!("{} {}", cluster.port, cluster.directory.display());
    fs::write(kept.join("state"), state).expect("a file under target/");
    cluster
}

fn lock_file(path: &Path) -> File {
    File::options().create(true).append(true).open(path).expect("a file under target/")
}
