//! Statements for tests, by PostgreSQL's own client.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use super::cluster::PATIENCE;
use super::installation::Installation;

/// Runs statements on the database with this URL, and gives what they say: a line for each row, `|` between its
/// values.
///
/// # Panics
/// Where one of them fails.
pub fn psql(url: &str, statements: &str) -> String {
    try_psql(url, statements, PATIENCE).unwrap_or_else(|error| panic!("{statements}: {error}"))
}

/// The same with a limit to its time.
///
/// # Errors
/// What the server said, with its SQLSTATE, or that it has said nothing yet.
///
/// # Panics
/// Where the URL is not one of this crate's.
pub fn try_psql(url: &str, statements: &str, patience: Duration) -> Result<String, String> {
    // A password does not belong on a command line, where others see it.
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (user, rest) = rest.split_once(':').expect("a URL with a user");
    let (password, rest) = rest.split_once('@').expect("a URL with a password");
    let flags = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-f", "-", "-d"];
    // Files, so that no length of either side keeps the other waiting.
    let (mut stdout, mut stderr) = (file("").expect("a file"), file("").expect("a file"));
    let mut child = Installation::get()
        .client("psql")
        .args(flags)
        .arg(format!("{scheme}://{user}@{rest}"))
        .env("PGPASSWORD", password)
        .stdin(file(statements).expect("a file"))
        .stdout(stdout.try_clone().expect("a file"))
        .stderr(stderr.try_clone().expect("a file"))
        .spawn()
        .expect("psql runs");
    let succeeded =
        succeeds_within(&mut child, patience).ok_or_else(|| format!("no answer within {patience:?}"))?;
    if succeeded { Ok(contents(&mut stdout)) } else { Err(contents(&mut stderr)) }
}

fn file(text: &str) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

fn contents(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("a file of our own");
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}

/// Whether it ends well; `None` where it does not end, and is ended.
fn succeeds_within(child: &mut Child, patience: Duration) -> Option<bool> {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().expect("a child process") {
            return Some(status.success());
        }
        thread::sleep(Duration::from_millis(2));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}
