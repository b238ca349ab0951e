//! The file that the server's secret is kept in: beside the database or elsewhere, never in it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{KeyFileError, ServerKeys};

/// Why a key file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileFailure {
    #[error("{action} the key file {} failed: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("the key file {} cannot be used: {source}", path.display())]
    Unusable { path: PathBuf, source: KeyFileError },
}

impl KeyFileFailure {
    fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

/// The secret in a key file; `None` where there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<ServerKeys>, KeyFileFailure> {
    match fs::read_to_string(path).map(zeroize::Zeroizing::new) {
        Ok(text) => {
            let unusable = |source| KeyFileFailure::Unusable { path: path.to_owned(), source };
            ServerKeys::parse(&text).map(Some).map_err(unusable)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KeyFileFailure::io("reading", path)(source)),
    }
}

/// Whole or not at all, and durable, so that no database can outlive the secret it was made with.
pub(crate) fn write(path: &Path, keys: &ServerKeys) -> Result<(), KeyFileFailure> {
    let failed = || KeyFileFailure::io("writing", path);
    let unfinished = path.with_extension("key.new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&unfinished).map_err(failed())?;
    file.write_all(keys.to_text().as_bytes()).map_err(failed())?;
    file.sync_all().map_err(failed())?;
    fs::rename(&unfinished, path).map_err(failed())?;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed())
}
