//! `hellosign server`

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use hellosign_server::{Config, Database, Fixtures, KeySource, PostgresConfig, Server};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

use super::signals::Signals;
use crate::args::{BehaviorArgs, Profile, ServerArgs};
use crate::config::DataSource;
use crate::control_access::{self, ControlAccess};
use crate::service_manager::{Notifier, Sockets};
use crate::{config, open_files, output, service_manager};

const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8065);

/// Connections that the system completes before the server has got round to them; it may take fewer. Where there is
/// no more room, whoever connects waits a second to try again.
const BACKLOG: u32 = 4096;

/// Runs the server until SIGTERM or SIGINT, then finishes what is in flight; a second one ends that.
pub(crate) async fn run(
    args: Box<ServerArgs>,
    behavior: BehaviorArgs,
    mut sockets: Sockets,
) -> anyhow::Result<()> {
    let notifier = Notifier::from_environment()?;
    let mut listeners = sockets.take(service_manager::HTTP)?;
    sockets.end()?;
    let to_bind = addresses(&args.listen, listeners.is_empty()).await?;
    let bound = listeners.iter().map(TcpListener::local_addr).collect::<Result<Vec<_>, _>>()?;
    let addresses = [bound, to_bind.clone()].concat();
    let (control, operations) = (args.control.clone(), args.operations.clone());
    let config = server_config(args, &behavior, &addresses)?;
    let data_dir = match &config.database {
        Database::DataDir(directory) => Some(directory.clone()),
        _ => None,
    };
    let control_listener = match &control {
        Some(address) => Some(listen_on_loopback("--control", address).await?),
        None => None,
    };
    let operations_listener = match &operations {
        Some(name) => Some(listen(resolve("--operations", name).await?)?),
        None => None,
    };
    for address in to_bind {
        listeners.push(listen(address)?);
    }
    // Before the server says that it is there: whoever reads that may stop it at once.
    let mut signals = Signals::new()?;
    let mut server = Server::open(config).await?;
    let mut control_file = None;
    let mut lines = Vec::new();
    for listener in &listeners {
        lines.push(format!("listening on http://{}", listener.local_addr()?));
    }
    if let Some(listener) = control_listener {
        let access = ControlAccess::new(&listener)?;
        match &data_dir {
            Some(directory) => control_file = Some(access.write(directory)?),
            None => control_access::is_given()?,
        }
        lines.push(format!("control on {}", access.url));
        server.control_on(listener, access.token);
    }
    if let Some(listener) = operations_listener {
        lines.push(format!("operations on http://{}", listener.local_addr()?));
        server.operations_on(listener);
    }
    lines.iter().for_each(|line| output::line(line));
    notifier.ready();
    let (told, stopping) = oneshot::channel::<()>();
    let shutdown = async {
        // An error says that there is nobody left to tell, which is how it is told.
        let _ = stopping.await;
    };
    let ended_early = async {
        signals.any().await;
        notifier.stopping();
        tracing::info!("finishing what is in flight; another signal ends it at once");
        drop(told);
        signals.any().await;
    };
    tokio::select! {
        served = server.serve(listeners, shutdown) => served?,
        () = ended_early => bail!("ended by a second signal; what was in flight may be unfinished"),
        never = notifier.keep_alive() => match never {},
    }
    drop(control_file);
    Ok(())
}

/// A listener that only this machine reaches; `flag` has asked for it.
pub(super) async fn listen_on_loopback(flag: &str, name: &str) -> anyhow::Result<TcpListener> {
    let address = resolve(flag, name).await?;
    if !address.ip().is_loopback() {
        bail!(
            "{flag} {name}: whoever reaches it can make the server do anything; take a loopback address such as 127.0.0.1:0"
        );
    }
    listen(address)
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A server that has just ended leaves connections behind, and they do not keep the next one from its port.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().with_context(|| format!("listening on {address} failed"))
}

