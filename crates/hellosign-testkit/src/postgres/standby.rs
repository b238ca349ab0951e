//! A second server that has all that the first has acknowledged.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::atomic::AtomicUsize;

use super::cluster::Cluster;
use super::installation::{Installation, run};
use super::psql::psql;
use super::template::{self, SUPERUSER};
use super::{Life, Postgres, wait_until};

/// How the primary knows the standby.
const NAME: &str = "standby";

impl Postgres {
    /// A synchronous standby of this server: from now on a commit here waits until it is durable there, too.
    ///
    /// Its databases have the same names, and can be read; [`Postgres::promote`] makes it writable.
    ///
    /// # Panics
    /// Where it does not catch up.
    #[must_use]
    pub fn standby(&self) -> Self {
        let directory = template::directory();
        let data = directory.path().join("data");
        let life = Life::new(directory);
        DirBuilder::new().mode(0o700).create(&data).expect("a directory");
        let installation = Installation::get();
        installation.give(&data);
        let primary = format!("host=127.0.0.1 port={} user={SUPERUSER} application_name={NAME}", self.port());
        // -R: it knows to follow, and whom.
        let mut backup = installation.server("pg_basebackup");
        backup.args(["-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", &primary, "-D"]).arg(&data);
        run(backup.env("PGPASSWORD", &self.password));
        let cluster = Cluster::start(life.directory.path().to_owned(), &[]);
        self.set("synchronous_standby_names", NAME);
        let state = format!("SELECT sync_state FROM pg_stat_replication WHERE application_name = '{NAME}'");
        wait_until("the standby follows", || psql(&self.admin_url("postgres"), &state) == "sync");
        Self { cluster, password: self.password.clone(), databases: AtomicUsize::new(0), _life: life }
    }

    /// Ends a standby's following, and waits until it takes writes.
    ///
    /// # Panics
    /// Where it is no standby, or does not get so far within a minute.
    pub fn promote(&self) {
        assert_eq!(psql(&self.admin_url("postgres"), "SELECT pg_promote(true, 60)"), "t", "{}", self.log());
    }
}
