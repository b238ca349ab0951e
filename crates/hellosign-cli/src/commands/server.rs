//! `hellosign server`

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use hellosign_server::{Config, Fixtures, Server};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Profile, ServerArgs};
use crate::{config, output};

/// Runs the server until SIGTERM or SIGINT, then finishes what is in flight.
pub(crate) async fn run(args: ServerArgs) -> anyhow::Result<()> {
    let addresses = addresses(&args.listen).await?;
    refuse_what_is_unsafe(&args, &addresses)?;
    let config = server_config(args)?;
    let mut listeners = Vec::new();
    for address in addresses {
        let listener = TcpListener::bind(address).await;
        listeners.push(listener.with_context(|| format!("listening on {address} failed"))?);
    }
    // Before the server says that it is there: whoever reads that may stop it at once.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let server = Server::open(config).await?;
    for listener in &listeners {
        output::line(&format!("listening on http://{}", listener.local_addr()?));
    }
    let shutdown = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("finishing what is in flight");
    };
    server.serve(listeners, shutdown).await?;
    Ok(())
}

async fn addresses(listen: &[String]) -> anyhow::Result<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    for name in listen {
        let resolved = tokio::net::lookup_host(name).await;
        let resolved = resolved.with_context(|| format!("--listen {name} is not an address and a port"))?;
        addresses.extend(resolved.take(1));
    }
    Ok(addresses)
}

fn refuse_what_is_unsafe(args: &ServerArgs, addresses: &[SocketAddr]) -> anyhow::Result<()> {
    let Some(open) = addresses.iter().find(|address| !address.ip().is_loopback()) else { return Ok(()) };
    if args.auto_approve.is_some() {
        bail!(
            "--auto-approve lets whoever reaches the server act for that account, and {open} is not a loopback \
             address; listen on 127.0.0.1, or leave --auto-approve out"
        );
    }
    if args.profile.is_none() {
        bail!("{open} is not a loopback address: name the --profile that others are to meet there");
    }
    if args.profile == Some(Profile::Strict) && args.public_url.is_none() {
        bail!(
            "{open} is not a loopback address, and --profile strict tells clients who answers them: name the \
             --public-url at which they reach the server"
        );
    }
    Ok(())
}

fn server_config(args: ServerArgs) -> anyhow::Result<Config> {
    let mut config = Config::new(&args.data_dir);
    config.keys = config::key_source(args.key_file)?;
    if let Some(path) = args.fixtures {
        let text = fs::read_to_string(&path).with_context(|| format!("reading {} failed", path.display()))?;
        config.fixtures = Fixtures::parse(&path.display().to_string(), &text)?;
    }
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    config.profile = match args.profile {
        Some(Profile::Strict) => hellosign_server::Profile::Strict,
        Some(Profile::Hellosign) | None => hellosign_server::Profile::HelloSign,
    };
    config.public_url = args.public_url;
    config.auto_approve = args.auto_approve;
    config.access_token_ttl = seconds(args.access_token_ttl);
    config.authorization_code_ttl = seconds(args.authorization_code_ttl);
    config.rotation_grace = seconds(args.rotation_grace);
    config.rate_limit = args.rate_limit.0;
    Ok(config)
}
