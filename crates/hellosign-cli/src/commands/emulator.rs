//! `hellosign emulator`: a server that lives as long as the tests that it is for.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use anyhow::{Context as _, bail};
use hellosign_server::{Config, Fixtures, Server};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use super::server;
use super::signals::Signals;
use crate::args::EmulatorArgs;
use crate::control_access::{self, ControlAccess};
use crate::output;

/// What the server knows where nobody says it.
const VENDOR_PAGE: &str = include_str!("../../fixtures/vendor_page.toml");

/// Runs the server, and the command beside it; gives the command's exit code.
pub(crate) async fn run(args: EmulatorArgs) -> anyhow::Result<ExitCode> {
    let listener = server::listen_on_loopback("--listen", &args.listen).await?;
    let control_listener = server::listen_on_loopback("--control", "127.0.0.1:0").await?;
    let data_dir = tempfile::tempdir().context("making a directory for the database failed")?;
    let mut config = Config::new(data_dir.path());
    config.control = true;
    server::set_behavior(&mut config, &args.behavior)?;
    if args.behavior.fixtures.is_none() {
        config.fixtures = Fixtures::parse("the values of the vendor's page", VENDOR_PAGE)?;
    }

    let mut signals = Signals::new()?;
    let mut server = Server::open(config).await?;
    let access = ControlAccess::new(&control_listener)?;
    let _control_file = access.write(data_dir.path())?;
    server.control_on(control_listener, access.token.clone());
    let url = format!("http://{}", listener.local_addr()?);
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(vec![listener], async {
        // Told to, or whoever would tell is gone.
        let _ = stopped.await;
    }));

    let code = match args.command.split_first() {
        Some((program, arguments)) => {
            let child = start(program, arguments, &url, &access)?;
            exit_code(ended(child, &mut signals).await?)
        }
        None => {
            output::line(&format!("listening on {url}"));
            output::line(&format!("control: hellosign control --data-dir {} …", data_dir.path().display()));
            signals.any().await;
            ExitCode::SUCCESS
        }
    };
    drop(stop);
    // An answer that a fault still holds back is nobody's any more.
    if let Ok(ended) = tokio::time::timeout(Duration::from_secs(1), serving).await {
        ended.context("the server ended early")??;
    }
    Ok(code)
}

fn start(
    program: &OsString,
    arguments: &[OsString],
    url: &str,
    access: &ControlAccess,
) -> anyhow::Result<Child> {
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true);
    command.env("HELLOSIGN_SERVER", url);
    command.env(control_access::URL, &access.url).env(control_access::TOKEN, access.token.expose());
    command.spawn().with_context(|| format!("starting {} failed", program.display()))
}

/// A shell's way to say it: 128 and the signal's number for what a signal has ended.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
}

/// Waits for the command to end. It decides what a signal means; one from the terminal it gets by itself.
async fn ended(mut child: Child, signals: &mut Signals) -> anyhow::Result<ExitStatus> {
    loop {
        tokio::select! {
            status = child.wait() => return Ok(status?),
            _ = signals.interrupt.recv() => {}
            _ = signals.terminate.recv() => terminate(&child)?,
        }
    }
}

fn terminate(child: &Child) -> anyhow::Result<()> {
    let Some(pid) = child.id().and_then(|id| rustix::process::Pid::from_raw(id.try_into().ok()?)) else {
        return Ok(());
    };
    match rustix::process::kill_process(pid, rustix::process::Signal::TERM) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => bail!("ending the command failed: {error}"),
    }
}
