//! A cluster as initdb makes it, made once: a copy takes a tenth of the time.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::installation::{Installation, run};
use crate::kept::once_across_processes;

/// Who may do everything.
pub(super) const SUPERUSER: &str = "postgres";
/// Who the databases belong to, and who the programs under test are.
pub(super) const USER: &str = "hellosign";

/// A data directory and the password of both users. It is random: other people on this machine reach its ports.
#[derive(Debug)]
pub(super) struct Template {
    directory: PathBuf,
    pub(super) password: String,
}

impl Template {
    pub(super) fn get(installation: &Installation) -> Self {
        let name = format!("postgres-{}-template", installation.major);
        let directory = once_across_processes(&name, |directory| make(installation, directory));
        let password = fs::read_to_string(directory.join("password")).expect("the template's password");
        Self { directory, password }
    }

    /// A new data directory at `data`, which the server's user owns.
    pub(super) fn copy(&self, installation: &Installation, data: &Path) {
        run(Command::new("cp").args(["-R", "--reflink=auto"]).arg(self.directory.join("data")).arg(data));
        installation.give(data);
    }
}

/// A directory that the server's user can reach, whatever the permissions of the project's are.
pub(super) fn directory() -> TempDir {
    let directory = tempfile::Builder::new().prefix("hellosign-postgres-").tempdir().expect("a directory");
    let permissions = fs::Permissions::from_mode(0o711);
    fs::set_permissions(directory.path(), permissions).expect("permissions of a directory of our own");
    directory
}

fn make(installation: &Installation, made: &Path) {
    let password = random_hex();
    let temporary = directory();
    let (data, password_file) = (temporary.path().join("data"), temporary.path().join("password"));
    write_private(&password_file, &password);
    installation.give(&password_file);
    fs::create_dir(&data).expect("a directory");
    installation.give(&data);
    let initdb =
        ["--no-sync", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--username", SUPERUSER];
    let initdb =
        installation.server("initdb").args(initdb).arg("--pwfile").arg(&password_file).arg(&data).output();
    let initdb = initdb.expect("initdb runs");
    assert!(initdb.status.success(), "initdb: {}", String::from_utf8_lossy(&initdb.stderr));
    create_user(installation, &data, &password);

    let unfinished = made.with_extension("unfinished");
    let _ = fs::remove_dir_all(&unfinished);
    fs::create_dir(&unfinished).expect("a directory under target/");
    run(Command::new("cp").arg("-R").arg(&data).arg(unfinished.join("data")));
    write_private(&unfinished.join("password"), &password);
    fs::rename(&unfinished, made).expect("the finished template takes its place");
}

/// By a server for one user, which needs no port.
fn create_user(installation: &Installation, data: &Path, password: &str) {
    let mut server = installation.server("postgres");
    server.args(["--single", "-F", "-D"]).arg(data).arg("postgres");
    server.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut server = server.spawn().expect("postgres runs");
    let statement = format!("CREATE ROLE {USER} LOGIN PASSWORD '{password}'\n");
    server.stdin.take().expect("piped").write_all(statement.as_bytes()).expect("a statement is taken");
    let ended = server.wait_with_output().expect("postgres ends");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && !said.contains("ERROR"), "postgres --single: {said}");
}

pub(super) fn write_private(path: &Path, text: &str) {
    fs::write(path, "")
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o600)))
        .expect("a file");
    fs::write(path, text).expect("a file of our own");
}

fn random_hex() -> String {
    let mut random = [0; 16];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut random)).expect("random bytes");
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}
