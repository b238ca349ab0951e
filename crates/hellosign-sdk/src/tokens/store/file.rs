//! One file for each account.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::{BoxFuture, StoreError, Stored, TokenStore, Version};

const SUFFIX: &str = ".grant";
/// Locks are shared by accounts, so that there are not as many as there are accounts.
const LOCKS: u32 = 64;
/// How long a lock is waited for: it is held as long as a write takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Keeps each account's grant in a file of its own, in a directory that processes of one machine may
/// share. Only its owner can read what is in there, and it is sealed.
///
/// A write is a new file that is synced and takes the old one's place, and the directory is synced, too.
/// Account names may have some 200 bytes, fewer where they have capitals or other signs than
/// `-`, `_`, `.` and `@`.
///
/// ```
/// use hellosign_sdk::tokens::FileTokenStore;
///
/// # let directory = std::env::temp_dir().join("hellosign-sdk-file-store");
/// let store = FileTokenStore::open(directory)?;
/// # Ok::<(), hellosign_sdk::tokens::StoreError>(())
/// ```
#[derive(Debug, Clone)]
pub struct FileTokenStore {
    directory: PathBuf,
}

impl FileTokenStore {
    /// Opens the directory; makes it where it is missing, for its owner only.
    ///
    /// # Errors
    /// Where it cannot be made or is none, or where anybody may write to it.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let directory = directory.into();
        let locks = directory.join("locks");
        DirBuilder::new().recursive(true).mode(0o700).create(&locks).map_err(in_path(&locks))?;
        let mode = fs::metadata(&directory).map_err(in_path(&directory))?.permissions().mode();
        if mode & 0o002 != 0 {
            let text = "anybody may write there, and could put old grants in place of new ones; chmod 700 it";
            return Err(in_path(&directory)(io::Error::new(io::ErrorKind::PermissionDenied, text)));
        }
        Ok(Self { directory })
    }

    async fn run<T: Send + 'static>(
        &self,
        account: &str,
        work: impl FnOnce(&Path, &Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let path = self.directory.join(file_name(account)?);
        let lock = self.directory.join("locks").join(format!("{:02}", hash(account) % LOCKS));
        let shown = path.clone();
        let done = tokio::task::spawn_blocking(move || work(&path, &lock)).await;
        done.map_err(StoreError::new)?.map_err(in_path(&shown))
    }
}

impl TokenStore for FileTokenStore {
    fn load<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        // Without the lock: a file is replaced whole.
        Box::pin(self.run(account, |path, _| read(path)))
    }

    fn replace<'a>(
        &'a self,
        account: &'a str,
        expected: Option<Version>,
        next: Version,
        content: Option<&'a [u8]>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        let content = content.map(<[u8]>::to_vec);
        Box::pin(self.run(account, move |path, lock| {
            let _lock = wait_for_lock(lock)?;
            if read(path)?.map(|stored| stored.version) != expected {
                return Ok(false);
            }
            match content {
                Some(content) => write(path, next, &content)?,
                None if expected.is_some() => fs::remove_file(path)?,
                None => return Ok(true),
            }
            File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
            Ok(true)
        }))
    }

    fn accounts<'a>(
        &'a self,
        after: Option<&'a str>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        let (directory, after) = (self.directory.clone(), after.map(str::to_owned));
        Box::pin(async move {
            let shown = directory.clone();
            let names = tokio::task::spawn_blocking(move || names(&directory)).await;
            let mut names = names.map_err(StoreError::new)?.map_err(in_path(&shown))?;
            names.retain(|name| after.as_ref().is_none_or(|after| name > after));
            names.sort_unstable();
            names.truncate(limit);
            Ok(names)
        })
    }
}

fn read(path: &Path) -> io::Result<Option<Stored>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some((version, content)) = bytes.split_first_chunk() else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "this is not a stored grant"));
    };
    Ok(Some(Stored { version: Version::from_be_bytes(*version), content: content.to_vec() }))
}

/// Whole or not at all, whatever happens: under another name, synced, then renamed.
fn write(path: &Path, version: Version, content: &[u8]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let mut file = private().truncate(true).open(&unfinished)?;
    file.write_all(&version.to_be_bytes())?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

/// The lock is given back when the file is closed, also by the system when the process ends.
fn wait_for_lock(path: &Path) -> io::Result<File> {
    let file = private().open(path)?;
    let began = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) if began.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(2));
            }
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let text = "another process has held its lock for 10 seconds; is that process stopped?";
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// A file that is made if it is missing, for its owner only.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options
}

fn names(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        names.extend(name.to_str().and_then(|name| name.strip_suffix(SUFFIX)).and_then(account_of));
    }
    Ok(names)
}

/// Readable where it can be; capitals are written out, since some file systems do not tell them apart.
fn file_name(account: &str) -> Result<String, StoreError> {
    let mut name = String::new();
    for byte in account.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'@' | b'.' => name.push(char::from(byte)),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    name.push_str(SUFFIX);
    if account.is_empty() || name.len() > 250 {
        return Err(StoreError::new("an account's name is empty or too long to be a file's name"));
    }
    Ok(name)
}

fn account_of(name: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// FNV-1a: the same in every process.
fn hash(account: &str) -> u32 {
    account.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

pub(super) fn in_path(path: &Path) -> impl Fn(io::Error) -> StoreError {
    let path = path.to_owned();
    move |error| StoreError::new(format!("{}: {error}", path.display()))
}
