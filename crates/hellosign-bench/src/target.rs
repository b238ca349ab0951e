//! The processes that are measured.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// The secret of the benchmark's apps.
pub(crate) const CLIENT_SECRET: &str = "c0ffee00c0ffee00c0ffee00c0ffee00";

/// Where a server's data is.
#[derive(Debug)]
pub(crate) enum Database {
    DataDir(PathBuf),
    Postgres { url: String, key_file: PathBuf },
}

/// A server that listens.
pub(crate) struct Target {
    child: Child,
    pub(crate) address: SocketAddr,
    fsyncs: Option<PathBuf>,
}

impl Target {
    async fn start(mut command: Command, fsyncs: Option<PathBuf>) -> anyhow::Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("stdout is piped")?).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some(address) = line.strip_prefix("listening on http://") {
                return Ok(Self { child, address: address.parse()?, fsyncs });
            }
        }
        bail!("the server ended before it listened")
    }

    /// The bare handler: this very binary.
    pub(crate) async fn bare() -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("bare");
        Self::start(command, None).await
    }

    /// Our release binary with its log at info, its limiter on, and its fsyncs counted.
    pub(crate) async fn hellosign(binary: &Path, directory: &Path, fixtures: &Path) -> anyhow::Result<Self> {
        let counter = counter(directory)?;
        let counted = directory.join("fsyncs");
        fs::write(&counted, 0_u64.to_ne_bytes())?;
        let mut command = Command::new(binary);
        command.args(["server", "--listen", "127.0.0.1:0", "--rate-limit", "30000000", "--data-dir"]);
        command.arg(directory.join("data")).arg("--fixtures").arg(fixtures);
        command.env("LD_PRELOAD", counter).env("FSYNCS", &counted).env("RUST_LOG", "info");
        command.stderr(File::create(directory.join("log"))?);
        Self::start(command, Some(counted)).await
    }

    /// Our release binary on a database that is there, with its log at warn.
    pub(crate) async fn server(
        binary: &Path,
        database: &Database,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(binary);
        command.args(["server", "--listen", "127.0.0.1:0"]).args(arguments).env("RUST_LOG", "warn");
        match database {
            Database::DataDir(directory) => command.arg("--data-dir").arg(directory),
            Database::Postgres { url, key_file } => {
                command.env("HELLOSIGN_DATABASE_URL", url).arg("--key-file").arg(key_file)
            }
        };
        Self::start(command, None).await
    }

    /// Fsyncs so far.
    pub(crate) fn fsyncs(&self) -> anyhow::Result<u64> {
        let Some(file) = &self.fsyncs else { return Ok(0) };
        let bytes = fs::read(file)?;
        Ok(bytes.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes)))
    }

    /// The most memory that it had resident, in MiB.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        let id = self.child.id().context("the server has ended")?;
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib / 1024)
    }

    /// Its CPU time so far, in microseconds.
    pub(crate) fn cpu(&self) -> anyhow::Result<u64> {
        cpu_of(self.child.id().context("the server has ended")?).context("no such process")
    }

    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}

/// Of user and system, in microseconds; `None` where there is no such process.
fn cpu_of(id: u32) -> Option<u64> {
    /// Microseconds of one of the kernel's ticks, of which Linux shows a hundred a second everywhere.
    const TICK: u64 = 10_000;
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name may have spaces in it, and ends with the last bracket.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some((ticks(11)? + ticks(12)?) * TICK)
}

/// CPU time so far, in microseconds, of all of PostgreSQL's processes on this machine that live.
pub(crate) fn cpu_of_postgresql() -> u64 {
    let Ok(processes) = fs::read_dir("/proc") else { return 0 };
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let is_postgres =
        |id: &u32| fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.trim() == "postgres");
    ids.filter(is_postgres).filter_map(cpu_of).sum()
}

/// Builds the release binary, unless one is named.
pub(crate) fn hellosign_binary(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(binary) = given {
        return Ok(binary);
    }
    let status = std::process::Command::new("cargo")
        .args(["build", "--release", "--quiet", "--locked", "-p", "hellosign-cli"])
        .status()?;
    ensure!(status.success(), "the release binary could not be built");
    let here = std::env::current_exe()?;
    Ok(here.with_file_name("hellosign"))
}

/// One app that rotates or not, and its grants. Gives the file and the refresh tokens.
pub(crate) fn fixtures(
    directory: &Path,
    grants: usize,
    rotates: bool,
) -> anyhow::Result<(PathBuf, Vec<String>)> {
    let mut text = format!(
        "[[accounts]]\nemail_address = \"jack@example.com\"\n\
         [[api_apps]]\nowner = \"jack@example.com\"\nname = \"Benchmark\"\nclient_id = \"benchmark\"\n\
         client_secret = \"{CLIENT_SECRET}\"\ncallback_url = \"http://127.0.0.1:9000/callback\"\n\
         scopes = [\"basic_account_info\"]\nrefresh_token_rotation = {rotates}\n"
    );
    let tokens: Vec<String> = (0..grants).map(|at| format!("benchmark-refresh-token-{at:016x}")).collect();
    for token in &tokens {
        write!(
            text,
            "[[grants]]\nclient_id = \"benchmark\"\naccount = \"jack@example.com\"\nrefresh_token = \"{token}\"\n"
        )?;
    }
    let file = directory.join("fixtures.toml");
    fs::write(&file, text)?;
    Ok((file, tokens))
}

/// A library that counts fsync and fdatasync into a file that is mapped: a server that is traced would
/// be another one.
fn counter(directory: &Path) -> anyhow::Result<PathBuf> {
    let library = directory.join("count_fsyncs.so");
    let source = directory.join("count_fsyncs.c");
    fs::write(&source, include_str!("count_fsyncs.c"))?;
    let status = std::process::Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .arg(&library)
        .arg(&source)
        .arg("-ldl")
        .status()?;
    ensure!(status.success(), "a C compiler is needed to count fsyncs");
    Ok(library)
}
