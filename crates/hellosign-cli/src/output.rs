//! Everything that a person or a script gets to see.
#![expect(clippy::print_stderr, reason = "this module is where printing is done")]

use std::fmt;
use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use hellosign_sdk::ApiError;
use tracing::Level;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
#[cfg(feature = "otel")]
use tracing_subscriber::{Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};
use zeroize::Zeroizing;

use crate::args::LogFormat;

/// Starts the log on stderr. `RUST_LOG` says what is in it, and `default` where it is not set.
///
/// A thread of its own writes it, so that no answer waits for it. What is logged is written when the
/// guard is dropped; if lines come faster than they can be written, those who log wait.
///
/// # Errors
/// Where traces were asked for, and cannot be exported as they were.
pub(crate) fn start_log(format: LogFormat, default: Level) -> anyhow::Result<Log> {
    let filter = EnvFilter::builder().with_default_directive(default.into()).from_env_lossy();
    // Buffered: it is flushed whenever there is nothing more to write.
    let stderr = BufWriter::with_capacity(64 * 1024, io::stderr());
    let (writer, guard) = NonBlockingBuilder::default().lossy(false).finish(stderr);
    #[cfg(feature = "otel")]
    if let Some(timeout) = crate::config::traces()? {
        let (exporting, traces) = crate::traces::start(timeout)?;
        let lines = tracing_subscriber::fmt::layer().with_writer(writer);
        let lines = match format {
            LogFormat::Human => lines.with_ansi(io::stderr().is_terminal()).boxed(),
            LogFormat::Json => lines.json().with_span_list(false).boxed(),
        };
        tracing_subscriber::registry().with(lines.with_filter(filter)).with(traces).init();
        return Ok(Log { _exporting: Some(exporting), _guard: guard });
    }
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match format {
        LogFormat::Human => log.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().with_span_list(false).init(),
    }
    Ok(Log {
        #[cfg(feature = "otel")]
        _exporting: None,
        _guard: guard,
    })
}

/// Writes what is left when it is dropped: first the traces, since they may have something to log.
pub(crate) struct Log {
    #[cfg(feature = "otel")]
    _exporting: Option<crate::traces::Exporting>,
    _guard: WorkerGuard,
}

/// One line for whoever started this, written out at once: scripts wait for it.
pub(crate) fn line(text: &str) {
    let mut stdout = io::stdout().lock();
    // A reader that has gone is no reason to stop.
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// An answer that is a secret, for whoever asked for it: one line of JSON, and nowhere else.
pub(crate) fn secret_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let mut json = Zeroizing::new(serde_json::to_vec(value)?);
    json.push(b'\n');
    let mut stdout = io::stdout().lock();
    stdout.write_all(&json).and_then(|()| stdout.flush()).context("writing the answer to stdout failed")
}

/// A refusal that did not come as an answer of the API.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// Says what went wrong. 1 is a server's refusal, 2 anything else.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("hellosign: {error:#}");
    let is_refusal = error.downcast_ref::<ApiError>().is_some_and(|error| error.status().is_some())
        || error.downcast_ref::<Refused>().is_some();
    ExitCode::from(if is_refusal { 1 } else { 2 })
}
