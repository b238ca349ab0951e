//! The server's processes: started, waited for, signaled, and gone with whoever started them.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::installation::Installation;

/// Longer than any start, stop or recovery takes, on a slow machine too.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);

/// A data directory, and the server that runs on it.
#[derive(Debug)]
pub(super) struct Cluster {
    /// Has the data directory, the log, and nothing else.
    pub(super) directory: PathBuf,
    pub(super) port: u16,
    /// The first of its processes, where this process has started it.
    child: Option<Child>,
}

impl Cluster {
    /// A cluster that runs already.
    pub(super) fn running(directory: PathBuf, port: u16) -> Option<Self> {
        let cluster = Self { directory, port, child: None };
        cluster.is_ready().then_some(cluster)
    }

    /// Starts a server on `data` in this directory. Another process may take the port meanwhile: it tries some.
    pub(super) fn start(directory: PathBuf, settings: &[(&str, &str)]) -> Self {
        let mut cluster = Self { directory, port: 0, child: None };
        let configured = fs::read_to_string(cluster.configuration()).expect("a configuration");
        for _ in 0..5 {
            cluster.port = free_port();
            let configuration = format!("{configured}\n{}", configuration(cluster.port, settings));
            fs::write(cluster.configuration(), configuration).expect("a configuration of our own");
            if cluster.try_start() {
                return cluster;
            }
        }
        panic!("there is no port for PostgreSQL; its log: {}", cluster.log());
    }

    /// Starts the server again, on the port that it had.
    pub(super) fn start_again(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        // Someone else may use the port for a moment, as the near end of a connection.
        while !self.try_start() {
            assert!(Instant::now() < deadline, "the port is taken; PostgreSQL's log: {}", self.log());
        }
    }

    fn configuration(&self) -> PathBuf {
        self.data().join("postgresql.conf")
    }

    pub(super) fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    pub(super) fn log(&self) -> String {
        let log = fs::read(self.directory.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Whether it answers by the time that this returns; else its port is taken.
    fn try_start(&mut self) -> bool {
        let logged = self.log().len();
        let log = File::options().create(true).append(true).open(self.directory.join("log")).expect("a log");
        let mut command = Installation::get().server("postgres");
        command.arg("-D").arg(self.data()).stdout(log.try_clone().expect("a log")).stderr(log);
        // Ctrl-C is for the test, which takes its cluster along.
        let child = self.child.insert(command.process_group(0).spawn().expect("postgres runs"));
        let id = child.id();
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.has_child_ended() {
                let log = self.log();
                assert!(
                    log[logged..].contains("could not bind"),
                    "PostgreSQL does not start; its log: {log}"
                );
                return false;
            }
            if self.is_ready_as(Some(id)) {
                return true;
            }
            thread::sleep(POLL);
        }
        panic!("PostgreSQL starts and starts; its log: {}", self.log());
    }

    fn has_child_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| child.try_wait().expect("a child process").is_some())
    }

    fn is_ready(&self) -> bool {
        self.is_ready_as(None)
    }

    /// As pg_ctl finds out: the eighth line of `postmaster.pid` says so, the first who.
    fn is_ready_as(&self, id: Option<u32>) -> bool {
        let Some((process, text)) = self.postmaster() else { return false };
        let is_it = id.is_none_or(|id| i64::from(id) == i64::from(process.as_raw_pid()));
        is_it && matches!(text.lines().nth(7).map(str::trim), Some("ready" | "standby"))
    }

    /// The first of its processes, if that lives, and what it has written about itself.
    fn postmaster(&self) -> Option<(Pid, String)> {
        let text = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        let process = Pid::from_raw(text.lines().next()?.trim().parse().ok()?)?;
        works_in(process, &self.data()).then_some((process, text))
    }

    /// Sends a signal to the first of its processes, which knows what to do with the others.
    pub(super) fn signal(&self, signal: Signal) {
        let (process, _) = self.postmaster().expect("PostgreSQL runs");
        kill_process(process, signal).expect("a process to signal");
    }

    /// Sends a signal to all of its processes, those that are made meanwhile, too.
    pub(super) fn signal_all(&self, signal: Signal) {
        let mut signaled = Vec::new();
        // The first of them first: it makes the others.
        if let Some((process, _)) = self.postmaster() {
            let _ = kill_process(process, signal);
            signaled.push(process);
        }
        loop {
            let new: Vec<_> = processes_in(&self.data())
                .into_iter()
                .filter(|process| !signaled.contains(process))
                .collect();
            if new.is_empty() {
                return;
            }
            for process in new {
                // It may have ended by itself.
                let _ = kill_process(process, signal);
                signaled.push(process);
            }
        }
    }

    /// Waits until none of its processes is left.
    pub(super) fn ended(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // Looked at each time: else it stays as a zombie.
            if self.has_child_ended() && processes_in(&self.data()).is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "PostgreSQL does not end; its log: {}", self.log());
            thread::sleep(POLL);
        }
    }
}

/// Has a process of its own end and remove a cluster when nobody holds a lock on `users` any more, however
/// they went.
pub(super) fn watch(users: &Path, gate: &Path, grace: Duration, directory: &Path) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", include_str!("watchdog.sh"), "watchdog"]).arg(users).arg(gate);
    command.arg(grace.as_secs().to_string()).arg(directory).current_dir("/").process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("a shell")
}

/// Nothing but the server's processes has its data directory as the current one.
fn works_in(process: Pid, data: &Path) -> bool {
    let link = format!("/proc/{}/cwd", process.as_raw_pid());
    fs::read_link(link).is_ok_and(|directory| directory == data)
}

fn processes_in(data: &Path) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter_map(Pid::from_raw).filter(|process| works_in(*process, data)).collect()
}

fn configuration(port: u16, settings: &[(&str, &str)]) -> String {
    let port = port.to_string();
    let own = [
        ("listen_addresses", "127.0.0.1"),
        ("port", &port),
        ("unix_socket_directories", ""),
        // Others leave something behind in /dev/shm where the server is killed.
        ("dynamic_shared_memory_type", "mmap"),
    ];
    let line = |(name, value): &(&str, &str)| format!("{name} = '{}'\n", value.replace('\'', "''"));
    own.iter().chain(settings).map(line).collect()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound listener has an address").port()
}
