//! `hellosign`: OAuth for HelloSign (Dropbox Sign) at a terminal, and the server.

mod args;
mod commands;
mod config;
mod control_access;
mod open_files;
mod output;
mod service_manager;
#[cfg(feature = "otel")]
mod traces;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use tracing::Level;

use crate::args::{Args, Command, ServerCommand};
use crate::service_manager::Sockets;

fn main() -> ExitCode {
    // The log has been written when this comes back: what went wrong is the last line.
    match run(Args::parse()) {
        Ok(code) => code,
        Err(error) => output::failed(&error),
    }
}

fn run(args: Args) -> anyhow::Result<ExitCode> {
    // Only a server that is alone has a story for its log; the others tell their own.
    let is_server = match &args.command {
        Command::Server { .. } => true,
        Command::Emulator(args) => args.command.is_empty(),
        _ => false,
    };
    let default = if is_server { Level::INFO } else { Level::WARN };
    // Before there are other threads.
    let sockets = if is_server { Sockets::inherited()? } else { Sockets::default() };
    let _log = output::start_log(args.log_format, default)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        match args.command {
            Command::Quickstart { browser } => commands::quickstart::run(browser).await?,
            Command::Oauth { command } => commands::oauth::run(command).await?,
            Command::Server { args, behavior, command: None } => {
                commands::server::run(args, behavior, sockets).await?;
            }
            Command::Server { command: Some(ServerCommand::Keys { command }), .. } => {
                commands::server_keys::run(command).await?;
            }
            Command::Server { command: Some(ServerCommand::Copy { data_dir, to_file, undo }), .. } => {
                commands::server_copy::run(&data_dir, to_file, undo).await?;
            }
            Command::Server { command: Some(ServerCommand::Restored { data }), .. } => {
                commands::server_restored::run(data).await?;
            }
            Command::Server { command: Some(ServerCommand::Settings { database, set, unset }), .. } => {
                commands::server_settings::run(&database, set, unset).await?;
            }
            Command::Server { command: Some(ServerCommand::Migrate { database, plan }), .. } => {
                commands::server_migrate::run(&database, plan).await?;
            }
            Command::Emulator(args) => return commands::emulator::run(args).await,
            Command::Control { data_dir, command } => {
                commands::control::run(data_dir.as_deref(), command).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    });
    // Nothing that anybody still waits for is left; what hangs is not to keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}