async fn resolve(flag: &str, name: &str) -> anyhow::Result<SocketAddr> {
    let resolved = tokio::net::lookup_host(name).await.ok().and_then(|mut addresses| addresses.next());
    resolved.with_context(|| format!("{flag} {name} is not an address and a port"))
}

/// Where to listen; `is_alone` where it is on no socket yet.
async fn addresses(listen: &[String], is_alone: bool) -> anyhow::Result<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    if listen.is_empty() && is_alone {
        addresses.push(DEFAULT_ADDRESS);
    }
    for name in listen {
        addresses.push(resolve("--listen", name).await?);
    }
    Ok(addresses)
}

/// What must not be open to others than this machine.
fn refuse_what_is_unsafe(
    args: &ServerArgs,
    behavior: &BehaviorArgs,
    config: &Config,
    open: SocketAddr,
) -> anyhow::Result<()> {
    if behavior.auto_approve.is_some() {
        bail!(
            "--auto-approve lets whoever reaches the server act for that account, and {open} is not a loopback \
             address; listen on 127.0.0.1, or leave --auto-approve out"
        );
    }
    if args.control.is_some() {
        bail!(
            "--control is for tests, and {open} is not a loopback address; listen on 127.0.0.1, or leave it out"
        );
    }
    if !config.fixtures.faults.is_empty() {
        bail!("the fixtures have [[faults]], which are for tests, and {open} is not a loopback address");
    }
    if behavior.profile.is_none() {
        bail!("{open} is not a loopback address: name the --profile that others are to meet there");
    }
    if behavior.profile == Some(Profile::Strict) && args.public_url.is_none() {
        bail!(
            "{open} is not a loopback address, and --profile strict tells clients who answers them: name the \
             --public-url at which they reach the server"
        );
    }
    Ok(())
}

fn server_config(
    args: Box<ServerArgs>,
    behavior: &BehaviorArgs,
    addresses: &[SocketAddr],
) -> anyhow::Result<Config> {
    let control = args.control.is_some();
    let data = args.data.clone();
    let keys = config::key_source(data.key_file)?;
    let mut config = match config::data_source(data.data_dir, &data.database)? {
        DataSource::Directory(directory) => Config::new(directory),
        DataSource::Postgres(url) => {
            let mut database = PostgresConfig::new(url);
            database.connections = args.database_connections.into();
            Config::on_postgres(database, KeySource::DataDir)
        }
    };
    config.keys = keys;
    config.control = control;
    set_behavior(&mut config, behavior)?;
    if let Some(open) = addresses.iter().find(|address| !address.ip().is_loopback()) {
        refuse_what_is_unsafe(&args, behavior, &config, *open)?;
    }
    config.public_url = args.public_url;
    config.limits.max_connections = open_files::connections(args.max_connections)?;
    config.limits.max_in_flight = args.max_in_flight as usize;
    config.limits.drain_delay = Duration::from_secs(args.drain_delay.into());
    config.trusted_proxies = args.trusted_proxy;
    Ok(config)
}

/// Takes over what any server may be told.
pub(super) fn set_behavior(config: &mut Config, args: &BehaviorArgs) -> anyhow::Result<()> {
    if let Some(path) = &args.fixtures {
        let text = fs::read_to_string(path).with_context(|| format!("reading {} failed", path.display()))?;
        config.fixtures = Fixtures::parse(&path.display().to_string(), &text)?;
    }
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    config.profile = match args.profile {
        Some(Profile::Strict) => hellosign_server::Profile::Strict,
        Some(Profile::Hellosign) | None => hellosign_server::Profile::HelloSign,
    };
    config.auto_approve.clone_from(&args.auto_approve);
    config.access_token_ttl = seconds(args.access_token_ttl);
    config.authorization_code_ttl = seconds(args.authorization_code_ttl);
    config.rotation_grace = seconds(args.rotation_grace);
    config.rate_limit = args.rate_limit.0;
    Ok(())
}
