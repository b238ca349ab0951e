//! What the command line leaves open: the environment, and secrets, which are never on it.

use std::fs;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
#[cfg(feature = "otel")]
use std::time::Duration;

use anyhow::{Context as _, bail};
use hellosign_server::{DatabaseUrl, KeySource, Random as _, ServerKeys, SystemRandom};
use zeroize::Zeroizing;

use crate::args::DatabaseArgs;

/// The variable that may hold the content of a key file.
const SERVER_KEY: &str = "HELLOSIGN_SERVER_KEY";

/// Where the server's secret is: in the file that was named, in the environment, or in the data
/// directory.
pub(crate) fn key_source(key_file: Option<PathBuf>) -> anyhow::Result<KeySource> {
    match (key_file, variable(SERVER_KEY)) {
        (Some(_), Some(_)) => {
            bail!("the server's secret is given twice, by --key-file and by {SERVER_KEY}; keep one")
        }
        (Some(path), None) => Ok(KeySource::File(path)),
        (None, Some(text)) => {
            let keys = ServerKeys::parse(&text).with_context(|| format!("the variable {SERVER_KEY}"))?;
            Ok(KeySource::Given(Arc::new(keys)))
        }
        (None, None) => Ok(KeySource::DataDir),
    }
}

/// The variable that may hold the URL of a PostgreSQL database.
const DATABASE_URL: &str = "HELLOSIGN_DATABASE_URL";

/// Where a server's data is.
#[derive(Debug, Clone)]
pub(crate) enum DataSource {
    Directory(PathBuf),
    Postgres(DatabaseUrl),
}

/// Where a server's data is, as the command line says, or else the environment.
pub(crate) fn data_source(data_dir: Option<PathBuf>, database: &DatabaseArgs) -> anyhow::Result<DataSource> {
    if let Some(directory) = data_dir {
        return Ok(DataSource::Directory(directory));
    }
    match database_url(database)? {
        Some(url) => Ok(DataSource::Postgres(url)),
        None => bail!(
            "which database? Give --data-dir DIR, or --database-url-file FILE or {DATABASE_URL} for PostgreSQL"
        ),
    }
}

/// The URL of a PostgreSQL database, for what cannot be done without.
pub(crate) fn needed_database_url(args: &DatabaseArgs) -> anyhow::Result<DatabaseUrl> {
    database_url(args)?
        .with_context(|| format!("which database? Give --database-url-file FILE or set {DATABASE_URL}"))
}

/// The URL of a PostgreSQL database, where one is given.
pub(crate) fn database_url(args: &DatabaseArgs) -> anyhow::Result<Option<DatabaseUrl>> {
    let (text, from) = match (&args.database_url_file, variable(DATABASE_URL)) {
        (Some(file), _) => (read_secret(file)?, file.display().to_string()),
        (None, Some(text)) => (Zeroizing::new(text), format!("the variable {DATABASE_URL}")),
        (None, None) => return Ok(None),
    };
    text.parse().map(Some).with_context(|| from)
}

/// A variable of the environment; an empty one is not set.
pub(crate) fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this module is where the environment is read")]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether traces are exported, and how long sending some may take: where a variable of OpenTelemetry's names a
/// collector. The SDK reads the others.
///
/// # Errors
/// Where they ask for what there is not.
#[cfg(feature = "otel")]
pub(crate) fn traces() -> anyhow::Result<Option<Duration>> {
    let of_traces = |name: &str| {
        variable(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}"))
            .or_else(|| variable(&format!("OTEL_EXPORTER_OTLP_{name}")))
    };
    let is_off = |name: &str, value: &str| variable(name).is_some_and(|set| set.eq_ignore_ascii_case(value));
    let Some(endpoint) = of_traces("ENDPOINT") else { return Ok(None) };
    if is_off("OTEL_SDK_DISABLED", "true") || is_off("OTEL_TRACES_EXPORTER", "none") {
        return Ok(None);
    }
    if !endpoint.starts_with("http://") {
        bail!(
            "traces are sent by http:// only, to a collector that is near; OTEL_EXPORTER_OTLP_ENDPOINT has another URL"
        );
    }
    if of_traces("PROTOCOL").is_some_and(|protocol| protocol != "http/protobuf") {
        bail!("traces are sent as http/protobuf only; OTEL_EXPORTER_OTLP_PROTOCOL names another protocol");
    }
    let millis = match of_traces("TIMEOUT") {
        Some(millis) => millis.parse().context("OTEL_EXPORTER_OTLP_TIMEOUT is no number of milliseconds")?,
        None => 10_000,
    };
    Ok(Some(Duration::from_millis(millis)))
}

/// A secret, and where it may come from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Secret {
    /// For people.
    pub(crate) name: &'static str,
    /// The variable that may hold it.
    pub(crate) variable: &'static str,
    /// The option that names a file.
    pub(crate) flag: &'static str,
}

/// Two secrets of one command. Stdin can be only one of them.
pub(crate) fn secrets(
    first: (Secret, Option<&Path>),
    second: (Secret, Option<&Path>),
) -> anyhow::Result<(Zeroizing<String>, Zeroizing<String>)> {
    let is_stdin = |file: Option<&Path>| file == Some(Path::new("-"));
    if is_stdin(first.1) && is_stdin(second.1) {
        bail!("{} and {} cannot both be stdin; put one into a file", first.0.flag, second.0.flag);
    }
    Ok((secret(first)?, secret(second)?))
}

/// A secret: from the file that was named, from the environment, or asked for at the terminal.
pub(crate) fn secret((secret, file): (Secret, Option<&Path>)) -> anyhow::Result<Zeroizing<String>> {
    let text = match (file, variable(secret.variable)) {
        (Some(file), _) => read_secret(file)?,
        (None, Some(text)) => Zeroizing::new(text),
        (None, None) if io::stdin().is_terminal() => {
            Zeroizing::new(rpassword::prompt_password(format!("The {}: ", secret.name))?)
        }
        (None, None) => bail!(
            "no {}: set {}, or name a file with {} (- for stdin); it is not taken from the command line, which others \
             can see",
            secret.name,
            secret.variable,
            secret.flag
        ),
    };
    let trimmed = text.trim_end_matches(['\r', '\n']);
    if trimmed.is_empty() {
        bail!("the {} is empty", secret.name);
    }
    Ok(Zeroizing::new(trimmed.to_owned()))
}

fn read_secret(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    if file == Path::new("-") {
        io::stdin().read_to_string(&mut text).context("reading stdin failed")?;
    } else {
        let read = fs::read_to_string(file).map(Zeroizing::new);
        text = read.with_context(|| format!("reading {} failed", file.display()))?;
    }
    Ok(text)
}

/// A secret that nothing outlives this process with.
pub(crate) fn random_hex(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    SystemRandom.fill(&mut random);
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}
