//! What the environment adds to the command line: secrets.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use hellosign_server::{KeySource, ServerKeys};

/// The variable that may hold the content of a key file.
const SERVER_KEY: &str = "HELLOSIGN_SERVER_KEY";

/// Where the server's secret is: in the file that was named, in the environment, or in the data
/// directory.
pub(crate) fn key_source(key_file: Option<PathBuf>) -> anyhow::Result<KeySource> {
    #[expect(clippy::disallowed_methods, reason = "this module is where the environment is read")]
    let text = std::env::var(SERVER_KEY).ok();
    match (key_file, text) {
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
