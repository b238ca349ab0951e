//! Where a server under test is controlled, and with which token: in the environment, or in a file in its data
//! directory.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use hellosign_server::emulator::ControlToken;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::config;

/// The variable with the control API's origin.
pub(crate) const URL: &str = "HELLOSIGN_CONTROL_URL";
/// The variable with the control API's token.
pub(crate) const TOKEN: &str = "HELLOSIGN_CONTROL_TOKEN";

/// What a control request takes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ControlAccess {
    pub(crate) url: String,
    pub(crate) token: ControlToken,
}

impl ControlAccess {
    /// To the server that will answer on this listener: with the environment's token, or a new one.
    pub(crate) fn new(listener: &TcpListener) -> anyhow::Result<Self> {
        let token = config::variable(TOKEN).unwrap_or_else(|| config::random_hex(32));
        Ok(Self { url: format!("http://{}", listener.local_addr()?), token: token.into() })
    }

    /// To the server that the caller means.
    pub(crate) fn find(data_dir: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(directory) = data_dir {
            return Self::read(&file(directory));
        }
        match (config::variable(URL), config::variable(TOKEN)) {
            (Some(url), Some(token)) => Ok(Self { url, token: token.into() }),
            _ => bail!(
                "which server? Give --data-dir DIR, or set {URL} and {TOKEN} as `hellosign emulator` does"
            ),
        }
    }

    /// Leaves it in the data directory, for its owner only.
    pub(crate) fn write(&self, data_dir: &Path) -> anyhow::Result<ControlFile> {
        let path = file(data_dir);
        let write = || {
            let mut unfinished = tempfile::NamedTempFile::new_in(data_dir)?;
            unfinished.write_all(&serde_json::to_vec(self)?)?;
            unfinished.persist(&path)?;
            anyhow::Ok(())
        };
        write().with_context(|| format!("writing {} failed", path.display()))?;
        Ok(ControlFile(path))
    }

    /// Where to connect to. It is this machine, since the token goes there in the clear.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        let address =
            self.url.strip_prefix("http://").and_then(|rest| rest.trim_end_matches('/').parse().ok());
        match address {
            Some(address) if SocketAddr::ip(&address).is_loopback() => Ok(address),
            _ => bail!("{} is not of the form http://127.0.0.1:PORT", self.url),
        }
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read(path).with_context(|| {
            format!("reading {} failed: is a server running there with --control?", path.display())
        })?;
        serde_json::from_slice(&text).map_err(|_| anyhow::anyhow!("{} is not a server's", path.display()))
    }
}

/// Fails unless the environment has the token: there is no data directory to leave it in.
pub(crate) fn is_given() -> anyhow::Result<()> {
    match config::variable(TOKEN) {
        Some(_) => Ok(()),
        None => bail!(
            "with PostgreSQL there is no directory for control.json: set {TOKEN}, and {URL} for who controls it"
        ),
    }
}

/// The file, while the server runs.
#[derive(Debug)]
pub(crate) struct ControlFile(PathBuf);

impl Drop for ControlFile {
    fn drop(&mut self) {
        // Who finds it later learns from the connection that nobody is there.
        let _ = fs::remove_file(&self.0);
    }
}

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("control.json")
}
