//! What one machine carries: refreshes, exchanges and introspections a second, memory and disk, for few and for many
//! grants, on SQLite and on PostgreSQL.

use std::fmt::{self, Write as _};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hellosign_testkit::{Postgres, psql};

use crate::load::{self, Figures};
use crate::refresh::median;
use crate::target::{self, CLIENT_SECRET, Database, Target};

/// Grants that one account has given: fewer than the most there can be, so that exchanges end none.
const EACH: usize = 20;

#[derive(Debug, clap::Args)]
pub(crate) struct CapacityArgs {
    /// Grants of the small database
    #[arg(long, default_value_t = 1000)]
    few: usize,
    /// Grants of the large one
    #[arg(long, default_value_t = 1_000_000)]
    many: usize,
    /// Codes to exchange on each
    #[arg(long, default_value_t = 20_000)]
    codes: usize,
    /// Connections at the same time
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Seconds that each run takes
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Runs of each; the medians are what counts
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Leave PostgreSQL out
    #[arg(long)]
    sqlite_only: bool,
    /// A binary in place of the one that is built
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Where the databases are; it should be on a real disk
    #[arg(long, default_value = "target/bench")]
    directory: PathBuf,
}

/// What one database came to.
#[derive(Debug, Default)]
struct Measured {
    plain: f64,
    rotating: f64,
    exchanges: f64,
    introspections: f64,
    memory: u64,
    bytes: u64,
}

pub(crate) async fn run(args: CapacityArgs) -> anyhow::Result<()> {
    let binary = target::hellosign_binary(args.binary.clone())?;
    fs::create_dir_all(&args.directory)?;
    println!(
        "{} connections, {} runs of {} s; load, server and database share the machine",
        args.connections, args.runs, args.seconds
    );
    println!(
        "database    grants     plain/s  rotating/s  exchanges/s  introspections/s  server MiB  database bytes/grant"
    );
    let (mut sqlite, mut postgres) = (Vec::new(), Vec::new());
    for grants in [args.few, args.many] {
        let directory = tempfile::tempdir_in(&args.directory)?;
        let made = Made::new(directory.path(), grants, args.codes)?;
        let data_dir = directory.path().join("data");
        load_fixtures(&binary, &data_dir, &made.fixtures).await?;

        if !args.sqlite_only {
            // The copy first: what is measured on the one must not have changed the other.
            let cluster = Postgres::start_with(&[("shared_buffers", "1GB"), ("max_wal_size", "4GB")]);
            let url = cluster.create_database();
            copy(&binary, directory.path(), &data_dir, &url).await?;
            let database = Database::Postgres { url: url.clone(), key_file: data_dir.join("server.key") };
            let size = || Ok(psql(&url, "SELECT pg_database_size(current_database())").parse::<u64>()?);
            postgres.push(measure(&args, &binary, database, &made, "PostgreSQL", size).await?);
            drop(cluster);
            retake(&binary, &data_dir).await?;
        }
        let size = || Ok(fs::metadata(data_dir.join("hellosign.db"))?.len());
        let database = Database::DataDir(data_dir.clone());
        sqlite.push(measure(&args, &binary, database, &made, "SQLite", size).await?);
    }
    for (name, measured) in [("SQLite", &sqlite), ("PostgreSQL", &postgres)] {
        let [few, many] = measured.as_slice() else { continue };
        println!(
            "{name}: with {} grants a refresh costs {:.2} of what it costs with {} (plain), {:.2} (rotating)",
            args.many,
            few.plain / many.plain,
            args.few,
            few.rotating / many.rotating
        );
    }
    Ok(())
}

/// What is loaded, and what is known of it.
struct Made {
    fixtures: PathBuf,
    plain: Vec<String>,
    rotating: Vec<String>,
    codes: Vec<String>,
}

impl Made {
    /// Half of the grants rotate.
    fn new(directory: &Path, grants: usize, codes: usize) -> anyhow::Result<Self> {
        let mut text = String::from("[[accounts]]\nemail_address = \"jack@example.com\"\n");
        for (app, rotates) in [("plain", false), ("rotating", true)] {
            write!(
                text,
                "[[api_apps]]\nowner = \"jack@example.com\"\nname = \"{app}\"\nclient_id = \"{app}\"\nclient_secret = \"{CLIENT_SECRET}\"\n\
                 callback_url = \"http://127.0.0.1:9000/callback\"\nscopes = [\"basic_account_info\"]\n\
                 refresh_token_rotation = {rotates}\n"
            )?;
        }
        let (mut plain, mut rotating) = (Vec::new(), Vec::new());
        for at in 0..grants {
            if at % EACH == 0 {
                writeln!(text, "[[accounts]]\nemail_address = \"user-{}@example.com\"", at / EACH)?;
            }
            let (app, tokens) = match at % 2 {
                0 => ("plain", &mut plain),
                _ => ("rotating", &mut rotating),
            };
            let token = format!("benchmark-refresh-token-{at:016x}");
            writeln!(
                text,
                "[[grants]]\nclient_id = \"{app}\"\naccount = \"user-{}@example.com\"\nrefresh_token = \"{token}\"",
                at / EACH
            )?;
            tokens.push(token);
        }
        let codes: Vec<String> = (0..codes).map(|at| format!("{at:016x}")).collect();
        for (at, code) in codes.iter().enumerate() {
            if at % EACH == 0 {
                writeln!(text, "[[accounts]]\nemail_address = \"other-{}@example.com\"", at / EACH)?;
            }
            writeln!(
                text,
                "[[authorization_codes]]\nclient_id = \"plain\"\naccount = \"other-{}@example.com\"\n\
                 code = \"{code}\"\nstate = \"x\"",
                at / EACH
            )?;
        }
        // Neighbors in the file are neighbors nowhere else: hashes and identifiers are random.
        fastrand::shuffle(&mut plain);
        fastrand::shuffle(&mut rotating);
        let fixtures = directory.join("fixtures.toml");
        fs::write(&fixtures, text)?;
        Ok(Self { fixtures, plain, rotating, codes })
    }
}

