//! A throw-away PostgreSQL, of the one that is installed: its own data directory, its own port, and at its mercy.
//!
//! Linux only: it finds the server's processes in `/proc`.

mod cluster;
mod installation;
mod psql;
mod shared;
mod standby;
mod template;

use std::fs::File;
use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use self::cluster::Cluster;
use self::installation::Installation;
use self::template::{SUPERUSER, Template, USER};

pub use self::psql::{psql, try_psql};

/// A PostgreSQL server that is gone when this is dropped, or the process ends, in whatever way.
///
/// It writes as durably as it does in production; `("fsync", "off")` is quicker.
///
/// ```no_run
/// use hellosign_testkit::{Postgres, psql};
///
/// let mut postgres = Postgres::start_with(&[("max_connections", "20")]);
/// let url = postgres.create_database();
/// psql(&url, "CREATE TABLE sums (sum bigint); INSERT INTO sums VALUES (42)");
/// postgres.kill();
/// postgres.restart();
/// assert_eq!(psql(&url, "SELECT sum FROM sums"), "42");
/// ```
#[derive(Debug)]
pub struct Postgres {
    cluster: Cluster,
    password: String,
    databases: AtomicUsize,
    _life: Life,
}

/// What keeps a cluster alive.
#[derive(Debug)]
struct Life {
    /// Locked: it is used.
    users: Option<File>,
    watchdog: Child,
    directory: TempDir,
}

impl Postgres {
    /// A server with the settings that PostgreSQL comes with.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with other settings, as in `postgresql.conf`.
    ///
    /// # Panics
    /// Where PostgreSQL is not installed or does not start.
    #[must_use]
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        let installation = Installation::get();
        let template = Template::get(installation);
        let directory = template::directory();
        template.copy(installation, &directory.path().join("data"));
        Self::run(directory, template.password, settings)
    }

    fn run(directory: TempDir, password: String, settings: &[(&str, &str)]) -> Self {
        // First: if this process ends at any moment from now on, the directory goes with it.
        let life = Life::new(directory);
        let cluster = Cluster::start(life.directory.path().to_owned(), settings);
        Self { cluster, password, databases: AtomicUsize::new(0), _life: life }
    }

    /// A new database, and its URL with user and password; the user owns it and may do nothing beyond.
    #[must_use]
    pub fn create_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::SeqCst));
        psql(&self.admin_url("postgres"), &format!("CREATE DATABASE {name} OWNER {USER}"));
        self.url(&name)
    }

    /// The URL of a database for the user that the databases belong to.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        url(USER, &self.password, self.cluster.port, database)
    }

    /// The URL of a database for the superuser.
    #[must_use]
    pub fn admin_url(&self, database: &str) -> String {
        url(SUPERUSER, &self.password, self.cluster.port, database)
    }

    /// The port on 127.0.0.1; the same after [`Postgres::restart`].
    #[must_use]
    pub fn port(&self) -> u16 {
        self.cluster.port
    }

    /// The log so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.cluster.log()
    }

    /// Ends all of its processes at once with SIGKILL, as a crash would. Its data stays.
    pub fn kill(&mut self) {
        self.cluster.signal_all(Signal::KILL);
        self.cluster.ended();
    }

    /// Freezes all of its processes: connections stay, and no answer comes.
    pub fn pause(&self) {
        self.cluster.signal_all(Signal::STOP);
    }

    /// Lets them go on.
    pub fn resume(&self) {
        self.cluster.signal_all(Signal::CONT);
    }

    /// Stops it in good order; whoever is connected is cut off.
    ///
    /// # Panics
    /// Where it does not run, or is paused.
    pub fn stop(&mut self) {
        self.cluster.signal(Signal::INT);
        self.cluster.ended();
    }

    /// Starts it after [`Postgres::stop`] or [`Postgres::kill`], on the port that it had, and waits until it answers.
    pub fn restart(&mut self) {
        self.cluster.start_again();
    }

    /// Has every transaction of every session, those that are open included, be read-only, or writing again.
    pub fn set_read_only(&self, read_only: bool) {
        let value = if read_only { "on" } else { "off" };
        self.set("default_transaction_read_only", value);
    }

    /// Changes a setting that PostgreSQL takes while it runs, for all sessions.
    ///
    /// # Panics
    /// Where there is no such setting, or it is not that easily changed.
    pub fn set(&self, name: &str, value: &str) {
        let admin = self.admin_url("postgres");
        psql(&admin, &format!("ALTER SYSTEM SET {name} = '{}'", value.replace('\'', "''")));
        self.reload();
        let wrong = format!("SELECT error FROM pg_file_settings WHERE name = '{name}' AND error IS NOT NULL");
        assert_eq!(psql(&admin, &wrong), "", "{name} = {value}");
    }

    /// Has it read its configuration, and waits until it has.
    fn reload(&self) {
        let admin = self.admin_url("postgres");
        let loaded = || psql(&admin, "SELECT pg_conf_load_time()");
        let before = loaded();
        psql(&admin, "SELECT pg_reload_conf()");
        wait_until("the configuration is loaded", || loaded() != before);
    }

    /// Has it speak TLS to those who ask for it, with a certificate and its key as PEM.
    ///
    /// # Panics
    /// Where it does not take them.
    pub fn enable_tls(&self, certificate: &str, key: &str) {
        for (name, pem) in [("server.crt", certificate), ("server.key", key)] {
            let path = self.cluster.data().join(name);
            template::write_private(&path, pem);
            Installation::get().give(&path);
        }
        self.set("ssl", "on");
    }
}

impl Life {
    fn new(directory: TempDir) -> Self {
        let path = directory.path().join("users");
        let users = File::create(&path).expect("a file");
        users.lock_shared().expect("a lock");
        let watchdog =
            cluster::watch(&path, &directory.path().join("gate"), Duration::ZERO, directory.path());
        Self { users: Some(users), watchdog, directory }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        drop(self.users.take());
        let _ = self.watchdog.wait();
    }
}

fn url(user: &str, password: &str, port: u16, database: &str) -> String {
    format!("postgres://{user}:{password}@127.0.0.1:{port}/{database}")
}

/// Asks again and again, with a deadline.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + cluster::PATIENCE;
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "{what}: it has not come to that");
        std::thread::sleep(Duration::from_millis(10));
    }
}
