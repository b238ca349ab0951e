//! Which PostgreSQL there is on this machine, and who may run it.

use std::ffi::OsStr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::{fs, str};

/// PostgreSQL's programs, and the user that they run as.
#[derive(Debug)]
pub(super) struct Installation {
    programs: PathBuf,
    /// For example 15.
    pub(super) major: u32,
    /// User and group, where this process is root: the server refuses to run as that.
    user: Option<(u32, u32)>,
}

impl Installation {
    /// Looked up once.
    pub(super) fn get() -> &'static Self {
        static FOUND: OnceLock<Installation> = OnceLock::new();
        FOUND.get_or_init(Self::find)
    }

    fn find() -> Self {
        let programs =
            programs().expect("PostgreSQL's initdb and postgres; on Debian: apt install postgresql");
        let version = text(Command::new(programs.join("postgres")).arg("--version"));
        let number = version.as_deref().and_then(|version| version.split_whitespace().nth(2));
        let major =
            number.and_then(|number| number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
        let is_root = rustix::process::geteuid().is_root();
        let user = is_root.then(|| {
            let user = ["postgres", "nobody"].into_iter().find_map(user);
            user.expect("a user other than root, postgres or nobody, to run PostgreSQL as")
        });
        Self { programs, major: major.unwrap_or_else(|| panic!("the version of {version:?}")), user }
    }

    /// A program of the server's, as its user. Nothing of the environment reaches it.
    pub(super) fn server(&self, program: &str) -> Command {
        let mut command = self.client(program);
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    /// A program of PostgreSQL's, as this process's user. Nothing of the environment reaches it.
    pub(super) fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        // The server's user may not be allowed to be where this process is.
        command.env_clear().env("LC_ALL", "C").current_dir("/").stdin(Stdio::null());
        command
    }

    /// Gives a file or directory, with all in it, to the server's user.
    pub(super) fn give(&self, path: &Path) {
        let Some((user, group)) = self.user else { return };
        chown(path, Some(user), Some(group)).expect("root may give files away");
        if path.is_dir() {
            let entries = fs::read_dir(path).expect("a directory can be read");
            entries.for_each(|entry| self.give(&entry.expect("an entry").path()));
        }
    }
}

/// The directory that has the server's programs. Debian has one for each version, and none on PATH.
fn programs() -> Option<PathBuf> {
    let told = text(Command::new("pg_config").arg("--bindir")).map(PathBuf::from);
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<_> = versions.map(|entry| entry.path().join("bin")).collect();
    let number = |bin: &PathBuf| bin.iter().nth_back(1).and_then(OsStr::to_str)?.parse::<u32>().ok();
    versions.sort_by_key(|bin| std::cmp::Reverse(number(bin)));
    let on_path = text(Command::new("sh").args(["-c", "command -v initdb"]));
    let on_path = on_path.and_then(|program| Path::new(&program).parent().map(Path::to_owned));
    let has_all = |bin: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|name| bin.join(name).exists());
    told.into_iter().chain(versions).chain(on_path).find(has_all)
}

fn user(name: &str) -> Option<(u32, u32)> {
    let id = |what: &str| text(Command::new("id").args([what, name]))?.parse().ok();
    Some((id("-u")?, id("-g")?))
}

/// What a program says, where there is such a program and it ends well.
fn text(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok().filter(|output| output.status.success())?;
    str::from_utf8(&output.stdout).ok().map(|text| text.trim().to_owned())
}

/// Runs a program to its end.
pub(super) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{error}: {:?}", command.get_program()));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}, {}: {stderr}", command.get_program(), output.status);
    output
}