async fn load_fixtures(binary: &Path, data_dir: &Path, fixtures: &Path) -> anyhow::Result<()> {
    let began = Instant::now();
    let database = Database::DataDir(data_dir.to_owned());
    Target::server(binary, &database, &["--fixtures", fixtures.to_str().context("a path")?])
        .await?
        .stop()
        .await?;
    println!("  loaded in {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

async fn copy(binary: &Path, directory: &Path, data_dir: &Path, url: &str) -> anyhow::Result<()> {
    let file = directory.join("url");
    fs::write(&file, url)?;
    let began = Instant::now();
    let mut command = tokio::process::Command::new(binary);
    command.args(["server", "copy", "--data-dir"]).arg(data_dir).arg("--to-file").arg(file);
    let output = command.output().await?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "the copy failed: {}", String::from_utf8_lossy(&output.stderr));
    println!(
        "  copied to PostgreSQL in {:.1} s; {}",
        began.elapsed().as_secs_f64(),
        said.lines().nth(2).unwrap_or_default()
    );
    Ok(())
}

async fn retake(binary: &Path, data_dir: &Path) -> anyhow::Result<()> {
    let mut command = tokio::process::Command::new(binary);
    let status =
        command.args(["server", "copy", "--undo", "--data-dir"]).arg(data_dir).output().await?.status;
    ensure!(status.success(), "the database could not be taken back");
    Ok(())
}

async fn measure(
    args: &CapacityArgs,
    binary: &Path,
    database: Database,
    made: &Made,
    name: &str,
    size: impl Fn() -> anyhow::Result<u64>,
) -> anyhow::Result<Measured> {
    let grants = made.plain.len() + made.rotating.len();
    let bytes = size()? / grants as u64;
    let server = Target::server(binary, &database, &["--rate-limit", "off"]).await?;
    let (mut plain, mut rotating) = (made.plain.clone(), made.rotating.clone());
    let refresh =
        |per_second: &[Figures]| median(per_second.iter().map(|figures| figures.per_second).collect());
    let mut runs = (Vec::new(), Vec::new(), Vec::new());
    let duration = Duration::from_secs(args.seconds);
    let mut tokens = Vec::new();
    let (mut cpu_plain, mut cpu_rotating) = (Cpu::default(), Cpu::default());
    for _ in 0..args.runs {
        let run = load::refresh(server.address, &mut plain, "plain", args.connections, duration);
        runs.0.push(cpu_plain.around(&server, run).await?);
        let run = load::refresh(server.address, &mut rotating, "rotating", args.connections, duration);
        runs.1.push(cpu_rotating.around(&server, run).await?);
    }
    let exchanges: Vec<String> =
        made.codes.iter().map(|code| form(&format!("grant_type=authorization_code&code={code}"))).collect();
    let exchanged =
        load::each(server.address, "/oauth/token", exchanges, args.connections, None, Some(&mut tokens))
            .await?;
    let introspections: Vec<String> = tokens.iter().map(|token| form(&format!("token={token}"))).collect();
    for _ in 0..args.runs {
        let bodies = introspections.clone();
        runs.2.push(
            load::each(server.address, "/oauth/introspect", bodies, args.connections, Some(duration), None)
                .await?,
        );
    }
    let measured = Measured {
        plain: refresh(&runs.0),
        rotating: refresh(&runs.1),
        exchanges: exchanged.per_second,
        introspections: refresh(&runs.2),
        memory: server.memory()?,
        bytes,
    };
    server.stop().await?;
    println!(
        "{name:<11}{grants:>8}  {:>10.0}  {:>10.0}  {:>11.0}  {:>16.0}  {:>10}  {:>20}",
        measured.plain,
        measured.rotating,
        measured.exchanges,
        measured.introspections,
        measured.memory,
        measured.bytes
    );
    println!("            CPU µs each, plain {cpu_plain}; rotating {cpu_rotating}");
    Ok(measured)
}

/// What answers have cost.
#[derive(Debug, Default)]
struct Cpu {
    server: u64,
    postgresql: u64,
    answers: u64,
}

impl Cpu {
    async fn around(
        &mut self,
        server: &Target,
        run: impl Future<Output = anyhow::Result<Figures>>,
    ) -> anyhow::Result<Figures> {
        let before = (server.cpu()?, target::cpu_of_postgresql());
        let figures = run.await?;
        self.server += server.cpu()? - before.0;
        self.postgresql += target::cpu_of_postgresql().saturating_sub(before.1);
        self.answers += figures.answered;
        Ok(figures)
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = |micros: u64| micros as f64 / self.answers as f64;
        write!(f, "server {:.1}, PostgreSQL {:.1}", each(self.server), each(self.postgresql))
    }
}

fn form(parameters: &str) -> String {
    format!("{parameters}&client_id=plain&client_secret={CLIENT_SECRET}")
}
