//! The binary as a process.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longer than any start or stop takes, on a slow machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// A call of the binary, before it is made.
#[derive(Debug)]
pub(crate) struct Command(std::process::Command);

impl Command {
    /// Any subcommand.
    pub(crate) fn new<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Self {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hellosign"));
        command.args(arguments).env_remove("RUST_LOG").stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command)
    }

    /// `hellosign server` on a free loopback port.
    pub(crate) fn server(data_dir: &Path) -> Self {
        let flags = ["server", "--listen", "127.0.0.1:0", "--data-dir"];
        Self::new(flags.map(OsStr::new)).arg(data_dir)
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.0.arg(argument);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.0.args(arguments);
        self
    }

    pub(crate) fn fixtures(self, file: &Path) -> Self {
        self.arg("--fixtures").arg(file)
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// The same call through a shell that first gives every permission bit to new files.
    pub(crate) fn without_umask(self) -> Self {
        self.through(r#"umask 0; exec "$0" "$@""#)
    }

    /// The same call with a socket that somebody else has made, as systemd passes one under this name.
    pub(crate) fn with_socket(self, socket: OwnedFd, name: &str) -> Self {
        // The number of the process is known only where the shell becomes the binary.
        let pass = r#"exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" "$@""#;
        let mut command = self.through(pass);
        command.0.stdin(socket);
        command.env("LISTEN_FDNAMES", name)
    }

    fn through(self, script: &str) -> Self {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", script]).arg(self.0.get_program()).args(self.0.get_args()).env_remove("RUST_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command)
    }

    /// Starts it and waits until it accepts connections.
    pub(crate) fn start(self) -> Server {
        let mut process = Process::spawn(self);
        let address = process.line(|line| {
            let address = line.strip_prefix("listening on http://")?;
            Some(address.parse().expect("an address with its port"))
        });
        Server { process, address }
    }

    /// Starts it and does not wait.
    pub(crate) fn spawn(self) -> Running {
        Running(Process::spawn(self))
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Ended {
        Process::spawn(self).end()
    }
}

/// A call that is on its way; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Running(Process);

impl Running {
    /// Waits for a line of stdout in which `find` finds something.
    pub(crate) fn line<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> T {
        self.0.line(find)
    }

    /// Sends a signal by its name and does not wait.
    pub(crate) fn signal(&self, name: &str) {
        self.0.signal(name);
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(mut self) -> Ended {
        self.0.end()
    }
}

/// How a process ended, and all that it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Fails unless the call was refused with a sentence that holds each of `words`.
    pub(crate) fn assert_refused(&self, words: &[&str]) {
        assert_eq!(self.status.code(), Some(2), "{self:?}");
        assert_eq!(self.stdout, "", "a refusal belongs on stderr");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in {:?}", self.stderr);
        }
    }
}

/// A server that accepts connections; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
    address: SocketAddr,
}

impl Server {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it answers those who run it, if it was told to.
    pub(crate) fn operations(&mut self) -> SocketAddr {
        self.process.line(|line| {
            let address = line.strip_prefix("operations on http://")?;
            Some(address.parse().expect("an address with its port"))
        })
    }

    /// SIGKILL: nothing runs any more, what was printed so far is kept.
    pub(crate) fn kill(mut self) -> Ended {
        self.process.child.kill().expect("a process to kill");
        self.process.end()
    }

    /// Sends a signal by its name and does not wait.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(mut self) -> Ended {
        self.process.end()
    }

    /// SIGTERM, and the end.
    pub(crate) fn stop(self) -> Ended {
        self.signal("TERM");
        let ended = self.ended();
        assert!(ended.status.success(), "{ended:?}");
        ended
    }
}

#[derive(Debug)]
struct Process {
    child: Child,
    lines: Receiver<String>,
    readers: Vec<JoinHandle<()>>,
    stdout: Arc<Mutex<Vec<u8>>>,
    stderr: Arc<Mutex<Vec<u8>>>,
}

impl Process {
    fn spawn(mut command: Command) -> Self {
        let mut child = command.0.spawn().unwrap_or_else(|e| panic!("{e}: {:?}", command.0));
        let (found, lines) = mpsc::channel();
        let (stdout, stderr) = (Arc::default(), Arc::default());
        let readers = vec![
            collect(child.stdout.take().expect("piped"), Arc::clone(&stdout), move |line| {
                let _ = found.send(line.to_owned());
            }),
            collect(child.stderr.take().expect("piped"), Arc::clone(&stderr), |_| {}),
        ];
        Self { child, lines, readers, stdout, stderr }
    }

    fn line<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if let Some(found) = find(&line) {
                return found;
            }
        }
        let _ = self.child.kill();
        let ended = self.end();
        panic!("it did not print what it should have: {ended:?}");
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = std::process::Command::new("kill").args(["-s", name, &id]).status();
        assert!(status.is_ok_and(|s| s.success()), "kill -s {name} {id}");
    }

    fn end(&mut self) -> Ended {
        let mut status = None;
        let ended = wait_until(PATIENCE, || {
            status = self.child.try_wait().expect("a child process");
            status.is_some()
        });
        if !ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        let text = |of: &Mutex<Vec<u8>>| String::from_utf8_lossy(&of.lock().unwrap()).into_owned();
        let (stdout, stderr) = (text(&self.stdout), text(&self.stderr));
        let status = status.unwrap_or_else(|| panic!("it did not end; stdout: {stdout}\nstderr: {stderr}"));
        Ended { status, stdout, stderr }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let stderr = self.stderr.lock().map(|all| String::from_utf8_lossy(&all).into_owned());
            let stderr = stderr.unwrap_or_default();
            let from = stderr.char_indices().rev().nth(4000).map_or(0, |(at, _)| at);
            println!("the server's log ends: {}", &stderr[from..]);
        }
    }
}

fn collect(
    stream: impl Read + Send + 'static,
    into: Arc<Mutex<Vec<u8>>>,
    mut each_line: impl FnMut(&str) + Send + 'static,
) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            into.lock().unwrap().extend_from_slice(&line);
            each_line(String::from_utf8_lossy(&line).trim_end());
            line.clear();
        }
    })
}

/// Asks again and again whether it is so, no longer than `patience`; gives the last answer.
pub(crate) fn wait_until(patience: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
}
